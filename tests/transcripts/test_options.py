"""Options of a batch, and their stored form."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from management.models import Budget, Model, Price
from speechclient import InvalidOption, ListenOptions
from tests.transcripts.conftest import add_recording
from transcripts.choices import AddressForm, PresetForm, offers
from transcripts.models import Preset, Transcription
from transcripts.options import complete, from_pairs, listen_options, read_options


def test_defaults_make_a_readable_transcript():
    assert complete({}) == {
        "model": "nova-3",
        "smart_format": True,
        "punctuate": True,
        "paragraphs": True,
        "utterances": True,
        "diarize": True,
    }


def test_speakers_are_identified_unless_chosen_otherwise():
    assert complete({"diarize": False}).get("diarize", False) is False


def test_a_model_of_diarization_takes_the_place_of_the_option():
    with_model = complete({"diarize_model": "v2"})
    assert "diarize" not in with_model
    again = complete({"diarize": True}, with_model)
    assert (again.get("diarize"), again["diarize_model"]) == (None, "v2")
    without = complete({"diarize": False}, with_model)
    assert "diarize_model" not in without
    assert not without.get("diarize")


def test_what_is_chosen_goes_over_the_defaults():
    kept = complete({"model": "nova-2", "smart_format": False, "keyterm": ["Earshot"]})
    assert "smart_format" not in kept
    query = ListenOptions.from_json(kept).query()
    assert ("model", "nova-2") in query
    assert ("keyterm", "Earshot") in query


def test_language_can_be_detected():
    kept = complete({"language": "detect"})
    assert kept["detect_language"] is True
    assert "language" not in kept


def test_nothing_chosen_is_the_servers_default():
    assert "language" not in complete({"language": "", "model": None})


def test_options_on_a_command_line_are_read_by_their_kind():
    pairs = [("diarize", "true"), ("utt_split", "1.5"), ("keyterm", "a"), ("keyterm", "b")]
    assert from_pairs(pairs) == {"diarize": True, "utt_split": 1.5, "keyterm": ("a", "b")}
    assert "punctuate" not in complete(from_pairs([("punctuate", "false")]))


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ({"diariz": True}, "diariz"),
        ({"callback": "http://a.test"}, "callback"),
        ({"utterances": False}, "utterances"),
        ({"diarize": "maybe"}, "diarize"),
        ({"keyterm": ["x" * 30_000]}, "longer"),
        (["diarize"], "object"),
    ],
)
def test_what_cannot_be_is_named(chosen, named):
    with pytest.raises(InvalidOption, match=named):
        complete(chosen)


def test_a_tag_has_at_most_128_characters():
    assert complete({"tag": ["x" * 128]})["tag"] == ["x" * 128]
    with pytest.raises(InvalidOption, match="at most 128 characters"):
        complete({"tag": ["calls", "x" * 129]})


def test_what_the_second_stage_does_is_not_asked_of_the_first():
    kept = complete({"summarize": True, "topics": True, "custom_topic": ["Boats"], "tag": ["t"]})
    sent = dict(listen_options(kept).query())
    assert not {"summarize", "topics", "custom_topic"} & sent.keys()
    assert sent["tag"] == "t"
    asked = read_options(kept, "en-GB").query()
    assert {("summarize", "true"), ("custom_topic", "Boats"), ("tag", "t")} <= set(asked)
    assert ("language", "en-GB") in asked


@pytest.mark.parametrize(
    ("chosen", "language"),
    [({}, "en"), ({"custom_topic": ["Boats"]}, "en"), ({"topics": True}, "es")],
)
def test_nothing_is_read_that_was_not_asked_for_or_cannot_be(chosen, language):
    assert read_options(complete(chosen), language) is None


def test_what_is_chosen_goes_over_a_preset():
    preset = complete({"diarize": True, "language": "de", "redact": ["pci"]})
    assert complete({}, preset) == preset
    over = complete({"language": "detect", "diarize": False, "redact": []}, preset)
    assert "language" not in over
    assert over["detect_language"] is True
    assert not {"diarize", "redact"} & over.keys()


@pytest.mark.django_db
def test_page_offers_the_models_of_each_server(ada, server, project):
    Model.objects.create(
        connection=server,
        kind=Model.Kind.STT,
        uuid="m-1",
        canonical_name="nova-2-meeting",
        name="meeting",
        languages=["en", "de"],
    )
    offered = offers(ada)
    facts = {"server": server.pk, "presets": [], "hour_price": 0.0}
    assert offered["projects"][project.pk] == facts
    listed = offered["servers"][server.pk]
    assert listed["models"] == {"nova-3": ["de", "en"], "nova-2-meeting": ["de", "en"]}
    assert (listed["hosted"], listed["first_choice"]["summarize"]) == (False, True)


@pytest.mark.django_db
def test_reading_is_not_chosen_by_itself_where_it_costs_money(ada, server, project):
    server.kind = "hosted"
    server.save()
    assert "summarize" not in offers(ada)["servers"][server.pk]["first_choice"]


@pytest.mark.django_db
def test_a_preset_is_kept_replaced_by_its_name_and_at_most_one_is_the_default(project):
    def keep(name, **options):
        data = {"name": name, "options": json.dumps(options), "is_default": "on"}
        form = PresetForm(project, data)
        assert form.is_valid(), form.errors
        return form.save()

    keep("Meetings", diarize=True)
    keep("Dictation", dictation=True)
    again = keep(" meetings\u202e ", diarize=True, topics=True)
    assert project.presets.count() == 2
    assert Preset.objects.defaults_of(project) == again.options
    assert again.options["topics"] is True
    again.make_default(False)
    assert Preset.objects.defaults_of(project) == complete({})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "options"),
    [("", {}), ("\u200b", {}), ("x" * 61, {}), ("A", {"diariz": True}), ("A", 3)],
)
def test_a_preset_that_cannot_be_is_refused(project, name, options):
    form = PresetForm(project, {"name": name, "options": json.dumps(options)})
    assert not form.is_valid()


@pytest.mark.django_db
def test_form_gives_the_options_of_a_run(ada, project):
    data = {"url": "https://a.test/b.wav", "project": project.pk, "language": "de", "diarize": "on"}
    form = AddressForm(ada, data | {"keyterm": "Earshot\n\n Ada ", "redact": ["pci", "ssn"]})
    assert form.is_valid(), form.errors
    options = form.cleaned_data["options"]
    assert options["keyterm"] == ["Earshot", "Ada"]
    assert (options["language"], options["diarize"]) == ("de", True)
    assert options["redact"] == ["pci", "ssn"]
    assert "smart_format" not in options  # its box was not ticked


@pytest.mark.django_db
def test_form_knows_only_projects_one_may_add_to(eve, project):
    form = AddressForm(eve, {"url": "https://a.test/b.wav", "project": project.pk})
    assert "project" in form.errors


@pytest.mark.django_db
def test_page_knows_the_price_of_an_hour_and_the_speed_of_the_server(ada, server, project):
    for name in ("nova-2-general", "nova-3-general"):
        Model.objects.create(
            connection=server, kind="stt", uuid=name, canonical_name=name, languages=["en"]
        )
    offered = offers(ada)
    assert offered["servers"][server.pk]["hour_prices"] is None
    assert offered["servers"][server.pk]["speed"] is None
    assert offered["projects"][project.pk]["hour_price"] == 0
    Budget.objects.create(dollars=10, hour_price=0.5)
    assert offers(ada)["projects"][project.pk]["hour_price"] == 0.5
    Price.objects.create(connection=server, charge="batch", model="nova-3", dollars=0.26)
    now = timezone.now()
    for taken in (10, 20, 90):
        Transcription.objects.create(
            recording=add_recording(project, duration=100.0), state="done", sent_at=now,
            finished_at=now + timedelta(seconds=taken),
        )  # fmt: skip
    listed = offers(ada)["servers"][server.pk]
    assert listed["hour_prices"] == {"nova-3": 0.26, "nova-2-general": 0.0, "nova-3-general": 0.26}
    assert listed["speed"] == 0.2
