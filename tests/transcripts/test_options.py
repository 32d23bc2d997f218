"""What may be chosen for a batch, and what is kept of it."""

import pytest

from management.models import Model
from speechclient import InvalidOption, ListenOptions
from transcripts.options import AddressForm, OptionsForm, complete, from_pairs


def test_defaults_make_a_readable_transcript():
    assert complete({}) == {
        "model": "nova-3",
        "smart_format": True,
        "punctuate": True,
        "paragraphs": True,
        "utterances": True,
    }


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


@pytest.mark.django_db
def test_form_suggests_what_the_servers_offer(ada, server):
    Model.objects.create(
        connection=server,
        kind=Model.Kind.STT,
        uuid="m-1",
        canonical_name="nova-3-general",
        name="general",
        languages=["en", "de"],
        seen_at="2026-11-21T00:00Z",
    )
    form = OptionsForm(ada)
    assert form.model_names() == ["nova-3", "nova-3-general"]
    assert form.languages() == ["detect", "de", "en"]


@pytest.mark.django_db
def test_form_gives_the_options_of_a_run(ada, project):
    data = {"url": "https://a.test/b.wav", "project": project.pk, "language": "de", "diarize": "on"}
    form = AddressForm(ada, data | {"keyterm": "Earshot\n\n Ada "})
    assert form.is_valid(), form.errors
    options = form.cleaned_data["options"]
    assert options["keyterm"] == ["Earshot", "Ada"]
    assert (options["language"], options["diarize"]) == ("de", True)
    assert "smart_format" not in options  # its box was not ticked


@pytest.mark.django_db
def test_form_knows_only_projects_one_may_add_to(eve, project):
    form = AddressForm(eve, {"url": "https://a.test/b.wav", "project": project.pk})
    assert "project" in form.errors
