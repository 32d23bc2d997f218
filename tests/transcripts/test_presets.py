"""Presets: what a project's recordings are transcribed with, under a name."""

import json

import pytest
from django.urls import reverse

from tests.transcripts.conftest import read_json, wav_bytes
from transcripts.models import Preset, Recording

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def preset(project) -> Preset:
    options = {"model": "nova-3", "diarize": True, "utterances": True}
    return Preset.objects.create(project=project, name="Meetings", options=options, is_default=True)


def keep(client, project, name="Meetings", **options):
    fields = {"project": project.pk, "name": name, "options": json.dumps(options)}
    return client.post(reverse("presets"), fields)


def test_options_are_kept_under_a_name(project, client, bob):
    client.force_login(bob)
    made = read_json(keep(client, project, diarize=True, topics=True))
    (listed,) = made["presets"]
    assert (listed["id"], listed["name"], listed["is_default"]) == (
        made["id"],
        "Meetings",
        False,
    )
    assert listed["options"]["topics"] is True


def test_a_preset_that_cannot_be_is_refused_in_words(project, client, bob):
    client.force_login(bob)
    refused = keep(client, project, diariz=True)
    assert refused.status_code == 422
    assert "diariz" in read_json(refused)["error"]
    assert not Preset.objects.exists()


def test_a_preset_is_made_the_default_and_deleted(preset, project, client, bob):
    client.force_login(bob)
    other = read_json(keep(client, project, "Calls", multichannel=True))["id"]
    client.post(reverse("preset_default", args=[other]), {"is_default": "on"})
    assert Preset.objects.get(is_default=True).pk == other
    client.post(reverse("preset_delete", args=[other]))
    assert list(Preset.objects.all()) == [preset]


@pytest.mark.parametrize("name", ["preset_default", "preset_delete"])
def test_who_may_change_one(name, preset, client, ada, bob, vera, eve):
    for user, status in ((vera, 404), (eve, 404), (bob, 200)):
        client.force_login(user)
        assert client.post(reverse(name, args=[preset.pk])).status_code == status


def test_who_may_add_one(project, client, vera, eve):
    for user in (vera, eve):
        client.force_login(user)
        assert keep(client, project).status_code == 404


def test_an_upload_that_chooses_nothing_is_as_the_default_preset_says(preset, project, client, bob):
    client.force_login(bob)
    for options, spoken in (({}, True), ({"diarize": False}, None)):
        body = {"name": "a.wav", "size": 9, "project": project.pk, "options": options}
        created = client.post(reverse("uploads"), body, content_type="application/json")
        kept = bob.uploads.get(pk=read_json(created)["upload"]).options
        assert kept.get("diarize") == spoken


def test_the_command_begins_with_the_default_preset(preset, ada, tmp_path, rings, monkeypatch):
    from django.core.management import call_command

    from transcripts.management.commands import transcribe as command

    ada.is_superuser = True
    ada.save()
    monkeypatch.setattr(command, "NO_WORKER_SECONDS", 0.0)
    (tmp_path / "a.wav").write_bytes(wav_bytes())
    with pytest.raises(SystemExit):
        call_command("transcribe", str(tmp_path / "a.wav"), "--feature", "summarize")
    options = Recording.objects.get().transcription.options
    assert (options["diarize"], options["summarize"]) == (True, True)
