"""Recordings and their transcripts; a queued transcription is the job queue itself."""

import gzip
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from statistics import median
from typing import Any, NamedTuple

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import models, transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Length, Lower, Now
from django.urls import reverse
from django.utils import timezone

from management.models import Charge, Connection, Project, User, Work
from speechclient import ListenResponse, ReadResponse
from transcripts.media.names import folded_title, title_of
from transcripts.options import DEFAULTS, INSIGHTS, read_options, wants_insight
from transcripts.queue.dispatch import ring_on_commit
from transcripts.queue.leases import OPEN_STATES as OPEN_STATES
from transcripts.queue.leases import (
    Leased,
    LeasedQuerySet,
    due,
    lease_indexes,
    running_has_a_lease,
)
from transcripts.queue.leases import State as State
from transcripts.text import differences, finding, reading
from transcripts.text.reading import Key, Voices
from transcripts.text.responses import stretches
from transcripts.text.timedtext import TimedText, labels, moods
from transcripts.text.tokens import indexed
from transcripts.text.warned import caution, kept_warnings, language_name, suggested_language


class UploadQuerySet(models.QuerySet["Upload"]):
    def unfinished(self) -> "UploadQuerySet":
        """Uploads that are no recording yet."""
        return self.filter(state=Upload.State.OPEN)

    def without_client(self, seconds: timedelta) -> "UploadQuerySet":
        """Unfinished uploads whose last byte came ``seconds`` ago: their client has gone.

        One that changed later than now was written by a clock that was ahead.
        """
        now = timezone.now()
        untouched = Q(changed_at__lt=now - seconds) | Q(changed_at__gt=now + seconds)
        return self.unfinished().filter(untouched, offset_bytes=F("size_bytes"))

    def resumable_by(self, user: User) -> "UploadQuerySet":
        """Uploads of this user in projects that they may still add to."""
        return self.filter(owner=user, project__in=Project.objects.writable_by(user))

    def reserved_bytes(self, since: datetime) -> int:
        """Bytes that were announced and have not arrived, of uploads that changed since then."""
        missing = self.unfinished().filter(changed_at__gte=since)
        return missing.aggregate(total=Sum(F("size_bytes") - F("offset_bytes")))["total"] or 0


class Upload(models.Model):
    """A file on its way in, chunk by chunk; it becomes a recording with its last byte.

    ``sha256`` is that of the first ``offset_bytes`` of the file: what is sent next belongs to
    it only if its sender knows these.
    """

    class State(models.TextChoices):
        OPEN = "open", "Unfinished"
        STORED = "stored", "Became a recording"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, models.CASCADE, related_name="uploads")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="uploads")
    name = models.CharField(max_length=255)
    size_bytes = models.BigIntegerField()
    offset_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    options = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    # Not read from ``recording``, which is empty again once the recording is deleted.
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    recording = models.OneToOneField("Recording", models.SET_NULL, null=True, related_name="upload")

    objects = UploadQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["owner"], name="uploads_unfinished", condition=Q(state="open"))
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def part(self) -> float:
        """Return the part that has arrived, 0 to 1."""
        return self.offset_bytes / self.size_bytes

    @property
    def percent(self) -> int:
        return int(100 * self.part)

    @property
    def is_complete(self) -> bool:
        """Return whether the last byte has arrived."""
        return self.offset_bytes == self.size_bytes


class FoldedTitle(models.TextField):  # type: ignore[type-arg]  # no type parameters at run time
    """The title as the library's filter compares it, written with every row that is saved."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        folded = folded_title(getattr(model_instance, "title"))  # noqa: B009 any model with one
        setattr(model_instance, self.attname, folded)
        return folded


class PlayableFile(NamedTuple):
    """Stored file of a recording as the player gets it; ``tag`` identifies its bytes."""

    name: str
    media_type: str
    tag: str


class RecordingQuerySet(models.QuerySet["Recording"]):
    def update(self, **values: Any) -> int:
        if "title" in values:
            values["title_folded"] = folded_title(values["title"])
        return super().update(**values)

    def visible_to(self, user: "User") -> "RecordingQuerySet":
        """Recordings of the projects this person is in; all else does not exist for them."""
        return self.filter(project__in=Project.objects.visible_to(user))

    def writable_by(self, user: "User") -> "RecordingQuerySet":
        """Recordings this person may change: their role in the project is not viewer."""
        return self.filter(project__in=Project.objects.writable_by(user))

    def reassign(self, owner: User, to: User) -> int:
        """Make ``to`` the owner of all that ``owner`` has; return the count of recordings."""
        with transaction.atomic():
            Upload.objects.filter(owner=owner).update(owner=to)
            return self.filter(owner=owner).update(owner=to)

    def open(self) -> "RecordingQuerySet":
        """Recordings that wait for a worker or are being transcribed."""
        return self.filter(state__in=OPEN_STATES)

    def add_address(
        self, project: Project, owner: User, url: str, name: str, options: dict[str, Any]
    ) -> "Recording":
        """Add the audio at ``url``, which a worker fetches and transcribes."""
        with transaction.atomic():
            recording = self.create(
                project=project,
                owner=owner,
                title=title_of(name),
                original_name=name,
                source=Recording.Source.URL,
                source_url=url,
            )
            recording.enqueue(options)
        return recording


class Recording(models.Model):
    """Audio that someone gave us. Deleted only by a person."""

    class Source(models.TextChoices):
        UPLOAD = "upload", "Upload"
        URL = "url", "Web address"
        COMMAND = "command", "Command line"
        LIVE = "live", "Live session"
        CALL = "call", "Call with an agent"

    project = models.ForeignKey(Project, models.PROTECT, related_name="recordings")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="recordings"
    )
    title = models.CharField(max_length=255)
    # Databases fold case differently, and only in ASCII: the filter compares this.
    title_folded = FoldedTitle(editable=False, default="")
    file = models.FileField(upload_to="recordings/%Y/%m", max_length=200, blank=True)
    original_name = models.CharField(max_length=255, blank=True)
    media_type = models.CharField(max_length=100, blank=True)
    size_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    duration = models.FloatField(null=True, help_text="seconds")
    channels = models.PositiveIntegerField(null=True)
    tracks = models.JSONField(
        default=list,
        help_text="audio tracks of a file that has several: number, language, title, channels; "
        "the first is the one that is played and transcribed",
    )
    source = models.CharField(max_length=10, choices=Source, default=Source.UPLOAD)
    source_url = models.TextField(blank=True)
    listening_copy = models.FileField(
        max_length=200, blank=True, help_text="for browsers, which cannot play the original"
    )
    created_at = models.DateTimeField(default=timezone.now)
    # That of the newest transcription while it is open and of the finished one after it, written
    # in the same transaction (``show``): the library filters 100,000 rows by it without a join.
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)

    objects = RecordingQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["project", "-id"], name="recordings_of_a_project"),
            models.Index(fields=["project", "state", "-id"], name="recordings_by_state"),
            models.Index(fields=["project", "created_at"], name="recordings_by_date"),
            models.Index(fields=["project", "sha256"], name="recordings_by_hash"),
            models.Index(
                fields=["project"], name="recordings_open", condition=Q(state__in=OPEN_STATES)
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return reverse("recording", args=[self.pk])

    def rename(self, title: str) -> None:
        """Give the recording another title, a clean one."""
        self.title = title
        self.save(update_fields=["title", "title_folded"])

    def move_to(self, project: Project) -> bool:
        """Move the recording with its transcripts; False while it is being transcribed.

        A worker would store utterances in the project that it has loaded.
        """
        with transaction.atomic():
            idle = Recording.objects.filter(pk=self.pk).exclude(state__in=OPEN_STATES)
            if not idle.update(project=project):
                return False
            Utterance.objects.filter(transcription__recording=self).update(project=project)
            for name in ("live_session", "call"):  # it was one of them before
                origin = getattr(self, name, None)
                if origin is not None:
                    origin.project = project
                    origin.save(update_fields=["project"])
        self.project = project
        return True

    @property
    def transcription(self) -> "Transcription | None":
        """The newest run: the one whose text the page shows once it is done."""
        return self.transcriptions.order_by("-pk").first()

    @property
    def finished_runs(self) -> "models.QuerySet[Transcription]":
        """The runs that have a text, the newest first."""
        return self.transcriptions.filter(state=State.DONE).order_by("-pk")

    @property
    def finished_transcription(self) -> "Transcription | None":
        """The newest run that has a text: what exports and search hold."""
        return self.finished_runs.first()

    @property
    def newest_options(self) -> dict[str, Any]:
        """The options of the newest run; the defaults before the first one."""
        newest = self.transcription
        return newest.options if newest else DEFAULTS

    def is_writable_by(self, user: User) -> bool:
        """Return whether this user may change the recording."""
        return Project.objects.writable_by(user).filter(pk=self.project_id).exists()

    @property
    def playable(self) -> "PlayableFile":
        """The file for the player: a copy if browsers cannot play the original."""
        if self.listening_copy:
            return PlayableFile(str(self.listening_copy), "audio/mpeg", f"{self.sha256}-copy")
        is_media = self.media_type.startswith(("audio/", "video/"))
        # Any other type, such as HTML, must not be served under our own address.
        media_type = self.media_type if is_media else "application/octet-stream"
        return PlayableFile(str(self.file), media_type, self.sha256)

    @property
    def track_names(self) -> str:
        """The audio tracks of a file that has several, for a reader; empty for one track."""
        tracks = sorted(self.tracks, key=lambda track: track["number"])
        named = (
            ", ".join(filter(None, (f"track {track['number']}", track["title"], track["language"])))
            for track in tracks
        )
        return "; ".join(named)

    def first_twin(self, user: "User") -> "Recording | None":
        """The first recording with the same audio that this person may see, if there is one."""
        twins = Recording.objects.visible_to(user).filter(sha256=self.sha256)
        return twins.exclude(pk=self.pk).order_by("pk").first()

    def enqueue(self, options: dict[str, Any]) -> "Transcription":
        """Add a run with these options, to be done by a worker. Call it in a transaction."""
        run = self.transcriptions.create(options=options)
        run.wake()
        return run

    def order_waveform(self) -> None:
        """Have a worker draw the waveform, once. Call it in a transaction."""
        Waveform.objects.get_or_create(recording=self, defaults={"due_at": Now()})
        ring_on_commit("transcripts.draw_waveform", self.pk)

    def cancel(self) -> bool:
        """Stop the open run; False when there is none. Its worker notices within a second."""
        with transaction.atomic():
            runs = self.transcriptions.filter(state__in=OPEN_STATES)
            if not runs.update(state=State.CANCELLED, lease_until=None, finished_at=Now()):
                return False
            self.show(State.CANCELLED)
        return True

    def show(self, newest: State) -> None:
        """Note the state that follows from that of the newest run, in the same transaction.

        A recording that has a transcript stays ready whatever became of a further run.
        """
        unfinished = newest in (State.FAILED, State.CANCELLED)
        ready = unfinished and self.transcriptions.filter(state=State.DONE).exists()
        Recording.objects.filter(pk=self.pk).update(state=State.DONE if ready else newest)

    def retry(self, options: dict[str, Any] | None = None) -> bool:
        """Transcribe again; False when a run is open already.

        Without ``options`` a run that failed or was cancelled is taken up again with its own;
        a finished one is never touched: it gets a new version beside it, as do new options.
        """
        with transaction.atomic():
            closed = Recording.objects.filter(pk=self.pk).exclude(state__in=OPEN_STATES)
            if not closed.update(state=State.QUEUED):
                return False
            newest = self.transcription
            if newest is None or newest.state == State.DONE or options is not None:
                self.enqueue(options if options is not None else newest.options if newest else {})
            else:
                newest.requeue()
        return True

    def remove(self) -> None:
        """Delete the recording, its transcripts and its files. Only a person does this."""
        files = [file.name for file in (self.file, self.listening_copy) if file.name]
        with transaction.atomic():
            self.delete()
            for name in files:
                transaction.on_commit(partial(default_storage.delete, name), robust=True)


# A request for a recording up to this long, or this small while its length is not known, takes
# a thread for a short time.
SHORT_SECONDS = 120.0
SHORT_BYTES = 4 * 1024 * 1024
# Utterances that are written in one transaction; about three hours of speech take a second.
AT_ONCE = 2_000
# Finished runs that tell how fast a server is.
SPEED_RUNS = 20
BATCH = 500


class TranscriptionQuerySet(LeasedQuerySet["Transcription"]):
    def ended_since(self, moment: datetime, state: State) -> "TranscriptionQuerySet":
        """Runs that ended in a state without a newer run of their recording, the latest first."""
        ended = self.filter(state=state, finished_at__gt=moment)
        newest = ended.exclude(recording__transcriptions__pk__gt=F("pk"))
        return newest.order_by("-finished_at", "-pk")

    def done_on(self, server: Connection) -> "TranscriptionQuerySet":
        """Runs that a server finished, the latest first."""
        done = self.filter(recording__project__connection=server, state=State.DONE)
        return done.order_by("-pk")

    def speed(self) -> float | None:
        """Return the seconds that a second of audio took in the first of these runs, the median.

        None without any whose audio was sent here: that of a live session was not.
        """
        sent = self.filter(sent_at__isnull=False, recording__duration__gt=0)
        facts = sent.values_list("sent_at", "finished_at", "recording__duration")[:SPEED_RUNS]
        taken = [
            (end - began).total_seconds() / seconds
            for began, end, seconds in facts
            if began and end and seconds
        ]
        return round(max(0.0, median(taken)), 4) if taken else None

    def on(self, connections: models.QuerySet[Connection]) -> Q:
        return Q(recording__in=Recording.objects.filter(project__connection__in=connections))

    def connections(self) -> models.QuerySet[Connection]:
        return Connection.objects.filter(projects__recordings__transcriptions__in=self)

    def by_share(self, running: "Owners | None" = None) -> "TranscriptionQuerySet":
        """``running`` are owner and project of every running job, where they are known."""
        if running is None:
            running = owners_of(Recording.objects.filter(state=State.RUNNING))
        return self.order_by(
            *shares(running, "recording__"),
            "not_before",
            "pk",
        )

    def short(self) -> "TranscriptionQuerySet":
        # An address has no size yet: what it leads to may be long.
        small = Q(recording__duration=None, recording__size_bytes__range=(1, SHORT_BYTES))
        return self.filter(small | Q(recording__duration__lte=SHORT_SECONDS))

    def with_connection(self) -> "TranscriptionQuerySet":
        return self.select_related("recording__project__connection")


class Transcription(Leased):
    """One run of a recognizer over a recording. Its text is never overwritten."""

    class Stage(models.TextChoices):
        FETCHING = "fetching", "Fetching the audio"
        CHECKING = "checking", "Checking the audio"
        SENDING = "sending", "Sending the audio"
        TRANSCRIBING = "transcribing", "Transcribing"
        STORING = "storing", "Storing the transcript"

    waits_in = Stage.TRANSCRIBING
    task = "transcripts.transcribe"

    recording = models.ForeignKey(Recording, models.CASCADE, related_name="transcriptions")
    options = models.JSONField(default=dict, help_text="options as they were submitted")
    language = models.CharField(max_length=20, blank=True)
    model_name = models.CharField(max_length=200, blank=True, help_text="as the server reports it")
    speakers = models.PositiveIntegerField(default=0, help_text="number of different speakers")
    warnings = models.JSONField(
        default=list, help_text="warnings of the server, as kept_warnings returns them"
    )
    heard_seconds = models.FloatField(
        null=True, help_text="position of an open run in the audio, as reported by its server"
    )

    objects = TranscriptionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            *lease_indexes("transcriptions"),
            models.Index(
                fields=["request_id"],
                name="transcriptions_by_request",
                condition=~models.Q(request_id=""),
            ),
            models.Index(
                fields=["finished_at"],
                name="transcriptions_failed",
                condition=Q(state=State.FAILED),
            ),
        ]
        constraints = [
            running_has_a_lease("running_has_a_lease"),
            models.UniqueConstraint(
                fields=["recording"],
                condition=Q(state__in=OPEN_STATES),
                name="one_open_run_a_recording",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recording} ({self.get_state_display()})"

    @property
    def connection(self) -> Connection:
        return self.recording.project.connection

    @property
    def multichannel(self) -> bool:
        return is_multichannel(self.options)

    @property
    def amount(self) -> Work:
        """Amount that its request is charged for: the audio of every transcribed channel."""
        recording = self.recording
        tracks = (recording.channels or 1) if self.multichannel else 1
        seconds = (recording.duration or 0.0) * tracks
        return Work(Charge.BATCH, str(self.options.get("model", "")), seconds=seconds)

    @property
    def is_live(self) -> bool:
        """Return whether its words were recognised while they were spoken: nothing was sent."""
        spoken = (Recording.Source.LIVE, Recording.Source.CALL)
        return self.recording.source in spoken and self.sent_at is None

    def timed_words(self) -> list[differences.Timed]:
        """Return all words with their starts, in order."""
        rows = self.utterances.order_by("index").values_list("words", flat=True)
        return [differences.Timed(word[0], word[1]) for words in rows for word in words]

    @property
    def cautions(self) -> list[str]:
        """Return the server's warnings as sentences, first those that name another language."""
        expected = language_name(str(self.options.get("language", "")))
        tags = self.other_languages
        other = [
            f"This sounds like {language_name(tag)}, but was transcribed as {expected}."
            for tag in tags
        ]
        rest = [each for each in self.warnings if suggested_language(each) not in tags]
        return other + [sentence for each in rest if (sentence := caution(each))]

    @property
    def finished_insight(self) -> "Insight | None":
        return Insight.objects.filter(transcription=self, state=State.DONE).first()

    @property
    def all_cautions(self) -> list[str]:
        """Return the server's warnings about the transcript and about its insights."""
        insight = self.finished_insight
        return self.cautions + (insight.cautions if insight else [])

    @property
    def other_languages(self) -> list[str]:
        """Return the tags of languages that were heard where another one was chosen."""
        chosen = str(self.options.get("language", ""))
        if not chosen or chosen == "multi":
            return []
        heard = [self.language, *(suggested_language(each) for each in self.warnings)]
        main = chosen.partition("-")[0].lower()
        other = (tag for tag in heard if tag.partition("-")[0].lower() not in ("", main))
        return list(dict.fromkeys(other))

    @property
    def fits_badly(self) -> bool:
        """Return whether another language or model may give a better transcript."""
        doubted = {each.get("parameter") for each in self.warnings}
        return bool(self.other_languages) or not doubted.isdisjoint(("language", "model"))

    @property
    def voices(self) -> Voices:
        """Return the names of its speakers."""
        names = self.names.values_list("channel", "speaker", "name")
        named = {(channel, speaker): name for channel, speaker, name in names}
        return Voices(self.multichannel, named)

    def outline(self) -> list[reading.Line]:
        """All utterances in order, without what they say."""
        rows = self.utterances.order_by("index").values_list(
            "start", "end", "speaker", "channel", "confidence", Length("text")
        )
        return [reading.Line(*fields) for fields in rows]

    def block(self, number: int, voices: Voices) -> list[reading.Paragraph]:
        """The paragraphs of one block of the text, numbered from 0; empty beyond the last."""
        start = number * reading.BLOCK_UTTERANCES
        # The utterance before tells whether the first one continues its paragraph.
        near = list(
            self.utterances.filter(
                index__gte=start - 1, index__lt=start + reading.BLOCK_UTTERANCES
            ).order_by("index")
        )
        before = near.pop(0) if near and near[0].index < start else None
        return reading.paragraphs(near, before, voices)

    def find(self, words: str) -> list[finding.Found]:
        """Return the places of ``words`` in the text as the page shows it, by utterance index."""
        rows = list(self.utterances.order_by("index").values_list("index", "text", "words"))
        texts = finding.shown_texts((text, timed) for _, text, timed in rows)
        return [
            replace(place, first=rows[place.first][0], last=rows[place.last][0])
            for place in finding.find(texts, words)
        ]

    def call(self, voice: Key, name: str) -> None:
        """Name a voice; with an empty name, or its own, it is called by its number again."""
        channel, speaker = voice
        utterances = self.utterances.filter(speaker=speaker)
        if self.multichannel:
            utterances = utterances.filter(channel=channel)
        if Voices(self.multichannel).key(speaker, channel) != voice or not utterances.exists():
            return
        with transaction.atomic():
            # One at a time: two could make the same row.
            Transcription.objects.select_for_update().get(pk=self.pk)
            self.names.filter(channel=channel, speaker=speaker).delete()
            if name and name != Voices(self.multichannel).plain(voice):
                self.names.create(channel=channel, speaker=speaker, name=name)

    def moved(self, state: State) -> None:
        Recording(pk=self.recording_id).show(state)

    def ended(self) -> None:
        # Audio can be played even when it could not be transcribed.
        if self.recording.media_type:
            self.recording.order_waveform()

    def complete(self, response: ListenResponse) -> bool:
        """Store the response, its text and the end of the run, all or nothing.

        Older versions leave the search, and the names of their speakers go over to the voices
        that speak in the same places. False when the job is lost: then nothing is stored. A long
        transcript is written in many short transactions, so that others can write in between: its
        text before the end of the run, and the search index after it.
        """
        recording = self.recording
        gzipped = RawResponse.compress(response.raw)
        utterances = [
            Utterance(transcription=self, project_id=recording.project_id, index=index, **stretch)
            for index, stretch in enumerate(stretches(response))
        ]
        Utterance.objects.fill_index(utterances)
        apart = Voices(self.multichannel)
        heard = [
            (each.start, each.end, apart.key(each.speaker, each.channel)) for each in utterances
        ]
        older = Utterance.objects.filter(transcription__recording=recording, searchable=True)
        is_long = max(len(utterances), older.count()) > AT_ONCE
        if not self.write_text(utterances if is_long else []):
            return False
        with transaction.atomic():
            if not self._end(response, speakers=len({voice for _, _, voice in heard if voice})):
                return False
            RawResponse.objects.create(transcription=self, gzipped=gzipped)
            if not is_long:
                older.update(searchable=False)
                Utterance.objects.bulk_create(utterances, batch_size=BATCH)
            self.take_over_names(heard)
            if response.duration:
                # The server has heard all of it; what the file's header says may be a guess.
                Recording.objects.filter(pk=recording.pk).update(duration=response.duration)
            recording.order_waveform()
            if utterances:
                self.order_insight()
        if is_long:
            self.move_search()
        return True

    def _end(self, response: ListenResponse, speakers: int) -> bool:
        """Write what the response says of itself, and the end; False when the job is lost."""
        self.language = (response.detected_language or self.options.get("language", ""))[:20]
        return self.leave(
            State.DONE,
            finished_at=Now(),
            request_id=response.request_id,
            error="",
            language=self.language,
            model_name=(", ".join(response.model_names))[:200],
            speakers=speakers,
            warnings=kept_warnings(response.warnings),
        )

    def write_text(self, utterances: list["Utterance"]) -> bool:
        """Write the utterances of a long transcript, not to be found yet; False when it is lost.

        Rows of an attempt that was killed meanwhile are deleted first.
        """
        while self.utterances.exists():
            with transaction.atomic():
                if not self.renew():
                    return False
                first = self.utterances.order_by("index").values_list("pk", flat=True)[:BATCH]
                Utterance.objects.filter(pk__in=list(first)).delete()
        for start in range(0, len(utterances), BATCH):
            batch = utterances[start : start + BATCH]
            for utterance in batch:
                utterance.searchable = False
            with transaction.atomic():
                if not self.renew():
                    return False
                Utterance.objects.bulk_create(batch)
        return True

    def move_search(self) -> None:
        """Have the search find this run's text instead of that of older ones.

        Can be done again: the sweep completes what was cut off in the middle.
        """
        all_runs = Utterance.objects.filter(transcription__recording=self.recording_id)
        mine = all_runs.filter(transcription=self)
        for rows, searchable in ((all_runs.exclude(transcription=self), False), (mine, True)):
            changing = rows.filter(searchable=not searchable).order_by("pk")
            while batch := list(changing.values_list("pk", flat=True)[:BATCH]):
                if self.recording.finished_transcription != self:
                    return  # a newer one has been finished meanwhile
                Utterance.objects.filter(pk__in=batch).update(searchable=searchable)

    def take_over_names(self, heard: Iterable[tuple[float, float, Key | None]]) -> None:
        """Call the voices as those of the version before were called in the same places."""
        finished = self.recording.transcriptions.filter(state=State.DONE).exclude(pk=self.pk)
        before = finished.order_by("-pk").first()
        voices = before.voices if before else Voices()
        if before is None or not voices.names:
            return
        rows = before.utterances.values_list("start", "end", "speaker", "channel")
        spoken = [
            (start, end, voices.key(speaker, channel)) for start, end, speaker, channel in rows
        ]
        Speaker.objects.bulk_create(
            Speaker(transcription=self, channel=channel, speaker=speaker, name=voices.names[old])
            for (channel, speaker), old in reading.same_voices(heard, spoken).items()
            if old in voices.names
        )

    def order_all_insights(self) -> "Insight | None":
        """Have a worker read the text: for what the options ask, or for everything."""
        with transaction.atomic():
            if wants_insight(self.options):
                return self.order_insight()
            return self.order_insight(dict.fromkeys(INSIGHTS, True))

    def order_insight(self, chosen: dict[str, Any] | None = None) -> "Insight | None":
        """Have a worker read the text, as ``chosen`` or the run's own options ask.

        None when they ask for nothing or nobody can read the language. An insight that is
        there already is taken up again if it failed. Call it in a transaction.
        """
        options = read_options(self.options if chosen is None else chosen, self.language)
        if options is None:
            return None
        insight, is_new = Insight.objects.get_or_create(
            transcription=self, defaults={"options": options.to_json()}
        )
        if is_new:
            insight.wake()
        else:
            insight.requeue()
        return insight


class InsightQuerySet(LeasedQuerySet["Insight"]):
    def on(self, connections: models.QuerySet[Connection]) -> Q:
        theirs = Transcription.objects.filter(recording__project__connection__in=connections)
        return Q(transcription__in=theirs)

    def connections(self) -> models.QuerySet[Connection]:
        return Connection.objects.filter(projects__recordings__transcriptions__insight__in=self)

    def by_share(self) -> "InsightQuerySet":
        running = Recording.objects.filter(transcriptions__insight__state=State.RUNNING)
        return self.order_by(
            *shares(owners_of(running), "transcription__recording__"),
            "not_before",
            "pk",
        )

    def short(self) -> "InsightQuerySet":
        return self.filter(transcription__recording__duration__lte=SHORT_SECONDS)

    def with_connection(self) -> "InsightQuerySet":
        return self.select_related("transcription__recording__project__connection")


class Insight(Leased):
    """Insights about a transcript: a second stage, which leaves the transcript as it is.

    ``topics`` and ``intents`` are lists of ``{"name", "confidence", "start", "end"}``,
    ``sentiments`` of ``{"score", "start", "end"}``; times are seconds of the recording, a score
    is -1 (negative) to 1.
    """

    class Stage(models.TextChoices):
        SENDING = "sending", "Sending the transcript"
        READING = "reading", "Reading the transcript"
        STORING = "storing", "Storing what was found"

    waits_in = Stage.READING
    task = "transcripts.read"

    transcription = models.OneToOneField(Transcription, models.CASCADE, related_name="insight")
    options = models.JSONField(default=dict, help_text="options of the request")
    summary = models.TextField(blank=True)
    topics = models.JSONField(default=list)
    intents = models.JSONField(default=list)
    sentiments = models.JSONField(default=list)
    average_score = models.FloatField(null=True)
    warnings = models.JSONField(
        default=list, help_text="warnings of the server, as kept_warnings returns them"
    )

    objects = InsightQuerySet.as_manager()

    class Meta:
        indexes = lease_indexes("insights")
        constraints = [running_has_a_lease("running_insight_has_a_lease")]

    def __str__(self) -> str:
        return f"Insight into {self.transcription_id}"

    @property
    def connection(self) -> Connection:
        return self.transcription.connection

    @property
    def cautions(self) -> list[str]:
        """Return the server's warnings as sentences."""
        return [words for each in self.warnings if (words := caution(each))]

    def text(self) -> TimedText:
        """The transcript as it is read, with the time of each word."""
        utterances = self.transcription.utterances.order_by("index")
        return TimedText(utterances.values_list("text", "words", "start", "end"))

    def complete(self, response: ReadResponse) -> bool:
        insights, text = response.insights, self.text()
        gzipped = RawInsight.compress(response.raw)
        with transaction.atomic():
            stored = self.leave(
                State.DONE,
                finished_at=Now(),
                request_id=response.request_id,
                error="",
                summary=insights.summary or "",
                topics=labels(text, insights.topics),
                intents=labels(text, insights.intents),
                sentiments=moods(text, insights.sentiments),
                average_score=insights.average_score,
                warnings=kept_warnings(response.warnings),
            )
            if stored:
                RawInsight.objects.create(insight=self, gzipped=gzipped)
        return stored


class Speaker(models.Model):
    """The name that people gave a voice of a transcript, told apart by channel and number."""

    transcription = models.ForeignKey(Transcription, models.CASCADE, related_name="names")
    channel = models.PositiveIntegerField(default=0)
    speaker = models.PositiveIntegerField(null=True, help_text="empty for a whole channel")
    name = models.CharField(max_length=100)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["transcription", "channel", "speaker"], name="one_name_a_speaker"
            ),
            # No two empty numbers are equal to a database.
            models.UniqueConstraint(
                fields=["transcription", "channel"],
                condition=Q(speaker__isnull=True),
                name="one_name_a_channel",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PresetQuerySet(models.QuerySet["Preset"]):
    def visible_to(self, user: "User") -> "PresetQuerySet":
        return self.filter(project__in=Project.objects.visible_to(user))

    def writable_by(self, user: "User") -> "PresetQuerySet":
        """Presets this person may change: their role in the project is not viewer."""
        return self.filter(project__in=Project.objects.writable_by(user))

    def projects_with_default(self) -> list[int]:
        """The ids of the projects that have a default preset."""
        return list(self.filter(is_default=True).values_list("project_id", flat=True))

    def defaults_of(self, project: Project) -> dict[str, Any]:
        """The options of a project's recordings for which nothing else was chosen."""
        preset = self.filter(project=project, is_default=True).first()
        return preset.options if preset else DEFAULTS


class Preset(models.Model):
    """Options of a project's recordings under a name; at most one is the project's default."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="presets")
    name = models.CharField(max_length=60)
    options = models.JSONField(default=dict, help_text="options, in the form that a run stores")
    is_default = models.BooleanField(default=False)

    objects = PresetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("project", Lower("name"), name="one_preset_a_name"),
            models.UniqueConstraint(
                fields=["project"], condition=Q(is_default=True), name="one_default_a_project"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def make_default(self, is_default: bool = True) -> None:
        """Have the project's recordings use it unless something else is chosen, or not any more."""
        with transaction.atomic():
            Preset.objects.filter(project=self.project_id, is_default=True).update(is_default=False)
            Preset.objects.filter(pk=self.pk).update(is_default=is_default)
        self.is_default = is_default


class StoredResponse(models.Model):
    """A server's response as it came, beside what we made of it."""

    gzipped = models.BinaryField()

    class Meta:
        abstract = True

    @classmethod
    def compress(cls, body: bytes) -> bytes:
        return gzip.compress(body, compresslevel=5, mtime=0)

    def body(self) -> bytes:
        return gzip.decompress(self.gzipped)

    def parsed(self) -> Any:
        return json.loads(self.body())


class RawResponse(StoredResponse):
    """The response that a transcript was made of."""

    transcription = models.OneToOneField(
        Transcription, models.CASCADE, primary_key=True, related_name="raw_response"
    )

    def __str__(self) -> str:
        return f"Response to {self.transcription_id}"


class RawInsight(StoredResponse):
    """The response that an insight was made of."""

    insight = models.OneToOneField(
        Insight, models.CASCADE, primary_key=True, related_name="raw_response"
    )

    def __str__(self) -> str:
        return f"Response to {self.insight_id}"


def is_multichannel(options: Mapping[str, Any]) -> bool:
    """Return whether a transcription with these options has a transcript for each channel."""
    return bool(options.get("multichannel"))


class UtteranceQuerySet(models.QuerySet["Utterance"]):
    def fill_index(self, transcript: Sequence["Utterance"]) -> None:
        """Set what search indexes of the utterances of one transcript, all of them in order.

        Call it before they are stored: a phrase is found across utterances, and so each of them
        is indexed with the beginning of the next.
        """
        texts = indexed([utterance.text for utterance in transcript])
        for utterance, text in zip(transcript, texts, strict=True):
            utterance.spaced = text.spaced
            utterance.seam = text.seam
            utterance.vocabulary = text.vocabulary


class Utterance(models.Model):
    """One speaker's stretch of speech between pauses.

    ``words`` is a list of ``[text, start, end, confidence]``; times are seconds from the
    start of the recording. ``project`` and ``searchable`` repeat what the recording and its
    newest transcription say, so that a search touches this table alone. ``spaced``, ``seam`` and
    ``vocabulary`` are for the search index: see ``transcripts.text.tokens.IndexedText``.
    """

    transcription = models.ForeignKey(Transcription, models.CASCADE, related_name="utterances")
    project = models.ForeignKey(Project, models.PROTECT, related_name="+")
    index = models.PositiveIntegerField(help_text="place in the transcript, from 0")
    channel = models.PositiveIntegerField(default=0)
    speaker = models.PositiveIntegerField(null=True)
    start = models.FloatField()
    end = models.FloatField()
    confidence = models.FloatField()
    text = models.TextField()
    words = models.JSONField(default=list)
    searchable = models.BooleanField(
        default=True, help_text="true for those of the newest finished run"
    )
    spaced = models.TextField(default="", blank=True, editable=False)
    seam = models.TextField(default="", blank=True, editable=False)
    vocabulary = models.TextField(default="", blank=True, editable=False)

    objects = UtteranceQuerySet.as_manager()

    class Meta:
        ordering = ["transcription", "index"]
        constraints = [
            models.UniqueConstraint(
                fields=["transcription", "index"], name="one_utterance_a_place"
            ),
            models.CheckConstraint(condition=Q(end__gte=F("start")), name="utterance_ends_late"),
        ]

    def __str__(self) -> str:
        return self.text


Owners = list[tuple[int | None, int]]


def owners_of(recordings: RecordingQuerySet) -> Owners:
    """Return owner and project of each of these recordings."""
    return list(recordings.order_by().values_list("owner", "project"))


def shares(running: Owners, path: str) -> list[models.Case]:
    """Order by the running jobs of the owner, then of the project, of a recording at ``path``."""
    ranks = []
    for place, field in enumerate(("owner", "project")):
        counts = Counter(pair[place] for pair in running if pair[place])
        cases = [models.When(**{f"{path}{field}": pk}, then=n) for pk, n in counts.items()]
        # Without a case only the default is left, which PostgreSQL takes for a column's place.
        if cases:
            ranks.append(models.Case(*cases, default=0, output_field=models.IntegerField()))
    return ranks


# Longer than a drawing takes: then the worker that had claimed it is gone.
DRAWING = timedelta(minutes=10)


class WaveformQuerySet(models.QuerySet["Waveform"]):
    def due(self, late: timedelta = timedelta()) -> "WaveformQuerySet":
        """Waveforms that should have been drawn ``late`` ago and that nobody draws."""
        return self.filter(due("due_at", DRAWING, late))

    def claim(self, pk: int) -> bool:
        """Take the drawing of a waveform; False when it is done or somebody has it."""
        return self.due().filter(pk=pk).update(due_at=Now() + DRAWING) == 1


class Waveform(models.Model):
    """Loudness over time for the player: one byte a step, 0 silent to 255 the loudest.

    The steps are of equal length and together as long as the recording. None are there while
    ``due_at`` is set, and none when the audio could not be drawn.
    """

    recording = models.OneToOneField(
        Recording, models.CASCADE, primary_key=True, related_name="waveform"
    )
    peaks = models.BinaryField(default=bytes)
    due_at = models.DateTimeField(
        null=True, help_text="time at which it is drawn next; empty when up to date"
    )

    objects = WaveformQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="waveforms_due", condition=Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"Waveform of {self.recording_id}"

    def finish(self, peaks: bytes, **facts: Any) -> None:
        """Store the drawing, and what it found out about the recording.

        The player's time line is that of the waveform and of the copy.
        """
        with transaction.atomic():
            if facts:
                Recording.objects.filter(pk=self.pk).update(**facts)
            Waveform.objects.filter(pk=self.pk).update(peaks=peaks, due_at=None)

    @property
    def is_drawn(self) -> bool:
        """Return whether the drawing has ended, with or without a result."""
        return self.due_at is None
