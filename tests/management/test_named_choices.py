"""Named choices of a model: suggested from what a server lists, or given by an administrator."""

import pytest
from django.test import Client
from django.urls import reverse

from management.models import Connection, Membership, Model, Project, User, named_choices
from tests.management.test_keys import client_of, text_of
from transcripts.choices import lists, offers

HOSTED = (
    "nova-general", "nova-2-general", "nova-2-meeting", "nova-2-conversationalai",
    "nova-3-general", "nova-3-medical", "enhanced-general", "flux-general-en",
)  # fmt: skip
ENGINE = ("nova-2-conversationalai", "nova-2-general", "nova-3-general")


def listed(project: Project, *names: str, **facts) -> list[Model]:
    return [
        Model.objects.create(
            connection=project.connection, uuid=name, kind=Model.Kind.STT, canonical_name=name,
            name=name.rpartition("-")[2], architecture=name.rpartition("-")[0],
            languages=["en", "es"], **facts,
        )
        for name in names
    ]  # fmt: skip


def engine(project: Project) -> None:
    listed(project, *ENGINE, metadata={"runs": ["whisper-tiny.en", "whisper-base"]})
    for name, languages in (("whisper-tiny.en", ["en"]), ("whisper-base", ["en", "es"])):
        Model.objects.create(
            connection=project.connection, uuid=name, kind=Model.Kind.STT, canonical_name=name,
            architecture="whisper", languages=languages, streaming=False,
            metadata={"runs": [name]},
        )  # fmt: skip


def words(project: Project, use: str = "batch") -> list[str]:
    return [each.words for each in named_choices(list(Model.objects.all()), use)]


def test_the_choices_of_deepgram_are_those_of_its_newest_models(project):
    listed(project, *HOSTED)
    assert words(project) == [
        "Fast: nova-2-general",
        "Accurate: nova-3-general",
        "Conversation: nova-2-conversationalai",
    ]


def test_the_choices_of_an_engine_say_what_runs(project):
    engine(project)
    runs = "runs whisper-tiny.en and whisper-base"
    assert words(project) == [
        f"Fast: nova-3-general, {runs}",
        "Accurate: whisper-base, runs whisper-base",
        f"Conversation: nova-2-conversationalai, {runs}",
    ]
    # The local model reads whole recordings only.
    assert [each.split(":")[0] for each in words(project, "streaming")] == ["Fast", "Conversation"]


def test_a_server_without_models_has_no_choices(project):
    assert words(project) == []
    listed(project, "something-else")
    assert words(project) == []


@pytest.mark.slow
def test_an_administrator_chooses_and_takes_the_suggestion_again(project):
    models = {model.canonical_name: model.pk for model in listed(project, *HOSTED)}
    root = Client()
    root.force_login(User.objects.create_superuser("root@example.test", "pw"))
    url = reverse("model_purposes", args=[project.connection_id])
    root.post(url, {"fast": models["enhanced-general"], "accurate": models["nova-3-medical"]})
    assert words(project)[:2] == ["Fast: enhanced-general", "Accurate: nova-3-medical"]
    root.post(url, {"accurate": models["nova-3-medical"]})
    assert words(project)[:2] == ["Fast: nova-2-general", "Accurate: nova-3-medical"]
    root.post(url, {"fast": "999999"})
    assert words(project)[1] == "Accurate: nova-3-medical"


@pytest.mark.slow
def test_models_of_another_server_are_not_chosen(project):
    other = Connection(kind="hosted", name="Other", base_url="http://other.test")
    other.api_key = "secret"
    other.save()
    (foreign,) = listed(Project(connection=other), "nova-9-general")
    listed(project, *HOSTED)
    root = Client()
    root.force_login(User.objects.create_superuser("root@example.test", "pw"))
    url = reverse("model_purposes", args=[project.connection_id])
    root.post(url, {"fast": foreign.pk})
    assert not Model.objects.exclude(purpose="").exists()


def test_uploads_begin_with_the_named_choices_and_have_every_model(project):
    engine(project)
    user = User.objects.create_user("ada@example.test", "pw")
    Membership.objects.create(user=user, project=project, role="owner")
    offered = offers(user)
    (server,) = offered["servers"].values()
    # The newest model has its short name, which older recordings and presets have.
    assert [each["model"] for each in server["named"]] == [
        "nova-3", "whisper-base", "nova-2-conversationalai",
    ]  # fmt: skip
    assert {"nova-3", *ENGINE, "whisper-base", "whisper-tiny.en"} == set(server["models"])
    page = lists(offered)
    assert page["is_named"]
    # All others are under "All models".
    assert set(page["models"]) == {"nova-2-general", "nova-3-general", "whisper-tiny.en"}
    assert not lists(offered, {"model": "nova-2-general"})["is_named"]


@pytest.mark.parametrize("page", ["upload", "live"])
@pytest.mark.slow
def test_pickers_say_what_runs(page, project):
    engine(project)
    client = client_of(project, Membership.Role.MEMBER)
    text = text_of(client, page)
    assert "Fast: nova-3-general, runs whisper-tiny.en and whisper-base" in text
    assert 'label="All models"' in text


@pytest.mark.slow
def test_the_page_names_choices_and_languages(project):
    engine(project)
    Model.objects.update(languages=["en", "en-US", "es", "yue", "haw", "pt-BR"])
    text = text_of(client_of(project, Membership.Role.VIEWER), "models")
    assert "runs whisper-tiny.en and whisper-base" in text
    assert "English, Cantonese, Hawaiian and 2 more" in text
    assert "pt-BR" not in text
    assert reverse("model_purposes", args=[project.connection_id]) not in text
