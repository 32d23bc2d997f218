"""Forms of the settings pages."""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from functools import cache
from html import escape
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.validators import MaxValueValidator, MinValueValidator
from django.forms.utils import flatatt
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from management import dates
from management.models import (
    Action,
    AuditQuerySet,
    Connection,
    Invitation,
    Membership,
    Project,
    Token,
    User,
)

# Outside these a moment in some time zone is no date any more.
IN_CALENDAR = [MinValueValidator(date(1900, 1, 1)), MaxValueValidator(date(9998, 12, 30))]


def day_starts(day: date) -> datetime:
    """Return the first moment of a day in the reader's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


def first_error(form: forms.Form) -> str:
    """Return the first error of a form in a sentence; empty when it is valid."""
    return next((str(errors[0]) for errors in form.errors.values()), "")


def option_list(choices: Iterable[tuple[Any, Any]], value: Any = "") -> SafeString:
    """The options of a list. There may be hundreds: a template for each would take too long."""
    chosen = str(value)
    options = (
        f'<option value="{escape(key)}"{" selected" if key == chosen else ""}>{escape(name)}'
        "</option>"
        for key, name in ((str(each), str(name)) for each, name in choices)
    )
    return mark_safe("\n".join(options))  # noqa: S308 all that is from outside is escaped


class LongSelect(forms.Select):
    """A list of perhaps hundreds of options, which Django would render by a template each."""

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        attributes = flatatt(self.build_attrs(self.attrs, attrs))
        options = option_list(self.choices, "" if value is None else value)
        return format_html('<select name="{}"{}>{}</select>', name, attributes, options)


@cache
def time_zones() -> list[tuple[str, str]]:
    """The time zones of the world by region; empty is that of the browser."""
    names = sorted(name for name in available_timezones() if "/" in name and "Etc/" not in name)
    return [
        ("", "As in the browser"),
        ("UTC", "UTC"),
        *((each, each.replace("_", " ")) for each in names),
    ]


class AuditFilters(forms.Form):
    """The filters of the audit log, as they stand in its address."""

    q = forms.CharField(required=False, max_length=200, label="Contains")
    action = forms.ChoiceField(
        required=False, choices=[("", "Any action"), *Action.choices], label="Action"
    )
    since = forms.DateField(required=False, label="From", validators=IN_CALENDAR)
    until = forms.DateField(required=False, label="To", validators=IN_CALENDAR)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    def __init__(self, data: Any) -> None:
        names = ("q", "action", "since", "until", "before")
        super().__init__({name: data.get(name, "").replace("\0", "") for name in names})
        self.is_valid()

    @property
    def active(self) -> bool:
        """Return whether any filter is set."""
        return any(self.cleaned_data.get(name) for name in ("q", "action", "since", "until"))

    def narrow(self, entries: AuditQuerySet) -> AuditQuerySet:
        chosen = self.cleaned_data
        since, until = chosen.get("since"), chosen.get("until")
        entries = entries.matching(
            text=chosen.get("q", ""),
            action=chosen.get("action", ""),
            since=day_starts(since) if since else None,
            until=day_starts(until + timedelta(days=1)) if until else None,
        )
        before = chosen.get("before")
        return entries.filter(pk__lt=before) if before else entries


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # no type parameters at run time
    """Name, theme, time zone and the language of dates of one person."""

    name = forms.CharField(required=False, max_length=150)
    time_zone = forms.ChoiceField(required=False, choices=time_zones)
    dates_language = forms.ChoiceField(required=False, choices=dates.languages)

    class Meta:
        model = User
        fields = ["theme", "time_zone", "dates_language"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["name"] = self.instance.name
        self.initial["dates_language"] = self.instance.dates_language or dates.ENGLISH

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        self.instance.name = name
        return name


class EmailForm(forms.Form):
    """A new e-mail address, with the present password."""

    email = forms.EmailField(max_length=254)
    password = forms.CharField(widget=forms.PasswordInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email__iexact=email).exclude(pk=self.user.pk).exists():
            raise forms.ValidationError("Another account has this address.")
        return email

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        if not self.user.check_password(password):
            raise forms.ValidationError("Wrong password. Try again.")
        return password


class InvitationForm(forms.Form):
    """An invitation: an address, the role and projects of its account, and how long it holds."""

    DAYS = ((1, "1 day"), (7, "7 days"), (30, "30 days"))

    email = forms.EmailField(max_length=254)
    role = forms.ChoiceField(choices=Membership.Role.choices, initial=Membership.Role.MEMBER)
    projects = forms.ModelMultipleChoiceField(
        Project.objects.active().filter(gone_at=None),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    is_administrator = forms.BooleanField(required=False)
    days = forms.TypedChoiceField(choices=DAYS, coerce=int, initial=7)

    def clean_email(self) -> str:
        email = User.objects.normalize_email(self.cleaned_data["email"])
        if User.objects.filter(email__iexact=email).exists():
            raise forms.ValidationError("There is an account with this address already.")
        return email

    def save(self, by: User | None) -> tuple[Invitation, str]:
        """Make the invitation; return it and the token of its link."""
        return Invitation.objects.invite(**self.cleaned_data, by=by)


class AcceptForm(forms.Form):
    """The name and the password of a new account."""

    name = forms.CharField(max_length=150)
    password = forms.CharField(widget=forms.PasswordInput)

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if password := cleaned.get("password"):
            somebody = User(email=self.email, first_name=cleaned.get("name", ""))
            try:
                validate_password(password, somebody)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned


class TokenForm(forms.Form):
    """A personal API token: its name, its scope and how long it works."""

    READ, WRITE = "read", "write"
    SCOPES = ((READ, "Read"), (WRITE, "Read and write"))
    DAYS = ((30, "30 days"), (90, "90 days"), (365, "1 year"), (0, "No expiry"))

    name = forms.CharField(max_length=100)
    scope = forms.ChoiceField(choices=SCOPES)
    days = forms.TypedChoiceField(choices=DAYS, coerce=int, initial=90)

    def save(self, user: User) -> tuple[Token, str]:
        """Make the token; return it and its text."""
        chosen = self.cleaned_data
        may_write = chosen["scope"] == self.WRITE
        return Token.objects.make(
            user, chosen["name"], may_write=may_write, days=chosen["days"] or None
        )


class ProjectForm(forms.Form):
    """The name of a project, which no other one has."""

    name = forms.CharField(max_length=200)
    connection = forms.ModelChoiceField(Connection.objects.none(), required=False)

    def __init__(self, *args: Any, project: Project | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.project = project
        if project is not None:
            self.initial["name"] = project.name
            del self.fields["connection"]
            return
        connections = Connection.objects.active().order_by("pk")
        self.fields["connection"].queryset = connections  # type: ignore[attr-defined]
        self.initial["connection"] = connections.first()

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        named = Project.objects.called(name)
        if any(each.name.casefold() == name.casefold() for each in named if each != self.project):
            raise forms.ValidationError("Another project has this name.")
        return name


class MemberForm(forms.Form):
    """A person and their role in a project, out of the roles that the granting user may give."""

    user = forms.ModelChoiceField(User.objects.none(), empty_label=None)
    role = forms.ChoiceField()

    def __init__(self, *args: Any, project: Project, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True).order_by("first_name", "email")
        self.fields["user"].queryset = people  # type: ignore[attr-defined]
        roles = project.grantable_by(by)
        self.fields["role"].choices = roles  # type: ignore[attr-defined]
        self.initial["role"] = Membership.Role.MEMBER
