"""Forms of the library's pages."""

import re
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.utils import timezone

from management.models import Project, User
from transcripts.media.names import clean_title, folded_title
from transcripts.models import Recording, State
from transcripts.progress import rows
from transcripts.text.reading import Key

# At the edges of the calendar a day has no neighbour, and no start in another time zone.
IN_CALENDAR = (
    MinValueValidator(date(1900, 1, 1), "Choose a date from 1900 on."),
    MaxValueValidator(date(2999, 12, 31), "Choose a date before the year 3000."),
)
IS_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Django puts in the numbers.
TOO_LONG = "{} has at most %(limit_value)d characters, this one has %(show_value)d."


def is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def day_starts(day: date) -> datetime:
    """The first moment of a day in the reader's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


class TitleForm(forms.Form):
    """A recording's title: one line, without what turns or hides text."""

    title = forms.CharField(
        max_length=255,
        error_messages={
            "required": "Enter a title.",
            "max_length": TOO_LONG.format("A title"),
        },
    )

    def clean_title(self) -> str:
        title = clean_title(self.cleaned_data["title"])
        if not title:
            raise forms.ValidationError("Enter a title with visible characters.")
        return title


class SpeakerForm(forms.Form):
    """A voice of a transcript, as ``Voice.key`` writes it, and how it is to be called."""

    voice = forms.RegexField(
        r"^[0-9]{1,4}-[0-9]{0,5}$",
        error_messages={"invalid": "This transcript has no such speaker."},
    )
    name = forms.CharField(
        max_length=100,
        required=False,
        error_messages={
            "max_length": TOO_LONG.format("A name"),
        },
    )

    def clean_voice(self) -> Key:
        channel, _, speaker = self.cleaned_data["voice"].partition("-")
        return int(channel), int(speaker) if speaker else None

    def clean_name(self) -> str:
        return clean_title(self.cleaned_data["name"])


class LibraryFilters(forms.Form):
    """The library's filters, as they stand in its address. A wrong one is told, not applied."""

    q = forms.CharField(required=False, max_length=255, label="Title")
    state = forms.ChoiceField(
        required=False, choices=[("", "Any state"), *State.choices], label="State"
    )
    since = forms.DateField(required=False, label="From", validators=IN_CALENDAR)
    until = forms.DateField(required=False, label="To", validators=IN_CALENDAR)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    def __init__(self, data: Any) -> None:
        # "from" is a word of Python: the address says from and to, the form since and until.
        texts = {name: data.get(name, "").replace("\0", "") for name in ("q", "state", "before")}
        super().__init__(texts | {"since": data.get("from", ""), "until": data.get("to", "")})
        self.is_valid()

    @property
    def dates(self) -> dict[str, str]:
        """The dates as they were entered, without what a date field cannot show."""
        texts = {name: self.data[name] for name in ("since", "until")}
        return {name: text if IS_DATE.fullmatch(text) else "" for name, text in texts.items()}

    @property
    def active(self) -> bool:
        """Return whether any filter is set."""
        return any(self.cleaned_data.get(name) for name in ("q", "state", "since", "until"))

    def narrow(self, recordings: QuerySet[Recording]) -> QuerySet[Recording]:
        chosen = self.cleaned_data
        if chosen.get("q"):
            recordings = recordings.filter(title_folded__contains=folded_title(chosen["q"]))
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


class BulkForm(forms.Form):
    """One action on several recordings, of which it changes those that it applies to."""

    ACTIONS = (("retry", "Retry"), ("cancel", "Stop"), ("delete", "Delete"))
    MOST = 500

    action = forms.ChoiceField(choices=ACTIONS)
    ids = forms.TypedMultipleChoiceField(coerce=int)

    def __init__(self, data: Any, user: User) -> None:
        super().__init__(data)
        ids = list(dict.fromkeys(each for each in data.getlist("ids") if is_id(each)))
        self.recordings = Recording.objects.writable_by(user).filter(pk__in=ids[: self.MOST])
        field = self.fields["ids"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = [(each, each) for each in ids]

    def clean_ids(self) -> list[int]:
        ids: list[int] = self.cleaned_data["ids"]
        if len(ids) > self.MOST:
            raise forms.ValidationError(f"Select at most {self.MOST} recordings at once.")
        return ids

    def apply(self) -> tuple[int, str]:
        """Do it; how many recordings were changed, and a sentence about all that were selected."""
        act, done, other = {
            "delete": (self.delete, "deleted", "already deleted, or you may not change them"),
            "cancel": (self.cancel, "stopped", "not being transcribed"),
            "retry": (self.retry, "queued again", "neither failed nor cancelled"),
        }[self.cleaned_data["action"]]
        changed = act()
        words = f"{changed} recording{'' if changed == 1 else 's'} {done}."
        left = len(set(self.cleaned_data["ids"])) - changed
        return changed, f"{words} {left} left unchanged: {other}." if left else words

    def delete(self) -> int:
        selected = list(self.recordings)
        for each in selected:
            each.remove()
        return len(selected)

    def cancel(self) -> int:
        return sum(each.cancel() for each in self.recordings)

    def retry(self) -> int:
        # A finished transcript is no failure: it is transcribed again one by one, on purpose.
        return sum(
            row.recording.retry()
            for row in rows(self.recordings.select_related("project"))
            if row.may_be_retried
        )


class MoveForm(forms.Form):
    """Another project of a recording, out of those that the user may add to."""

    project = forms.ModelChoiceField(
        Project.objects.none(),
        empty_label="Choose a project",
        error_messages={"required": "Choose a project."},
    )

    def __init__(self, *args: Any, user: User, recording: Recording) -> None:
        super().__init__(*args)
        others = Project.objects.writable_by(user).exclude(pk=recording.project_id)
        self.fields["project"].queryset = others  # type: ignore[attr-defined]
