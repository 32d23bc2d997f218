"""Shapes of a project's account: keys, members, requests, usage and money.

Source: docs/contract.md, 14.3 to 14.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from speechclient.errors import InvalidOption
from speechclient.parameters import Options
from speechclient.records import Record


@dataclass(frozen=True, slots=True)
class Member(Record):
    """A person in a project; ``scopes`` are role names or single rights."""

    member_id: str
    email: str
    first_name: str
    last_name: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyRecord(Record):
    """An API key without its secret."""

    api_key_id: str
    comment: str
    scopes: tuple[str, ...]
    tags: tuple[str, ...]
    created: datetime | None
    expiration_date: datetime | None


@dataclass(frozen=True, slots=True)
class Key(Record):
    """An API key and the member it belongs to."""

    member: Member
    api_key: KeyRecord


@dataclass(frozen=True, slots=True)
class NewKey(Record):
    """A key just made. ``key`` is the secret and is never told again."""

    api_key_id: str
    comment: str
    scopes: tuple[str, ...]
    tags: tuple[str, ...]
    expiration_date: datetime | None
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyDescription(Record):
    """The key that a request is sent with. Source: docs/contract.md, 1.4."""

    api_key_id: str
    comment: str
    scopes: tuple[str, ...]
    created: datetime | None


@dataclass(frozen=True, slots=True)
class Grant(Record):
    """A short-lived token for ``Bearer``; ``expires_in`` is seconds from now."""

    expires_in: float
    access_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Invite(Record):
    email: str
    scope: str


@dataclass(frozen=True, slots=True)
class Request(Record):
    """One call to the server; ``path`` has its query, ``response`` has no fixed shape."""

    request_id: str
    project_uuid: str
    created: datetime | None
    path: str
    api_key_id: str
    code: int
    deployment: str
    callback: str
    response: object = field(hash=False)


@dataclass(frozen=True, slots=True)
class RequestPage(Record):
    """Pages count from 0."""

    page: int
    limit: int
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class Resolution(Record):
    """Length of each step of a sum: ``amount`` of ``units``."""

    units: str
    amount: float


@dataclass(frozen=True, slots=True)
class Grouping(Record):
    """Dimensions of one sum; None or empty where it is not grouped by them."""

    start: date | None
    end: date | None
    accessor: str | None
    endpoint: str | None
    feature_set: str | None
    models: tuple[str, ...]
    method: str | None
    tags: tuple[str, ...]
    deployment: str | None
    line_item: str | None


@dataclass(frozen=True, slots=True)
class UsageSum(Record):
    hours: float
    total_hours: float
    agent_hours: float
    tokens_in: float
    tokens_out: float
    tts_characters: float
    requests: float
    grouping: Grouping


@dataclass(frozen=True, slots=True)
class Usage(Record):
    start: date | None
    end: date | None
    resolution: Resolution
    results: tuple[UsageSum, ...]


@dataclass(frozen=True, slots=True)
class UsedModel(Record):
    name: str
    language: str
    version: str
    model_id: str


@dataclass(frozen=True, slots=True)
class UsageFields(Record):
    """Values by which usage can be filtered."""

    tags: tuple[str, ...]
    models: tuple[UsedModel, ...]
    processing_methods: tuple[str, ...]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Balance(Record):
    """``units`` is ``usd`` or ``hour``."""

    balance_id: str
    amount: float
    units: str
    purchase_order_id: str


@dataclass(frozen=True, slots=True)
class Purchase(Record):
    order_id: str
    expiration: datetime | None
    created: datetime | None
    amount: float
    units: str
    order_type: str


@dataclass(frozen=True, slots=True)
class BillingSum(Record):
    dollars: float
    grouping: Grouping


@dataclass(frozen=True, slots=True)
class Billing(Record):
    start: date | None
    end: date | None
    resolution: Resolution
    results: tuple[BillingSum, ...]


@dataclass(frozen=True, slots=True)
class BillingFields(Record):
    """Values by which billing can be filtered; ``line_items`` maps names to labels."""

    accessors: tuple[str, ...]
    deployments: tuple[str, ...]
    tags: tuple[str, ...]
    line_items: dict[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class AgentConfiguration(Record):
    """A stored ``agent`` block of a voice agent's Settings, its variables not filled in."""

    agent_id: str
    created_at: datetime | None
    updated_at: datetime | None
    config: object = field(hash=False)
    metadata: dict[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True)
class AgentVariable(Record):
    """``key`` is ``DG_`` and a name, ``value`` any JSON."""

    variable_id: str
    key: str
    created_at: datetime | None
    updated_at: datetime | None
    is_sensitive: bool
    value: object = field(hash=False)


@dataclass(frozen=True, slots=True)
class DistributionCredentialsRecord(Record):
    distribution_credentials_id: str
    provider: str
    comment: str
    scopes: tuple[str, ...]
    created: datetime | None


@dataclass(frozen=True, slots=True)
class DistributionCredentials(Record):
    """The right to fetch self-hosted software, and the member who has it."""

    member: Member
    distribution_credentials: DistributionCredentialsRecord


@dataclass(frozen=True, kw_only=True)
class RequestFilter(Options):
    """Filters of requests; ``accessor`` is the id of a key. Source: docs/contract.md, 14.5."""

    start: datetime | None = None
    end: datetime | None = None
    limit: int | None = None
    page: int | None = None
    accessor: str | None = None
    request_id: str | None = None
    deployment: str | None = None
    endpoint: str | None = None
    method: str | None = None
    status: str | None = None


FEATURES = frozenset(
    "alternatives callback callback_method channels custom_intent custom_intent_mode custom_topic "
    "custom_topic_mode detect_entities detect_language diarize dictation encoding extra "
    "filler_words intents keyterm keywords language measurements multichannel numerals paragraphs "
    "profanity_filter punctuate redact replace sample_rate search sentiment smart_format summarize "
    "topics utt_split utterances version".split()
)


@dataclass(frozen=True, kw_only=True)
class UsageFilter(Options):
    """Filters of usage; ``model`` is a UUID. Source: docs/contract.md, 14.6.

    A feature that is true keeps requests that used it, one that is false those that did not.
    """

    start: date | None = None
    end: date | None = None
    accessor: str | None = None
    deployment: str | None = None
    endpoint: str | None = None
    method: str | None = None
    model: str | None = None
    tag: str | None = None
    features: Mapping[str, bool] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = sorted(set(self.features) - FEATURES)
        if unknown:
            raise InvalidOption(
                f"{unknown[0]!r} is no feature; there are {', '.join(sorted(FEATURES))}"
            )

    def query(self) -> list[tuple[str, str]]:
        pairs = [pair for pair in super().query() if pair[0] != "features"]
        return pairs + [(name, str(used).lower()) for name, used in self.features.items()]


@dataclass(frozen=True, kw_only=True)
class BillingFilter(Options):
    """Filters of costs. Source: docs/contract.md, 14.7."""

    start: date | None = None
    end: date | None = None
    accessor: str | None = None
    deployment: str | None = None
    tag: str | None = None
    line_item: str | None = None
    grouping: tuple[str, ...] = ()
