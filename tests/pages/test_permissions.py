"""Every address as each role, compared with the table of tests/permissions.py."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from management.models import (
    AgentConfiguration,
    Connection,
    Invitation,
    Invite,
    Key,
    Member,
    Model,
    Price,
    Request,
    Token,
    User,
)
from management.servers import speech
from management.servers.crypto import encrypt
from tests.pages.cast import Cast
from tests.pages.test_access import ALL
from tests.permissions import PAGE, RULES, Rule, written
from transcripts.agents.models import Agent
from transcripts.calls.models import Call
from transcripts.live.models import LiveSession
from transcripts.models import Preset, Recording, Upload
from transcripts.options import DEFAULTS
from webapp.env import read
from webapp.signin.providers import providers

pytestmark = pytest.mark.full

# Between the steps of a sign-in alone: tests/pages/test_accounts.py, test_providers.py.
UNLISTED = {
    "mfa_authenticate",
    "openid_connect_login",
    "openid_connect_callback",
    "socialaccount_login_error",
}


# 422: the form offers a role no project that it may not write to.
DENIED = (401, 403, 404, 405, 422)
QUERY = {"q": "road"}


class Undone(Exception):
    """Ends a transaction whose changes the next role does not see."""


@pytest.fixture(autouse=True)
def servers(settings) -> Iterator[None]:
    """An identity provider's address, and a speech server that accepts every change."""
    env = read({"EARSHOT_OIDC_URL": "http://127.0.0.1:9", "EARSHOT_OIDC_CLIENT_ID": "earshot"})
    settings.SOCIALACCOUNT_PROVIDERS = providers(env)
    key = {"api_key_id": "k-2", "key": "value", "scopes": ["member"]}

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/speak":
            return httpx.Response(200, content=b"ID3", headers={"Content-Type": "audio/mpeg"})
        return httpx.Response(200, json=key)

    speech.transport = httpx.MockTransport(respond)
    yield
    speech.transport = None


@pytest.fixture
def people(cast: Cast) -> dict[str, User | None]:
    """One person of each role."""
    root = User.objects.create_superuser("root@example.test", "a long pass phrase")
    admin = User.objects.create_user("adam@example.test", "a long pass phrase")
    cast.project.set_role(admin, "admin")
    return {
        "administrator": root,
        "owner": cast.ada,
        "admin": admin,
        "member": cast.bob,
        "viewer": cast.vera,
        "stranger": cast.eve,
        "nobody": None,
    }


class Objects:
    """The objects of addresses: of Ada's project, or of the person who asks."""

    def __init__(self, cast: Cast, person: User) -> None:
        self.cast, self.person = cast, person

    def of(self, name: str) -> Any:
        """The key of the object that the address of ``name`` is about."""
        special = {
            "person": lambda: self.cast.bob,
            "recordings_reassign": lambda: self.cast.bob,
            "session_end": self.session,
            "account_token_revoke": self.token,
            "mfa_edit_webauthn": self.passkey,
            "mfa_remove_webauthn": self.passkey,
            "connection_edit": self.connection,
            "connection_remove": self.connection,
            "model_purposes": self.connection,
            "price_remove": self.price,
            "voice_sample": self.cast.voice,
            "request_detail": self.request,
            "account_invite_withdraw": self.invite,
        }
        kinds = {
            "person": lambda: self.cast.bob,
            "project": lambda: self.cast.project,
            "invitation": self.invitation,
            "preset": self.preset,
            "upload": self.upload,
            "live": self.live,
            "call": self.call,
            "replay": self.cast.replay,
            "key": self.key,
            "member": self.member,
            "model": self.model,
            "clip": self.cast.clip,
            "agent": self.cast.agent,
            "configuration": self.configuration,
        }
        make = special.get(name) or kinds.get(name.partition("_")[0], self.recording)
        return make().pk

    def recording(self) -> Recording:
        return self.cast.transcribed()

    def session(self) -> Any:
        facts = {"ip": "192.0.2.7", "user_agent": "Lynx", "session_key": "other"}
        return self.person.usersession_set.create(**facts)

    def token(self) -> Token:
        return Token.objects.make(self.person, "Script", may_write=False, days=None)[0]

    def passkey(self) -> Authenticator:
        data = {"name": "Laptop", "credential": {}}
        kind = Authenticator.Type.WEBAUTHN
        return Authenticator.objects.create(user=self.person, type=kind, data=data)

    def factors(self) -> None:
        """An authenticator app and recovery codes of this person."""
        secret = encrypt("A" * 32).decode()
        for kind, data in (
            (Authenticator.Type.TOTP, {"secret": secret}),
            (Authenticator.Type.RECOVERY_CODES, {"seed": secret, "used_mask": 0}),
        ):
            Authenticator.objects.create(user=self.person, type=kind, data=data)

    def invitation(self) -> Invitation:
        return Invitation.objects.invite("grace@example.test", days=7)[0]

    def configuration(self) -> AgentConfiguration:
        return AgentConfiguration.objects.create(project=self.cast.project, agent_id="a-1")

    def preset(self) -> Preset:
        return Preset.objects.create(project=self.cast.project, name="Preset")

    def upload(self) -> Upload:
        facts = {"owner": self.person, "project": self.cast.project, "name": "a", "size_bytes": 9}
        return Upload.objects.create(**facts)

    def live(self) -> LiveSession:
        return LiveSession.objects.create(
            owner=self.person, project=self.cast.project, title="Live"
        )

    def call(self) -> Call:
        return self.cast.call(owner=self.person)

    def key(self) -> Key:
        return Key.objects.create(project=self.cast.project, api_key_id="k-1")

    def member(self) -> Member:
        return Member.objects.create(project=self.cast.project, member_id="u-1")

    def price(self) -> Price:
        connection = self.cast.project.connection
        return Price.objects.create(connection=connection, charge="batch", dollars=1)

    def model(self) -> Model:
        connection = self.cast.project.connection
        return Model.objects.create(connection=connection, uuid="m", canonical_name="nova-3")

    def invite(self) -> Invite:
        return Invite.objects.create(project=self.cast.project, email="cleo@example.test")

    def request(self) -> Request:
        return Request.objects.create(
            project=self.cast.project, request_id="r-9", created=timezone.now()
        )

    def connection(self) -> Connection:
        facts = {"name": "Other", "base_url": "https://other.test", "from_environment": False}
        added = Connection(kind="hosted", **facts)
        added.api_key = "secret"
        added.save()
        return added

    def link(self) -> str:
        session = self.live()
        session.audience = LiveSession.Audience.ANYONE
        session.save()
        return session.link


def address(name: str, objects: Objects) -> str:
    if name in ("account_reset_password_from_key", "account_confirm_email"):
        key = {"key": "x"}
        return reverse(name, kwargs=key | ({"uidb36": "1"} if "reset" in name else {}))
    known: dict[str, Any] = {"number": 0, "kind": "txt", "token": "x", "provider_id": "sso"}
    if "pk" in ALL[name]:
        known["pk"] = objects.of(name)
    if "link" in ALL[name]:
        known["link"] = objects.link()
    return reverse(name, kwargs={each: known[each] for each in ALL[name]})


def form(cast: Cast) -> dict[str, Any]:
    """Every field that some form has."""
    return {
        "project": cast.project.pk, "ids": ["1"], "action": "retry", "title": "New", "voice": "0-0",
        "name": "New", "url": "https://example.test/a.wav", "channel": 0, "speaker": 0,
        "options": "{}", "user": cast.vera.pk, "role": "member", "to": cast.ada.pk,
        "archived": "yes", "administrator": "yes", "active": "yes", "theme": "dark",
        "model": DEFAULTS["model"], "mode": "captions", "source": "microphone", "language": "en",
        "endpointing": "800", "encoding": "mp3", "dollars": "10", "period": "month",
        "based_on": "1", "listen_model": "nova-3",
        "agent": Agent.objects.default_of(cast.project).pk,
        "connection": cast.project.connection_id, "charge": "batch",
    }  # fmt: skip


def headers(cast: Cast) -> dict[str, str]:
    """Headers of uploads and of the passkey challenge, which other addresses ignore."""
    facts = {"filename": "a.wav", "project": str(cast.project.pk), "options": json.dumps({})}
    pairs = (f"{name} {base64.b64encode(text.encode()).decode()}" for name, text in facts.items())
    return {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "Upload-Metadata": ",".join(pairs)}


def reaches(rule: Rule, cast: Cast, person: User | None, method: str) -> bool:
    """Return whether this person reaches an address; its effects are undone."""
    reached = False
    try:
        with transaction.atomic():
            objects = Objects(cast, person or cast.ada)
            if rule.name.startswith("mfa_"):
                objects.factors()
            url, client = address(rule.name, objects), Client()
            if person is not None:
                client.force_login(person)
            extra = headers(cast) if rule.name == "uploads" else {}
            if rule.name == "mfa_login_webauthn":
                extra = {"Accept": "application/json"}
            fields = form(cast) if method == "POST" else QUERY
            send = client.post if method == "POST" else client.get
            response = send(url, fields, headers=extra)
            assert response.status_code < 500 or rule.name == "readyz", response.status_code
            led = response.headers.get("Location", "")
            asked = led.startswith(reverse("sign_in")) and not rule.name.startswith("sign_out")
            reached = response.status_code not in DENIED and not (
                asked and person is None and rule.name != "account_logout"
            )
            raise Undone
    except Undone:
        return reached


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}-{rule.method}")
def test_an_address_is_reached_by_the_roles_of_the_table(rule: Rule, cast: Cast, people):
    reached = {role for role, who in people.items() if reaches(rule, cast, who, rule.method)}
    assert reached == set(rule.who)


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_address_is_in_the_table(name):
    assert name in {rule.name for rule in RULES} | UNLISTED


def test_the_documentation_is_the_table():
    assert PAGE.read_text() == written(), "run python -m tests.permissions"
