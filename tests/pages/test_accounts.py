"""Accounts: second factors, passwords, addresses, sessions, and no account for strangers."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import settings as django_settings
from django.core import mail
from django.test import Client
from django.urls import NoReverseMatch, reverse

from management.models import Action, AuditEntry, User
from tests.pages.cast import Cast
from webapp.env import Email
from webapp.signin.resuming import Unsent

pytestmark = pytest.mark.slow

PASSWORD = "a long pass phrase"


@pytest.fixture
def mail_server(settings) -> Iterator[None]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    object.__setattr__(settings.ENV, "email", Email(host="mail.test", sender="e@mail.test"))
    yield
    object.__setattr__(settings.ENV, "email", Email())


def sign_in(client: Client, email: str = "ada@example.test", password: str = PASSWORD, **fields):
    return client.post(reverse("sign_in"), {"login": email, "password": password, **fields})


def is_signed_in(client: Client) -> bool:
    return client.get(reverse("library")).status_code == 200


def code_of(secret: str) -> str:
    """The code that an authenticator app shows now."""
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def add_app(client: Client) -> str:
    """Add an authenticator app to the account of ``client``; return its secret."""
    url = reverse("mfa_activate_totp")
    client.post(f"{reverse('account_reauthenticate')}?next={url}", {"password": PASSWORD})
    (secret,) = re.findall(r"<code>(\w+)</code>", client.get(url).content.decode())
    assert client.post(url, {"code": code_of(secret)})["Location"] == reverse(
        "mfa_view_recovery_codes"
    )
    return secret


def recovery_codes(client: Client) -> list[str]:
    """The codes that are shown, once."""
    page = client.get(reverse("mfa_view_recovery_codes"))
    return re.findall(r"<code>(\d+)</code>", page.content.decode())


@pytest.mark.parametrize("name", ["account_signup", "socialaccount_signup"])
def test_there_is_no_page_to_make_an_account(name, client: Client, cast: Cast):
    with pytest.raises(NoReverseMatch):
        reverse(name)
    for address in ("/signup/", "/accounts/signup/", "/sign-up/"):
        assert client.get(address).status_code == 404


def test_a_second_factor_is_asked_for_and_its_secret_is_encrypted(
    client: Client, cast: Cast, django_capture_on_commit_callbacks
):
    sign_in(client)
    with django_capture_on_commit_callbacks(execute=True):
        secret = add_app(client)
    codes = recovery_codes(client)
    assert len(codes) == 10
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert codes[0] not in stored
    client.post(reverse("sign_out"))

    asked = sign_in(client)
    assert asked["Location"] == reverse("mfa_authenticate")
    assert not is_signed_in(client)
    wrong = client.post(asked["Location"], {"code": "000000"})
    assert "This code is not valid" in wrong.content.decode()
    assert not is_signed_in(client)
    # That of the app was used a moment ago; a recovery code signs in once.
    assert client.post(asked["Location"], {"code": codes[0]}).status_code == 302
    assert is_signed_in(client)
    client.post(reverse("sign_out"))
    sign_in(client)
    assert client.post(asked["Location"], {"code": codes[0]}).status_code == 200
    assert not is_signed_in(client)
    told = set(AuditEntry.objects.values_list("action", flat=True))
    assert {Action.SECOND_FACTOR_ADDED, Action.SIGN_IN_FAILED} <= told


def test_recovery_codes_are_shown_once(client: Client, cast: Cast):
    sign_in(client)
    add_app(client)
    assert len(recovery_codes(client)) == 10
    assert recovery_codes(client) == []
    again = client.get(reverse("mfa_view_recovery_codes")).content.decode()
    assert "10 of 10 codes are left" in again


def test_wrong_codes_are_slowed_down(client: Client, cast: Cast):
    sign_in(client)
    add_app(client)
    client.post(reverse("sign_out"))
    url = sign_in(client)["Location"]
    texts = [client.post(url, {"code": "000000"}).content.decode() for _ in range(12)]
    assert "This code is not valid" in texts[0]
    assert "Too many attempts" in texts[-1]


def test_a_form_is_kept_through_the_second_factor(client: Client, cast: Cast):
    sign_in(client)
    add_app(client)
    codes = recovery_codes(client)
    client.post(reverse("sign_out"))
    unsent = Unsent("/x/", [("title", "Typed long ago")], "/").sign()
    asked = sign_in(client, unsent=unsent)
    assert "Typed long ago" in client.post(asked["Location"], {"code": codes[1]}).content.decode()


def test_a_second_factor_is_added_only_after_the_password(client: Client, cast: Cast):
    client.force_login(cast.ada)
    response = client.get(reverse("mfa_activate_totp"))
    assert response.status_code == 302
    assert urlsplit(response["Location"]).path == reverse("account_reauthenticate")


def test_a_new_password_ends_all_other_sessions(client: Client, cast: Cast):
    other = Client()
    for each in (client, other):
        sign_in(each)
    fields = {"oldpassword": PASSWORD, "password1": "sesame and lentils"}
    weak = client.post(reverse("account_change_password"), fields | {"password1": "12345678"})
    assert weak.status_code == 200
    changed = client.post(
        reverse("account_change_password"), fields | {"password2": "sesame and lentils"}
    )
    assert changed["Location"] == reverse("account")
    assert is_signed_in(client)
    assert not is_signed_in(other)
    assert AuditEntry.objects.filter(action=Action.PASSWORD_CHANGED, actor=cast.ada).exists()


def test_a_lost_password_is_replaced_by_a_link_that_works_once(
    client: Client, cast: Cast, mail_server
):
    other = Client()
    sign_in(other)
    assert (
        client.post(reverse("account_reset_password"), {"email": "ADA@example.test"}).status_code
        == 302
    )
    (message,) = mail.outbox
    (link,) = re.findall(r"http://testserver(/password/new/\S+)", str(message.body))
    form = client.get(link)
    assert client.post(form["Location"], {"password1": "12345678"}).status_code == 200
    saved = client.post(form["Location"], {"password1": "sesame and lentils"})
    assert saved["Location"] == reverse("account_reset_password_from_key_done")
    assert not is_signed_in(other)
    assert "no longer valid" in client.get(link).content.decode()
    assert sign_in(client, password="sesame and lentils").status_code == 302
    assert is_signed_in(client)


def test_a_link_for_a_password_expires(client: Client, cast: Cast, mail_server, settings):
    client.post(reverse("account_reset_password"), {"email": "ada@example.test"})
    (link,) = re.findall(r"http://testserver(/password/new/\S+)", str(mail.outbox[0].body))
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert "no longer valid" in client.get(link).content.decode()
    assert django_settings.PASSWORD_RESET_TIMEOUT == -1


def test_no_mail_goes_to_an_address_without_an_account(client: Client, cast: Cast, mail_server):
    response = client.post(reverse("account_reset_password"), {"email": "nobody@example.test"})
    # The response is that of an address with an account.
    assert response["Location"] == reverse("account_reset_password_done")
    assert mail.outbox == []


def test_an_address_is_changed_at_once_without_a_mail_server(client: Client, cast: Cast):
    sign_in(client)
    url = reverse("account_email_change")
    taken = client.post(url, {"email": "BOB@example.test", "password": PASSWORD})
    assert "Another account has this address" in taken.content.decode()
    wrong = client.post(url, {"email": "ada@new.test", "password": "wrong"})
    assert "Wrong password" in wrong.content.decode()
    assert client.post(url, {"email": "ada@new.test", "password": PASSWORD}).status_code == 302
    client.post(reverse("sign_out"))
    assert sign_in(client).status_code == 200
    assert sign_in(client, email="ada@new.test").status_code == 302


def test_with_a_mail_server_an_address_is_changed_by_its_link(
    client: Client, cast: Cast, mail_server
):
    sign_in(client)
    fields = {"email": "ada@new.test", "password": PASSWORD}
    client.post(reverse("account_email_change"), fields)
    cast.ada.refresh_from_db()
    assert cast.ada.email == "ada@example.test"
    assert "ada@new.test is used once" in client.get(reverse("account")).content.decode()
    (message,) = mail.outbox
    assert message.to == ["ada@new.test"]
    (link,) = re.findall(r"http://testserver(/email/confirm/\S+)", str(message.body))
    assert client.get(link).status_code == 200
    client.post(link)
    cast.ada.refresh_from_db()
    assert cast.ada.email == "ada@new.test"
    client.post(reverse("sign_out"))
    assert sign_in(client).status_code == 200
    assert AuditEntry.objects.filter(action=Action.EMAIL_CHANGED, subject="ada@new.test").exists()


def test_a_person_sees_and_ends_their_sessions(client: Client, cast: Cast):
    other = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"})
    for each in (other, client):
        sign_in(each)
    text = client.get(reverse("account")).content.decode()
    assert "Firefox on Linux" in text
    (end,) = re.findall(r'action="(\S+/sessions/\d+/end/)"', text)
    bob = Client()
    sign_in(bob, email="bob@example.test")
    assert bob.post(end).status_code == 404
    client.post(end)
    assert not is_signed_in(other)
    assert is_signed_in(client)


def test_all_other_sessions_end_at_once(client: Client, cast: Cast):
    others = [Client(), Client()]
    for each in (*others, client):
        sign_in(each)
    keys = [each.cookies["sessionid"].value for each in others]
    assert all(User.objects.is_signed_in(cast.ada.pk, key) for key in keys)
    client.post(reverse("sessions_end"))
    assert not any(User.objects.is_signed_in(cast.ada.pk, key) for key in keys)
    assert is_signed_in(client)


def test_an_open_socket_can_ask_whether_its_session_is_valid(
    client: Client, cast: Cast, django_assert_num_queries
):
    sign_in(client)
    key = client.cookies["sessionid"].value
    with django_assert_num_queries(1):
        assert User.objects.is_signed_in(cast.ada.pk, key)
    assert not User.objects.is_signed_in(cast.bob.pk + 1000, key)
    User.objects.filter(pk=cast.ada.pk).update(is_active=False)
    assert not User.objects.is_signed_in(cast.ada.pk, key)
    assert not is_signed_in(client)
    User.objects.filter(pk=cast.ada.pk).update(is_active=True)
    client.post(reverse("sign_out"))
    assert not User.objects.is_signed_in(cast.ada.pk, key)


def test_a_deactivated_account_is_named_only_to_its_owner(client: Client, cast: Cast):
    User.objects.filter(pk=cast.ada.pk).update(is_active=False)
    assert "Wrong e-mail address or password" in sign_in(client, password="wrong").content.decode()
    response = sign_in(client)
    assert "deactivated" in client.get(response["Location"]).content.decode()
    assert not is_signed_in(client)


def test_the_time_of_the_last_page_is_kept(client: Client, cast: Cast):
    sign_in(client)
    client.get(reverse("library"))
    cast.ada.refresh_from_db()
    assert cast.ada.seen_at is not None


def test_a_passkey_signs_in_without_a_password(visits, cast: Cast):
    page = visits.as_user(cast.ada)
    page.context.clear_cookies()
    home = visits.site.url.replace("127.0.0.1", "localhost")
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    options |= {"hasUserVerification": True, "isUserVerified": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto(f"{home}/sign-in/?next=/settings/account/")
    page.get_by_label("E-mail address").fill(cast.ada.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name").fill("My laptop")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    page.get_by_role("link", name="Back to the account").click()
    page.get_by_text("My laptop").first.wait_for()
    page.locator(".rail-foot details.menu > summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.get_by_role("heading", level=1, name="Dashboard").wait_for()
    assert visits.complaints == []


def test_saml_without_its_packages_says_how_to_install_them():
    from webapp.env import Misconfigured, read
    from webapp.signin.providers import require_packages

    env = read({"EARSHOT_SAML_METADATA_URL": "https://id.test/m", "EARSHOT_SAML_ENTITY_ID": "id"})
    with pytest.raises(Misconfigured, match=r"requirements/saml-1\.16\.0\.txt"):
        require_packages(env)
    require_packages(read({}))


def test_providers_of_the_team_are_named_in_the_settings():
    from webapp.env import read
    from webapp.signin.providers import providers

    env = read({"EARSHOT_OIDC_URL": "https://id.test", "EARSHOT_OIDC_CLIENT_ID": "earshot"})
    (app,) = providers(env)["openid_connect"]["APPS"]
    assert app["settings"] == {"server_url": "https://id.test"}
    env = read({"EARSHOT_SAML_METADATA_URL": "https://id.test/m", "EARSHOT_SAML_ENTITY_ID": "id"})
    (app,) = providers(env)["saml"]["APPS"]
    assert app["settings"]["idp"] == {"entity_id": "id", "metadata_url": "https://id.test/m"}
