"""Responses about the account: projects, keys, members, usage (docs/contract.md, 1 and 14)."""

from __future__ import annotations

from typing import Any

from engine.wire.shapes import UNSET, Day, Moment, Omittable, Shape, Uuid


class Empty(Shape):
    """An object without members."""


class Message(Shape):
    message: str


class Token(Shape):
    access_token: str
    expires_in: float


class KeyDescription(Shape):
    api_key_id: Uuid
    scopes: list[str]
    created: Moment
    comment: str
    accessor: Uuid


class Project(Shape):
    project_id: str
    name: str


class Projects(Shape):
    projects: list[Project]


class ProjectDetails(Project):
    mip_opt_out: bool


class KeyFields(Shape):
    api_key_id: Uuid
    comment: str
    scopes: list[str]
    tags: list[str]
    expiration_date: Omittable[Moment] = UNSET


class Key(KeyFields):
    created: Moment


class CreatedKey(KeyFields):
    key: str


class MemberName(Shape):
    member_id: Uuid
    email: str


class KeyOfMember(Shape):
    member: MemberName
    api_key: Key


class Keys(Shape):
    api_keys: list[KeyOfMember]


class MemberWithKey(MemberName):
    first_name: str
    last_name: str
    api_key: Key


class KeyItem(Shape):
    member: MemberWithKey


class KeyDetails(KeyOfMember):
    item: KeyItem


class Member(MemberName):
    first_name: str
    last_name: str
    scopes: list[str]


class Members(Shape):
    members: list[Member]


class Scopes(Shape):
    scopes: list[str]


class Invite(Shape):
    email: str
    scope: str


class Invites(Shape):
    invites: list[Invite]


class RequestResponse(Shape):
    details: dict[str, Any]
    code: int
    completed: Moment


class Request(Shape):
    request_id: Uuid
    project_uuid: str
    created: Moment
    path: str
    api_key_id: Uuid
    response: RequestResponse
    code: int
    deployment: str
    callback: str


class Requests(Shape):
    page: int
    limit: int
    requests: list[Request]


class RequestDetails(Shape):
    request: Request


class Resolution(Shape):
    units: str = "day"
    amount: int = 1


class UsageGrouping(Shape):
    start: Day
    end: Day
    accessor: str | None = None
    endpoint: str | None = None
    feature_set: str | None = None
    models: list[str] | None = None
    method: str | None = None
    tags: list[str] | None = None
    deployment: str | None = None


class UsageSums(Shape):
    hours: float
    total_hours: float
    agent_hours: float
    tokens_in: int
    tokens_out: int
    tts_characters: int
    requests: int
    grouping: UsageGrouping


class Usage(Shape):
    start: Day
    end: Day
    resolution: Resolution = Resolution()
    results: list[UsageSums]


class ModelName(Shape):
    name: str
    language: str
    version: str
    model_id: str


class UsageFields(Shape):
    tags: list[str]
    models: list[ModelName]
    processing_methods: list[str]
    features: list[str]


class Balance(Shape):
    balance_id: Uuid
    amount: float
    units: str
    purchase_order_id: Uuid


class Balances(Shape):
    balances: list[Balance]


class Order(Shape):
    order_id: Uuid
    created: Moment
    amount: float
    units: str
    order_type: str
    expiration: Omittable[Moment] = UNSET


class Orders(Shape):
    orders: list[Order]


class CostGrouping(Shape):
    start: Day
    end: Day
    accessor: str | None = None
    deployment: str | None = None
    line_item: str | None = None
    tags: list[str] | None = None


class CostSum(Shape):
    dollars: float
    grouping: CostGrouping


class Costs(Shape):
    start: Day
    end: Day
    resolution: Resolution = Resolution()
    results: list[CostSum]


class CostFields(Shape):
    accessors: list[str]
    deployments: list[str]
    tags: list[str]
    line_items: dict[str, str]


class Agent(Shape):
    agent_id: Uuid
    config: dict[str, Any]
    metadata: dict[str, str]
    created_at: Moment
    updated_at: Moment


class Agents(Shape):
    agents: list[Agent]


class Variable(Shape):
    variable_id: Uuid
    key: str
    value: Any
    created_at: Moment
    updated_at: Moment


class Variables(Shape):
    variables: list[Variable]


class DistributionCredentials(Shape):
    distribution_credentials_id: Uuid
    provider: str
    comment: str
    scopes: list[str]
    created: Moment


class CredentialsItem(Shape):
    member: MemberName
    distribution_credentials: DistributionCredentials


class CredentialsList(Shape):
    distribution_credentials: list[CredentialsItem]


class ThinkModel(Shape):
    id: str
    name: str
    provider: str


class ThinkModels(Shape):
    models: list[ThinkModel]


class Progress(Shape):
    seconds: float


class Health(Shape):
    status: str
    loop_lag_ms: float


class RecognitionModel(Shape):
    """``runs`` names the local models that serve this name: for English, then for the rest."""

    name: str
    canonical_name: str
    architecture: str
    languages: list[str]
    version: str
    uuid: Uuid
    batch: bool
    streaming: bool
    formatted_output: bool
    runs: list[str]


class VoiceMetadata(Shape):
    accent: str
    age: str
    color: str
    image: str
    sample: str
    tags: list[str]
    use_cases: list[str]


class Voice(Shape):
    name: str
    canonical_name: str
    architecture: str
    languages: list[str]
    version: str
    uuid: Uuid
    metadata: VoiceMetadata


class Models(Shape):
    stt: list[RecognitionModel]
    tts: list[Voice]
