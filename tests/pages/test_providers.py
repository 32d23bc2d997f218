"""Sign-in with an identity provider: OpenID Connect, against a provider of the test's own."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from management.models import Action, AuditEntry, User
from tests.pages.cast import Cast
from webapp.env import read
from webapp.signin.providers import OIDC, providers


class Provider:
    """An OpenID Connect provider, which says of everybody that they are ``person``."""

    def __init__(self) -> None:
        self.person: dict[str, Any] = {"sub": "1", "email": "ada@example.test"}
        self.person["email_verified"] = True
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                bodies = {
                    "/.well-known/openid-configuration": {
                        "issuer": provider.url,
                        "authorization_endpoint": f"{provider.url}/authorize",
                        "token_endpoint": f"{provider.url}/token",
                        "userinfo_endpoint": f"{provider.url}/userinfo",
                        "token_endpoint_auth_methods_supported": ["client_secret_post"],
                    },
                    "/token": {"access_token": "t", "token_type": "Bearer"},
                    "/userinfo": provider.person,
                }
                body = json.dumps(bodies[self.path]).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = respond

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=[0.01], daemon=True).start()


@pytest.fixture
def provider(settings, full_lane: None) -> Iterator[Provider]:
    provider = Provider()
    environ = {"EARSHOT_OIDC_URL": provider.url, "EARSHOT_OIDC_CLIENT_ID": "earshot"}
    env = read(environ | {"EARSHOT_OIDC_CLIENT_SECRET": "secret", "EARSHOT_OIDC_NAME": "Okta"})
    settings.SOCIALACCOUNT_PROVIDERS = providers(env)
    settings.ENV = replace(settings.ENV, oidc=env.oidc)
    yield provider
    provider.server.shutdown()


def sign_in(client: Client, following: str = "/search/"):
    """Go to the provider and come back with its code."""
    led = client.get(reverse("openid_connect_login", args=[OIDC]), {"next": following})
    query = parse_qs(urlsplit(led["Location"]).query)
    assert urlsplit(led["Location"]).path == "/authorize"
    assert query["code_challenge_method"] == ["S256"]
    answer = {"code": "c", "state": query["state"][0]}
    return client.get(reverse("openid_connect_callback", args=[OIDC]), answer)


def test_the_sign_in_page_offers_the_provider(provider, client: Client, cast: Cast):
    assert "Sign in with Okta" in client.get(reverse("sign_in")).content.decode()


def test_a_person_with_an_account_is_signed_in_by_a_verified_address(
    provider, client: Client, cast: Cast
):
    assert sign_in(client)["Location"] == "/search/"
    assert client.get(reverse("account")).context["user"] == cast.ada
    assert AuditEntry.objects.filter(action=Action.SIGN_IN, actor=cast.ada).exists()
    client.post(reverse("sign_out"))
    # From then on by their id at the provider, whatever their address is there.
    provider.person["email"] = "ada@elsewhere.test"
    sign_in(client)
    assert client.get(reverse("account")).context["user"] == cast.ada


@pytest.mark.parametrize(
    "person",
    [{"email": "stranger@example.test"}, {"email_verified": False}],
    ids=["a stranger", "an address that is not verified"],
)
def test_nobody_else_gets_an_account_or_in(person, provider, client: Client, cast: Cast):
    provider.person |= person
    before = User.objects.count()
    response = sign_in(client)
    text = response.content.decode() if response.status_code == 200 else ""
    text += client.get(response["Location"]).content.decode() if response.status_code == 302 else ""
    assert "You have no account here yet" in text
    assert User.objects.count() == before
    assert client.get(reverse("account")).status_code == 302


@pytest.mark.parametrize("email", ["stranger@example.test", "Stranger@Example.TEST"])
def test_people_of_an_allowed_domain_get_an_account_in_no_project(
    email, provider, client: Client, cast: Cast, settings
):
    settings.ENV = replace(settings.ENV, sign_up_domains=("other.test", "example.test"))
    provider.person |= {"sub": "9", "email": email, "name": "Grace Hopper"}
    assert sign_in(client)["Location"] == "/search/"
    user = client.get(reverse("account")).context["user"]
    assert user.email.lower() == "stranger@example.test"
    assert not user.has_usable_password()
    assert not user.memberships.exists()
    assert not user.is_superuser
    entry = AuditEntry.objects.get(action=Action.PERSON_CREATED)
    assert (entry.actor, entry.details) == (user, {"by": "Okta"})
    assert client.get(reverse("dashboard")).status_code == 200


@pytest.mark.parametrize(
    "person",
    [
        {"email_verified": False},
        {"email": "stranger@sub.example.test"},
        {"email": "stranger@notexample.test"},
        {"email": "stranger@example.test@evil.test"},
        {"email": ""},
    ],
)
def test_an_allowed_domain_opens_for_nobody_else(
    person, provider, client: Client, cast: Cast, settings
):
    settings.ENV = replace(settings.ENV, sign_up_domains=("example.test",))
    provider.person |= {"sub": "9", "email": "stranger@example.test"} | person
    before = User.objects.count()
    sign_in(client)
    assert User.objects.count() == before
    assert client.get(reverse("account")).status_code == 302


def test_a_deactivated_person_is_not_signed_in(provider, client: Client, cast: Cast):
    User.objects.filter(pk=cast.ada.pk).update(is_active=False)
    sign_in(client)
    assert client.get(reverse("account")).status_code == 302


def test_a_state_that_was_made_up_signs_nobody_in(provider, client: Client, cast: Cast):
    url = reverse("openid_connect_callback", args=[OIDC])
    response = client.get(url, {"code": "c", "state": "x"})
    assert "You were not signed in" in response.content.decode()
    assert client.get(reverse("account")).status_code == 302
