"""What people type on the library's pages."""

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from transcripts.models import Recording, State


def day_starts(day: date) -> datetime:
    """The first moment of a day in the reader's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


class LibraryFilters(forms.Form):
    """The library's filters, as they stand in its address. A wrong one is told, not applied."""

    q = forms.CharField(required=False, max_length=255, label="Title")
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *State.choices], label="State"
    )
    since = forms.DateField(required=False, label="From")
    until = forms.DateField(required=False, label="To")
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    def __init__(self, data: Any) -> None:
        # "from" is a word of Python: the address says from and to, the form since and until.
        given = {name: data.get(name, "").replace("\0", "") for name in ("q", "state", "before")}
        super().__init__(given | {"since": data.get("from", ""), "until": data.get("to", "")})
        self.is_valid()

    @property
    def active(self) -> bool:
        """Whether anything narrows the list."""
        return any(self.cleaned_data.get(name) for name in ("q", "state", "since", "until"))

    def narrow(self, recordings: QuerySet[Recording]) -> QuerySet[Recording]:
        chosen = self.cleaned_data
        if chosen.get("q"):
            recordings = recordings.filter(title__icontains=chosen["q"])
        if chosen.get("state"):
            recordings = recordings.filter(state=chosen["state"])
        if chosen.get("since"):
            recordings = recordings.filter(created_at__gte=day_starts(chosen["since"]))
        if chosen.get("until"):
            end = day_starts(chosen["until"] + timedelta(days=1))
            recordings = recordings.filter(created_at__lt=end)
        if chosen.get("before"):
            recordings = recordings.filter(pk__lt=chosen["before"])
        return recordings
