"""The team, and recordings for them to read."""

import io
import itertools
import math
import wave
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from management.models import Connection, Membership, Model, Project, User
from transcripts.agents.defaults import default_configuration
from transcripts.agents.models import Agent
from transcripts.calls.models import Call
from transcripts.clips.models import Clip
from transcripts.models import Insight, Recording, State, Transcription, Utterance, Waveform
from transcripts.replays.models import Replay

LINES = (
    "The thing people forget is how dark it was before the road came through.",
    "You could stand on the step and not see your own hand, and we thought nothing of it.",
    "My father kept the light for thirty one years, and in all that time he missed two nights.",
    "How did he take it, do you think, in the end?",
    "He took it like weather. He went on winding the clock every evening for a month.",
    "Yes.",
    "The pier went first, and then the lower road, and by morning there was a boat in the yard.",
)
WORD_SECONDS = 0.35
# Of a call with one turn of each side and a function call.
MESSAGES: tuple[tuple[float, str, str, dict[str, Any]], ...] = (
    (0.0, "up", "Settings", {"agent": {"greeting": "Hi"}, "audio": {}}),
    (0.1, "down", "Welcome", {"request_id": "r-4"}),
    (0.2, "down", "SettingsApplied", {}),
    (3.0, "down", "UserStartedSpeaking", {}),
    (5.0, "down", "ConversationText", {"role": "user", "content": "How dark was the road?"}),
    (
        5.1,
        "down",
        "FunctionCallRequest",
        {
            "functions": [
                {
                    "id": "a",
                    "name": "search_library",
                    "arguments": '{"query": "road"}',
                    "client_side": True,
                }
            ]
        },
    ),
    (5.4, "up", "FunctionCallResponse", {"id": "a", "name": "search_library", "content": "[]"}),
    (5.6, "down", "ConversationText", {"role": "assistant", "content": "Very dark. " * 20}),
    (6.0, "down", "Audio", {"frames": 4, "bytes": 96_000, "start": 6.0, "end": 8.0, "seconds": 2}),
    (
        6.1,
        "down",
        "LatencyReport",
        {
            "stt_latency": 0.6,
            "ttt_token_latency": 0.5,
            "tts_latency": 0.3,
            "total_latency": 1.4,
        },
    ),
    (6.2, "down", "AgentAudioDone", {}),
    (9.0, "down", "AgentYawned", {"depth": 3}),
)


@dataclass(frozen=True)
class Cast:
    """Ada owns the project, Bob is a member, Vera a viewer, Eve has one of her own."""

    ada: User
    bob: User
    vera: User
    eve: User
    project: Project
    second: Project  # of Ada alone
    elsewhere: Project  # of Eve alone

    def recording(self, title: str = "Monday", **facts: Any) -> Recording:
        facts = {"project": self.project, "owner": self.ada} | facts
        return Recording.objects.create(title=title, **facts)

    def transcribed(self, title: str = "Monday", utterances: int = 7, **facts: Any) -> Recording:
        """A recording with audio, a waveform and a transcript of so many utterances."""
        recording = self.recording(title, state=State.DONE, **facts)
        end = transcribe(recording, utterances)
        recording.duration = recording.duration or math.ceil(end + 1)
        content = tone(recording.duration)
        recording.file = default_storage.save(f"recordings/{recording.pk}", ContentFile(content))
        recording.media_type, recording.size_bytes = "audio/wav", len(content)
        recording.save()
        Waveform.objects.create(recording=recording, peaks=bytes(range(256)) * 4)
        return recording

    def insight(self, recording: Recording, **facts: Any) -> Insight:
        """Add insights to the newest transcript of a recording."""
        found = {
            "state": State.DONE,
            "request_id": "r-2",
            "summary": "The keeper speaks of his father, of the lower road and of the storm.",
            "topics": [
                {"name": "Lighthouse", "confidence": 0.9, "start": 17.5, "end": 20.0},
                {"name": "Lighthouse", "confidence": 0.4, "start": 2.6, "end": 5.0},
                {"name": "Weather", "confidence": 0.5, "start": 25.0, "end": 30.0},
            ],
            "intents": [{"name": "Remember his father", "confidence": 0.6, "start": 18, "end": 24}],
            "sentiments": [
                {"score": -0.6, "start": 0.5, "end": 8.0},
                {"score": 0.1, "start": 8.0, "end": 20.0},
                {"score": 0.8, "start": 20.0, "end": 30.0},
            ],
            "average_score": 0.1,
        } | facts
        run = recording.finished_transcription
        assert run is not None
        return Insight.objects.create(transcription=run, **found)

    def clip(self, text: str = "Good morning.", **facts: Any) -> Clip:
        """A text that Ada had spoken, with its sound."""
        content = tone(2)
        name = default_storage.save("clips/clip", ContentFile(content))
        known = {
            "project": self.project, "owner": self.ada, "model": "aura-2-thalia-en", "file": name,
            "size_bytes": len(content), "duration": 2.0, "request_id": "r-3",
        }  # fmt: skip
        return Clip.objects.create(text=text, **known | facts)

    def replay(self, call: Call | None = None, **facts: Any) -> Replay:
        """A replay of a call that waits for a worker."""
        call = call or self.call()
        return Replay.objects.create(call=call, version=call.version, created_by=self.ada, **facts)

    def voice(self) -> Model:
        """A voice of the project's server."""
        name = "aura-2-thalia-en"
        facts = {"canonical_name": name, "kind": Model.Kind.TTS}
        voice, _ = Model.objects.get_or_create(
            connection=self.project.connection, uuid=name, defaults=facts
        )
        return voice

    def agent(self, name: str = "Orders", **facts: Any) -> Agent:
        """A voice agent of Ada's with one version."""
        agent = Agent.objects.create(
            **{"project": self.project, "name": name, "created_by": self.ada} | facts
        )
        agent.add_version(**default_configuration(), by=self.ada)
        return agent

    def call(self, **facts: Any) -> Call:
        """A call of Ada's with the default agent, not begun."""
        agent = Agent.objects.default_of(self.project)
        known = {"project": self.project, "owner": self.ada, "version": agent.version}
        return Call.objects.create(name=agent.name, **known | facts)

    def ended_call(self, recording: Recording, **facts: Any) -> Call:
        """A call that became ``recording``, with its messages."""
        now = timezone.now()
        ended = {"state": Call.State.ENDED, "started_at": now, "ended_at": now, "request_id": "r-4"}
        call = self.call(recording=recording, audio_bytes=96_000 * 30, **ended | facts)
        for sequence, (at, direction, kind, body) in enumerate(MESSAGES, start=1):
            call.events.create(sequence=sequence, at=at, direction=direction, kind=kind, body=body)
        return call

    def failed(self, title: str = "Broken", **facts: Any) -> Recording:
        recording = self.recording(title, state=State.FAILED, duration=61.0, **facts)
        recording.transcriptions.create(
            state=State.FAILED,
            finished_at=timezone.now(),
            error="The file holds no audio. Upload it in another format.",
            request_id="r-42",
        )
        return recording

    def running(self, title: str = "Under way", **facts: Any) -> Recording:
        """A recording of 100 s whose audio is sent, and which a worker holds."""
        recording = self.recording(
            title, state=State.RUNNING, duration=100.0, size_bytes=1000, **facts
        )
        now = timezone.now()
        recording.transcriptions.create(
            state=State.RUNNING,
            stage=Transcription.Stage.TRANSCRIBING,
            lease_until=now + timedelta(seconds=60),
            started_at=now,
            sent_at=now - timedelta(seconds=40),
            bytes_sent=1000,
        )
        return recording


def transcribe(recording: Recording, utterances: int, speakers: int = 3) -> float:
    """Give a recording a finished run; the second at which its last word ends."""
    now = timezone.now()
    run = recording.transcriptions.create(
        state=State.DONE,
        finished_at=now,
        sent_at=now - timedelta(seconds=9),
        request_id="r-1",
        speakers=speakers,
    )
    clock, rows = 0.5, []
    for index, line in enumerate(itertools.islice(itertools.cycle(LINES), utterances)):
        words: list[list[Any]] = []
        for word in line.split():
            words.append([word, round(clock, 3), round(clock + 0.3, 3), 0.9])
            clock += WORD_SECONDS
        rows.append(
            Utterance(
                transcription=run,
                project_id=recording.project_id,
                index=index,
                speaker=index // 2 % speakers,
                start=words[0][1],
                end=words[-1][2],
                confidence=0.9,
                text=line,
                words=words,
            )
        )
        clock += 0.5
    Utterance.objects.fill_index(rows)
    Utterance.objects.bulk_create(rows, batch_size=500)
    return clock


def make_cast() -> Cast:
    connection = Connection(
        name="Engine", kind=Connection.Kind.ENGINE, base_url="http://speech.test"
    )
    connection.api_key = "secret"
    connection.save()
    names = ("Interviews", "Calls", "Elsewhere")
    project, second, elsewhere = (
        Project.objects.create(connection=connection, upstream_id=name, name=name) for name in names
    )
    people = {
        name: User.objects.create_user(f"{name}@example.test", "a long pass phrase")
        for name in ("ada", "bob", "vera", "eve")
    }
    roles = Membership.Role
    for name, where, role in (
        ("ada", project, roles.OWNER),
        ("ada", second, roles.OWNER),
        ("bob", project, roles.MEMBER),
        ("vera", project, roles.VIEWER),
        ("eve", elsewhere, roles.OWNER),
    ):
        Membership.objects.create(user=people[name], project=where, role=role)
    return Cast(**people, project=project, second=second, elsewhere=elsewhere)


def tone(seconds: float, rate: int = 4000) -> bytes:
    """A quiet tone as an 8-bit WAV: hours of it take a few megabytes."""
    period = bytes(128 + round(12 * math.sin(2 * math.pi * step / 20)) for step in range(20))
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(1)
        wav.setframerate(rate)
        wav.writeframes(period * math.ceil(seconds * rate / 20))
    return file.getvalue()
