"""A call of Ada's that has ended, with its audio and messages."""

from array import array
from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from management.models import Project, User
from tests.transcripts.agents.conftest import configuration
from tests.transcripts.replays.test_exchanges import called, entries, responded, said
from transcripts.agents.models import Agent, AgentVersion
from transcripts.calls.models import Call, CallEvent
from transcripts.calls.record import DOWN, Entry
from transcripts.calls.tracks import RATE, STEREO
from transcripts.live.audio import HEADER_BYTES
from transcripts.models import Recording

FUNCTIONS = [
    {"name": "lookup", "answered_by": "hand"},
    {"name": "cancel", "answered_by": "webhook", "url": "http://x.test/", "changes": True},
]
SECONDS = 6
CALL = entries(
    (2.0, DOWN, "UserStartedSpeaking", {}),
    said(3.0, "user", "Where is it?"),
    called(3.2, "f-1", "lookup", '{"id": 7}'),
    responded(4.0, "f-1", "here"),
    said(4.5, "assistant", "It is here."),
)


@pytest.fixture
def version(project: Project, ada: User) -> AgentVersion:
    agent = Agent.objects.create(project=project, name="Orders", created_by=ada)
    settings = configuration()["settings"] | {"greeting": ""}
    return agent.add_version(**configuration(settings=settings, functions=FUNCTIONS), by=ada)


@pytest.fixture
def make_call(version: AgentVersion, ada: User) -> Callable[..., Call]:
    """Make a call that has ended: the caller's samples are 1, the agent's 2."""

    def make(events: list[Entry] = CALL) -> Call:
        project = version.agent.project
        frames = array("h", [1, 2] * RATE * SECONDS).tobytes()
        name = default_storage.save("calls/call.wav", ContentFile(bytes(HEADER_BYTES) + frames))
        recording = Recording.objects.create(
            project=project, owner=ada, title="Call", file=name, channels=STEREO.channels
        )
        call = Call.objects.create(
            project=project, owner=ada, version=version, name="Orders", state=Call.State.ENDED,
            recording=recording,
        )  # fmt: skip
        CallEvent.objects.bulk_create(CallEvent(call=call, **vars(each)) for each in events)
        return call

    return make


@pytest.fixture
def ended_call(make_call: Callable[..., Call], rings: list[tuple[object, ...]]) -> Call:
    return make_call()
