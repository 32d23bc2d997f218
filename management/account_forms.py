"""Forms of the pages about the speech account."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from management.forms import IN_CALENDAR, LongSelect, day_starts
from management.models import (
    Budget,
    Charge,
    Connection,
    Key,
    KeyQuerySet,
    MirroredQuerySet,
    Model,
    Price,
    Project,
    ProjectQuerySet,
    Purpose,
    RequestQuerySet,
    User,
)
from management.servers.crypto import UnreadableKey
from management.servers.probes import HOSTED, REGIONS, Tested, Unusable, test_server
from management.servers.scopes import CHOICES, SPEECH
from management.spending import DIMENSIONS, MEASURES, STEPS, Period, month_start, this_month
from speechclient.options import TAG_LENGTH

MOST_TAGS = 20
EXPIRIES = (("90", "In 90 days"), ("30", "In 30 days"), ("365", "In a year"), ("7", "In 7 days"),
            ("at", "On a date"), ("never", "Never"))  # fmt: skip


class NewKeyForm(forms.Form):
    """A new API key of one of the projects that a person administers."""

    project = forms.ModelChoiceField(
        Project.objects.none(), empty_label="Choose a project", widget=LongSelect
    )
    comment = forms.CharField(max_length=200, label="Name")
    scopes = forms.MultipleChoiceField(
        choices=[(value, label) for value, label, _ in CHOICES],
        error_messages={"required": "Choose at least one scope."},
    )
    expires = forms.ChoiceField(choices=EXPIRIES, initial="90", label="Expires")
    expires_at = forms.DateTimeField(required=False, label="Expires on")
    tags = forms.CharField(required=False, max_length=1000)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        projects = Project.objects.administered_by(user).present().select_related("connection")
        field = self.fields["project"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = projects.order_by("name", "pk")
        if self.initial.get("project") or len(projects[:2]) == 1:
            field.empty_label = None
        self.fields["scopes"].initial = [SPEECH]
        self.fields["expires_at"].widget = forms.DateTimeInput(attrs={"type": "datetime-local"})
        self.fields["comment"].widget.attrs["autocomplete"] = "off"

    @property
    def scope_choices(self) -> list[tuple[str, str, str, bool]]:
        """Value, name and explanation of each scope, and whether it is selected."""
        chosen = self["scopes"].value() or []
        return [(value, label, text, value in chosen) for value, label, text in CHOICES]

    def clean_tags(self) -> list[str]:
        tags = [tag.strip() for tag in str(self.cleaned_data["tags"]).split(",")]
        tags = list(dict.fromkeys(tag for tag in tags if tag))
        if len(tags) > MOST_TAGS:
            raise forms.ValidationError(f"At most {MOST_TAGS} tags; these are {len(tags)}.")
        if long := next((tag for tag in tags if len(tag) > TAG_LENGTH), None):
            raise forms.ValidationError(
                f"The tag {long[:20]}… has {len(long)} characters of at most {TAG_LENGTH}."
            )
        return tags

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        expires = chosen.get("expires")
        chosen["expiration"] = None
        if expires == "at":
            moment: datetime | None = chosen.get("expires_at")
            if moment is None:
                self.add_error("expires_at", "Enter the date and the time.")
            elif moment <= timezone.now():
                self.add_error("expires_at", "Enter a time in the future.")
            chosen["expiration"] = moment
        elif expires and expires != "never":
            chosen["expiration"] = timezone.now() + timedelta(days=int(expires))
        return chosen


class KeyFilters(forms.Form):
    """The filters of the list of keys, as they stand in its address."""

    SHOWN = (
        ("", "Usable keys"),
        ("warned", "With warnings"),
        ("expired", "Expired keys"),
        ("gone", "Deleted keys"),
    )

    q = forms.CharField(required=False, max_length=200, label="Contains")
    show = forms.ChoiceField(required=False, choices=SHOWN)
    page = forms.IntegerField(required=False, min_value=1, max_value=100_000)

    def __init__(self, data: Any) -> None:
        super().__init__({name: data.get(name, "").replace("\0", "") for name in self.base_fields})
        self.is_valid()

    def narrow(self, keys: KeyQuerySet) -> KeyQuerySet:
        chosen, now = self.cleaned_data, timezone.now()
        show = chosen.get("show")
        if text := chosen.get("q"):
            keys = keys.filter(
                Q(comment__icontains=text)
                | Q(email__icontains=text)
                | Q(api_key_id__startswith=text)
            )
        if show == "gone":
            return keys.exclude(gone_at=None)
        if show == "expired":
            return keys.present().filter(expiration__lte=now)
        return keys.to_review() if show == "warned" else keys.unexpired()


class DeleteKeyForm(forms.Form):
    """The name of a key, typed again."""

    name = forms.CharField(max_length=500, label="Name of the key")

    def __init__(self, *args: Any, key: Key, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.key = key
        self.fields["name"].widget.attrs["autocomplete"] = "off"

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if name != self.key.label:
            raise forms.ValidationError(f"Type {self.key.label} to delete the key.")
        return name


class UsageFilters(forms.Form):
    """Measure, dimension and period of the usage page, as they stand in its address."""

    PERIODS = (
        ("month", "This month"),
        ("last", "Last month"),
        ("30", "Last 30 days"),
        ("90", "Last 90 days"),
        ("365", "Last 365 days"),
        ("range", "From … to …"),
    )
    LONGEST_DAYS = 3660

    measure = forms.ChoiceField(required=False, choices=list(MEASURES.items()), label="Measure")
    by = forms.ChoiceField(required=False, choices=list(DIMENSIONS.items()), label="Split by")
    step = forms.ChoiceField(required=False, choices=list(STEPS.items()), label="By")
    period = forms.ChoiceField(required=False, choices=PERIODS, label="Period")
    start = forms.DateField(required=False, label="From", validators=IN_CALENDAR)
    end = forms.DateField(required=False, label="To", validators=IN_CALENDAR)

    def __init__(self, data: Any) -> None:
        super().__init__({name: data.get(name, "").replace("\0", "") for name in self.base_fields})
        self.is_valid()

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        start, end = chosen.get("start"), chosen.get("end")
        if chosen.get("period") == "range":
            if start is None or end is None:
                self.add_error("start", "Enter both days.")
            elif start > end:
                self.add_error("start", "The first day is after the last one.")
            elif (end - start).days > self.LONGEST_DAYS:
                self.add_error("start", "The period is longer than ten years.")
        return chosen

    @property
    def measure_name(self) -> str:
        return self.cleaned_data.get("measure") or "hours"

    @property
    def dimension(self) -> str:
        return self.cleaned_data.get("by") or "endpoint"

    @property
    def step_name(self) -> str:
        """The chosen step; else one with a readable number of bars."""
        if step := self.cleaned_data.get("step"):
            return str(step)
        days = len(self.days.days)
        return "day" if days <= 62 else "week" if days <= 190 else "month"

    @property
    def days(self) -> Period:
        """The chosen period; this month where the choice cannot be."""
        today, chosen = timezone.now().date(), self.cleaned_data
        period = chosen.get("period") or "month"
        if period == "last":
            end = month_start(today) - timedelta(days=1)
            return Period(month_start(end), end)
        if period == "range" and "start" not in self.errors:
            return Period(chosen["start"], chosen["end"])
        if period.isdigit():
            return Period(today - timedelta(days=int(period) - 1), today)
        return this_month()


class RequestFilters(forms.Form):
    """The filters of the ledger, as they stand in its address."""

    STATUSES = (("", "Any status"), ("failed", "Failed"), ("succeeded", "Succeeded"))
    ENDPOINTS = (
        ("", "Any endpoint"),
        *((name, name) for name in ("listen", "speak", "read", "agent")),
    )

    q = forms.CharField(required=False, max_length=100, label="Request id")
    status = forms.ChoiceField(required=False, choices=STATUSES)
    endpoint = forms.ChoiceField(required=False, choices=ENDPOINTS)
    key = forms.CharField(required=False, max_length=100, label="Key")
    tag = forms.CharField(required=False, max_length=128, label="Tag")
    since = forms.DateField(required=False, label="From", validators=IN_CALENDAR)
    until = forms.DateField(required=False, label="To", validators=IN_CALENDAR)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)

    def __init__(self, data: Any) -> None:
        super().__init__({name: data.get(name, "").replace("\0", "") for name in self.base_fields})
        self.is_valid()

    @property
    def active(self) -> bool:
        """Return whether any filter is set."""
        return any(value for name, value in self.cleaned_data.items() if name != "before")

    def narrow(self, requests: RequestQuerySet) -> RequestQuerySet:
        chosen = self.cleaned_data
        if text := chosen.get("q"):
            requests = requests.filter(request_id=text.strip())
        if status := chosen.get("status"):
            requests = requests.failed() if status == "failed" else requests.succeeded()
        if endpoint := chosen.get("endpoint"):
            requests = requests.filter(endpoint=endpoint)
        if key := chosen.get("key"):
            requests = requests.filter(api_key_id=key.strip())
        if tag := chosen.get("tag"):
            requests = requests.tagged(tag.strip())
        if since := chosen.get("since"):
            requests = requests.filter(created__gte=day_starts(since))
        if until := chosen.get("until"):
            requests = requests.filter(created__lt=day_starts(until + timedelta(days=1)))
        return requests.below(chosen["before"]) if chosen.get("before") else requests


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]  # no type parameters at run time
    """A speech server: its addresses and its key, which is tested before it is saved."""

    # A self-hosted server seldom has TLS. Django 6 will assume that it has.
    base_url = forms.URLField(required=False, max_length=200, assume_scheme="http")
    region = forms.ChoiceField(
        required=False, choices=[(name, facts[0]) for name, facts in REGIONS.items()]
    )
    key = forms.CharField(
        required=False, max_length=500, widget=forms.PasswordInput, label="API key"
    )

    class Meta:
        model = Connection
        fields = ["name", "kind", "base_url", "management_url", "agent_url"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tested: Tested | None = None
        self.is_new = self.instance.pk is None
        self.fields["key"].widget.attrs["autocomplete"] = "new-password"
        at = {facts[1]: name for name, facts in REGIONS.items()}
        self.initial["region"] = at.get(self.instance.base_url, "")

    def clean(self) -> dict[str, Any]:
        chosen = super().clean() or {}
        if chosen.get("kind") == Connection.Kind.HOSTED:
            _, base_url, agent_url = REGIONS[chosen.get("region") or ""]
            chosen |= {"base_url": base_url, "agent_url": agent_url}
            chosen["management_url"] = "" if base_url == HOSTED else HOSTED
        elif not chosen.get("base_url") and "base_url" not in self.errors:
            self.add_error("base_url", "Enter the address of the server.")
        for name in ("base_url", "management_url", "agent_url"):
            chosen[name] = str(chosen.get(name) or "").rstrip("/")
        if self.is_new and not chosen.get("key"):
            self.add_error("key", "Enter the key.")
        return chosen

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        if key := self.cleaned_data.get("key"):
            self.instance.api_key = key.strip()
        try:
            self.tested = test_server(self.instance)
        except Unusable as error:
            self.add_error(error.field, str(error))
        except UnreadableKey as error:
            self.add_error("key", str(error))

    def save(self, commit: bool = True) -> Connection:
        assert self.tested
        self.instance.from_environment = False
        self.instance.key_scopes = list(self.tested.scopes)
        self.instance.failures, self.instance.retry_at, self.instance.error = 0, None, ""
        saved: Connection = super().save(commit)
        return saved


class BudgetForm(forms.Form):
    """The budget of a project, or of the team; it replaces the present one."""

    MOST = 10_000_000

    project = forms.ModelChoiceField(
        Project.objects.none(), required=False, empty_label="The whole team", widget=LongSelect
    )
    period = forms.ChoiceField(choices=Budget.Period.choices, initial=Budget.Period.MONTH)
    dollars = forms.FloatField(min_value=0.01, max_value=MOST, label="US dollars")
    hour_price = forms.FloatField(min_value=0, max_value=MOST, required=False, initial=0)
    remove = forms.BooleanField(required=False)

    def __init__(self, *args: Any, owned: ProjectQuerySet, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        field = self.fields["project"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = owned.order_by("name", "pk")
        if not user.is_superuser:
            field.required = True
            field.empty_label = "Choose a project" if len(owned[:2]) > 1 else None
        if self.data.get("remove"):
            self.fields["dollars"].required = False

    @property
    def is_permitted(self) -> bool:
        """Return whether the person may set the budget of the project that was sent."""
        field = self.fields["project"]
        assert isinstance(field, forms.ModelChoiceField)
        assert field.queryset is not None
        sent = str(self.data.get("project", ""))
        if not sent:
            return self.user.is_superuser
        return sent.isdecimal() and len(sent) < 19 and field.queryset.filter(pk=sent).exists()

    @property
    def facts(self) -> dict[str, Any]:
        names = ("period", "dollars", "hour_price", "remove")
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data[name]}

    @property
    def subject(self) -> str:
        return str(self.cleaned_data["project"] or "The whole team")

    @property
    def sentence(self) -> str:
        if self.cleaned_data["remove"]:
            return f"{self.subject} has no budget any more."
        return f"The budget of {self.subject} is ${self.cleaned_data['dollars']:,.2f}."

    def apply(self) -> None:
        chosen = self.cleaned_data
        if chosen["remove"]:
            Budget.objects.filter(project=chosen["project"]).delete()
            return
        Budget.objects.update_or_create(
            project=chosen["project"],
            defaults={
                "period": chosen["period"],
                "dollars": chosen["dollars"],
                "hour_price": chosen["hour_price"] or 0,
            },
        )


class RemoveConnectionForm(forms.Form):
    """The server on which the projects of a removed one continue; none archives them."""

    to = forms.ModelChoiceField(
        Connection.objects.none(), required=False, empty_label="No server: archive them"
    )
    name = forms.CharField(max_length=100)

    def __init__(self, *args: Any, connection: Connection, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        others = Connection.objects.active().exclude(pk=connection.pk).order_by("name", "pk")
        self.fields["to"].queryset = others  # type: ignore[attr-defined]
        self.fields["name"].widget.attrs["autocomplete"] = "off"

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        if name != self.connection.name:
            raise forms.ValidationError(f"Type {self.connection.name} to remove the server.")
        return name


class PurposesForm(forms.Form):
    """The models of a server that its named choices stand for; the suggested one where empty."""

    def __init__(self, *args: Any, listed: MirroredQuerySet[Model], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.listed = listed
        for purpose in Purpose:
            self.fields[purpose.value] = forms.ModelChoiceField(listed, required=False)

    def save(self) -> None:
        chosen = {purpose: self.cleaned_data[purpose.value] for purpose in Purpose}
        with transaction.atomic():
            self.listed.update(purpose="")
            for purpose, model in chosen.items():
                if model is not None:
                    self.listed.filter(pk=model.pk).update(purpose=purpose)


class PriceForm(forms.Form):
    """A price for a unit of work on a server; it replaces the present one."""

    MOST = 1_000_000

    connection = forms.ModelChoiceField(Connection.objects.none(), empty_label=None)
    charge = forms.ChoiceField(
        choices=[(each.value, f"{each.label}, {each.unit}") for each in Charge]
    )
    model = forms.CharField(required=False, max_length=200)
    dollars = forms.FloatField(min_value=0, max_value=MOST)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        servers = self.fields["connection"]
        assert isinstance(servers, forms.ModelChoiceField)
        servers.queryset = Connection.objects.active().order_by("name", "pk")

    def clean_model(self) -> str:
        return str(self.cleaned_data["model"]).strip().lower()

    def apply(self) -> Price:
        chosen = dict(self.cleaned_data)
        dollars = chosen.pop("dollars")
        price, _ = Price.objects.update_or_create(**chosen, defaults={"dollars": dollars})
        return price


class RoleForm(forms.Form):
    """A role in the speech account."""

    ROLES = (("member", "Member"), ("admin", "Admin"), ("owner", "Owner"))

    role = forms.ChoiceField(choices=ROLES)


class InviteForm(RoleForm):
    """An invite to a project of the speech account."""

    project = forms.ModelChoiceField(
        Project.objects.none(), empty_label="Choose a project", widget=LongSelect
    )
    email = forms.EmailField(label="E-mail address")
    field_order = ("project", "email", "role")

    def __init__(
        self, *args: Any, user: User, shown: Sequence[Project] = (), **kwargs: Any
    ) -> None:
        """``shown`` are the projects to choose from; one alone is chosen."""
        super().__init__(*args, **kwargs)
        projects = Project.objects.administered_by(user).present().select_related("connection")
        field = self.fields["project"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = projects.order_by("name", "pk")
        empty = [("", field.empty_label)] if len(shown) > 1 else []
        field.widget.choices = [*empty, *((each.pk, each.name) for each in shown)]
