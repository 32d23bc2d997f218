"""The account page: what a person sets for themselves."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from management.models import User

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
PASSWORD = "a long pass phrase"


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada@example.test", PASSWORD)


@pytest.fixture
def page(client: Client, ada: User) -> Client:
    client.force_login(ada)
    return client


def test_name_theme_zone_and_language_of_dates_are_kept(page: Client, ada: User):
    facts = {"name": "Ada  King", "theme": "dark", "time_zone": "Asia/Kolkata"}
    assert page.post(reverse("account"), facts | {"dates_language": "de"}).status_code == 302
    ada.refresh_from_db()
    assert (ada.name, ada.theme, ada.time_zone) == ("Ada  King", "dark", "Asia/Kolkata")
    text = page.get(reverse("account")).content.decode()
    assert 'data-theme="dark"' in text
    assert "data-timezone" not in text


def test_dates_are_written_in_the_chosen_language(page: Client, ada: User):
    User.objects.update(dates_language="de", time_zone="UTC", is_superuser=True)
    text = page.get(reverse("audit_log")).content.decode()
    assert "Heute" in text or "heute" in text
    assert "today" not in text
    User.objects.update(dates_language="")
    assert "today" in page.get(reverse("audit_log")).content.decode()
    assert str(timezone.get_current_timezone()) == "UTC"


def test_a_value_that_is_not_offered_is_rejected(page: Client, ada: User):
    facts = {"theme": "", "time_zone": "Mars/Olympus", "dates_language": "en"}
    response = page.post(reverse("account"), facts | {"name": "Ada"})
    assert response.status_code == 422
    assert "Mars/Olympus is not one of the available choices" in response.content.decode()
    ada.refresh_from_db()
    assert ada.name == ""


def test_a_theme_chosen_in_the_menu_is_kept_with_the_account(page: Client, ada: User):
    for given, kept in (("light", "light"), ("pink", "light"), ("", "")):
        assert page.post(reverse("account_theme"), {"theme": given}).status_code == 204
        ada.refresh_from_db()
        assert ada.theme == kept
