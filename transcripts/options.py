"""What a person may choose for a batch of recordings, and how it is kept on each run."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from management.models import Model, Project, User
from speechclient import InvalidOption, ListenOptions

DEFAULTS: dict[str, Any] = {
    "model": "nova-3",
    "smart_format": True,
    "punctuate": True,
    "paragraphs": True,
    "utterances": True,
}
# The library stores utterances and asks for its answer itself.
NOT_CHOSEN = ("utterances", "callback", "callback_method")
DETECT = "detect"
MAX_JSON = 20_000

# What the upload page offers beside model and language: name, label, explanation.
FEATURES = (
    ("smart_format", "Smart formatting", "Dates, numbers and amounts as people write them"),
    ("diarize", "Speakers", "Tell voices apart"),
    ("multichannel", "Channels apart", "One transcript for each audio channel"),
    ("numerals", "Numerals", "Numbers as digits"),
    ("filler_words", "Filler words", "Keep uh and um"),
    ("profanity_filter", "Profanity filter", "Mask strong language"),
)


def complete(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a run: what was chosen over our defaults, checked, ready for its row.

    ``chosen`` has the names of ``ListenOptions``; the language "detect" is detected. Raises
    ``InvalidOption`` with a sentence that names what is wrong.
    """
    if not isinstance(chosen, Mapping):
        raise InvalidOption("options are an object of names and values")
    for name in NOT_CHOSEN:
        if name in chosen:
            raise InvalidOption(f"{name} cannot be chosen here")
    merged = DEFAULTS | {name: value for name, value in chosen.items() if value not in ("", None)}
    if merged.get("language") == DETECT:
        del merged["language"]
        merged["detect_language"] = True
    options = ListenOptions.from_json(merged)
    kept = {"model": options.model} | options.to_json()
    if len(json.dumps(kept)) > MAX_JSON:
        raise InvalidOption(f"the options are longer than {MAX_JSON} characters")
    return kept


def from_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Options chosen as text, such as ``("diarize", "true")``; a repeated name is a list.

    Raises ``InvalidOption``.
    """
    listed = list(pairs)
    for name, _ in listed:
        if name in NOT_CHOSEN:
            raise InvalidOption(f"{name} cannot be chosen here")
    options = ListenOptions.from_query(listed)
    return {name: getattr(options, name) for name, _ in listed}


class OptionsForm(forms.Form):
    """Model, language and features, as the upload page offers them."""

    model = forms.CharField(required=False, max_length=200, initial=DEFAULTS["model"])
    language = forms.CharField(required=False, max_length=35)
    keyterm = forms.CharField(
        required=False,
        max_length=5_000,
        label="Key terms",
        help_text="Names and words to listen for, one a line",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, label, explanation in FEATURES:
            self.fields[name] = forms.BooleanField(
                required=False,
                label=label,
                help_text=explanation,
                initial=DEFAULTS.get(name, False),
            )
        self.models = Model.objects.filter(
            connection__projects__in=Project.objects.writable_by(user),
            kind=Model.Kind.STT,
            batch=True,
        ).distinct()

    def model_names(self) -> list[str]:
        """Models to suggest: the default and what the servers list."""
        listed = self.models.values_list("canonical_name", flat=True)
        return list(dict.fromkeys([DEFAULTS["model"], *listed]))

    def languages(self) -> list[str]:
        """Languages to suggest: those of all models, beside detection."""
        listed = self.models.values_list("languages", flat=True)
        return [DETECT, *sorted({tag for tags in listed for tag in tags})]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = {name: cleaned.get(name, False) for name, _, _ in FEATURES}
        chosen |= {name: cleaned.get(name) for name in ("model", "language")}
        terms = [line.strip() for line in cleaned.get("keyterm", "").splitlines()]
        chosen["keyterm"] = [term for term in terms if term]
        try:
            cleaned["options"] = complete(chosen)
        except InvalidOption as error:
            raise forms.ValidationError(str(error)) from error
        return cleaned


class AddressForm(OptionsForm):
    """Audio at a web address, fetched by a worker."""

    url = forms.URLField(max_length=2_000, assume_scheme="https", label="Web address")
    project = forms.ModelChoiceField(Project.objects.none())

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        field = self.fields["project"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Project.objects.writable_by(user)
