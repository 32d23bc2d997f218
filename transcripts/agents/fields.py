"""Form fields whose errors name the value and what is allowed."""

from __future__ import annotations

import re
from typing import Any

from django import forms

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


class LinesField(forms.CharField):
    """Texts, one a line."""

    widget = forms.Textarea

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
