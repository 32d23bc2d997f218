"""Form fields whose errors name the value and what is allowed."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from network.jsontext import read_storable_json
from transcripts.media.fetch import Rejected, check_address, house_rules


class NumberField(forms.FloatField):
    """A number within limits, or nothing."""

    widget = forms.TextInput

    def __init__(self, low: float, high: float, *, whole: bool = False, **named: Any) -> None:
        super().__init__(required=False, **named)
        self.low, self.high, self.whole = low, high, whole
        kind = "a whole number from" if whole else "a number from"
        self.allowed = f"{kind} {low:,g} to {high:,g} is allowed"
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off"}

    def clean(self, value: Any) -> float | int | None:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            number = float("nan")
        fits = self.low <= number <= self.high and (not self.whole or number == int(number))
        if not fits:
            raise forms.ValidationError(f"“{text:.40}” cannot be used: {self.allowed}.")
        return int(number) if self.whole else number


class NameField(forms.CharField):
    """A name of letters, digits and underscores, as programs have them."""

    def __init__(self, pattern: str, allowed: str, **named: Any) -> None:
        super().__init__(**named)
        self.pattern, self.allowed = re.compile(pattern), allowed
        self.widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        if text and not self.pattern.fullmatch(text):
            raise forms.ValidationError(f"“{text:.80}” cannot be used: {self.allowed}.")
        return str(text)


class WebhookField(forms.CharField):
    """An address that the server may send function calls to."""

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        if text:
            try:
                check_address(text, house_rules())
            except Rejected as error:
                raise forms.ValidationError(f"“{text:.80}” cannot be used. {error}") from error
        return text


class ValueField(forms.CharField):
    """Value of a variable: a text, or JSON. Its errors name the variable."""

    def __init__(self, name: str, *, is_json: bool, **named: Any) -> None:
        required = "{{" + name + "}} has no value."
        super().__init__(
            max_length=10_000,
            strip=False,
            label=name,
            error_messages={
                "required": required,
                "max_length": "{{" + name + "}} has more than %(limit_value)d characters.",
            },
            **named,
        )
        self.name, self.is_json = name, is_json

    def clean(self, value: Any) -> Any:
        text = super().clean(value).replace("\r\n", "\n")  # as browsers send lines
        if not self.is_json:
            return text
        try:
            return read_value(text)
        except ValueError as error:
            raise forms.ValidationError("{{" + self.name + "}}: " + str(error)) from error


def read_value(text: str) -> Any:
    """Return a JSON value that was typed. Raises ``ValueError`` with what to type."""
    try:
        return read_storable_json(text)
    except ValueError as error:
        raise ValueError(f'“{text:.40}” is not JSON; 0.8, true or ["a"] is.') from error


class LinesField(forms.CharField):
    """Texts, one a line."""

    widget = forms.Textarea

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
