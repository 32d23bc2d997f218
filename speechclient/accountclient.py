"""Requests on the account of one project. Source: docs/contract.md, 14.1 and 14.3 to 14.9."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

from speechclient.account import (
    AgentConfiguration,
    AgentVariable,
    Balance,
    Billing,
    BillingFields,
    BillingFilter,
    DistributionCredentials,
    Invite,
    Key,
    KeyRecord,
    Member,
    NewKey,
    Purchase,
    Request,
    RequestFilter,
    RequestPage,
    Usage,
    UsageFields,
    UsageFilter,
)
from speechclient.errors import InvalidOption
from speechclient.fields import Fields
from speechclient.http import HttpConnection, Query, Response, path_of
from speechclient.records import Record

RecordKind = TypeVar("RecordKind", bound=Record)


class AccountClient:
    """One project's account, reached through ``SpeechClient.account``.

    Calls raise as ``SpeechClient``'s do; what the key has no right to see is ``Denied``.
    Those that read are repeated a few times while the server is unavailable, those that change
    something are not.
    """

    def __init__(self, http: HttpConnection, project_id: str) -> None:
        self._http = http
        self.project_id = project_id

    def __repr__(self) -> str:
        return f"AccountClient({self.project_id!r})"

    # The project itself

    def rename(self, name: str) -> None:
        self._send("PATCH", json={"name": name})

    def delete(self) -> None:
        """Delete the whole project, with its keys."""
        self._send("DELETE")

    def leave(self) -> None:
        """Take the key's own member out of the project."""
        self._send("DELETE", "leave")

    # Keys

    def keys(self, status: str | None = None) -> tuple[Key, ...]:
        """``status`` is ``active`` or ``expired``, None for both."""
        return self._list(Key, "api_keys", "keys", query=[("status", status)] if status else [])

    def key(self, api_key_id: str) -> Key:
        fields = self._get("keys", api_key_id)
        # The key is published under item.member; servers also send it at the top:
        # docs/contract.md, 14.3.
        member = fields.object("item").object("member") or fields.object("member")
        record = fields.object("api_key") or member.object("api_key")
        return Key(member=Member.read(member), api_key=KeyRecord.read(record))

    def create_key(
        self,
        comment: str,
        scopes: Sequence[str],
        *,
        tags: Sequence[str] = (),
        expiration_date: datetime | None = None,
        time_to_live_seconds: int | None = None,
    ) -> NewKey:
        """Make a key; the response is the only one that has the secret.

        ``expiration_date`` has a time zone and excludes ``time_to_live_seconds``.
        """
        if expiration_date is not None and time_to_live_seconds is not None:
            raise InvalidOption("a key has an expiration_date or a time to live, not both")
        if expiration_date is not None and expiration_date.tzinfo is None:
            raise InvalidOption(f"expiration_date is {expiration_date}; it has no time zone")
        body: dict[str, object] = {"comment": comment, "scopes": list(scopes)}
        if tags:
            body["tags"] = list(tags)
        if expiration_date is not None:
            body["expiration_date"] = expiration_date.isoformat()
        if time_to_live_seconds is not None:
            body["time_to_live_in_seconds"] = time_to_live_seconds
        return NewKey.read(self._send("POST", "keys", json=body).fields())

    def delete_key(self, api_key_id: str) -> None:
        self._send("DELETE", "keys", api_key_id)

    # Members

    def members(self) -> tuple[Member, ...]:
        return self._list(Member, "members", "members")

    def remove_member(self, member_id: str) -> None:
        self._send("DELETE", "members", member_id)

    def member_scopes(self, member_id: str) -> tuple[str, ...]:
        return self._get("members", member_id, "scopes").texts("scopes")

    def set_member_scope(self, member_id: str, scope: str) -> None:
        """Replace the member's role."""
        self._send("PUT", "members", member_id, "scopes", json={"scope": scope})

    def invites(self) -> tuple[Invite, ...]:
        return self._list(Invite, "invites", "invites")

    def invite(self, email: str, scope: str) -> None:
        self._send("POST", "invites", json={"email": email, "scope": scope})

    def delete_invite(self, email: str) -> None:
        self._send("DELETE", "invites", email)

    # Requests and usage

    def requests(self, wanted: RequestFilter | None = None) -> RequestPage:
        """One page of the log, newest first."""
        query = (wanted or RequestFilter()).query()
        response = self._http.get(self._path(["requests"]), query)
        response.objects("requests")
        return RequestPage.read(response.fields())

    def request(self, request_id: str) -> Request:
        return Request.read(self._get("requests", request_id).object("request"))

    def usage(self, wanted: UsageFilter | None = None) -> Usage:
        return Usage.read(self._get("usage", query=(wanted or UsageFilter()).query()))

    def usage_fields(self, start: date | None = None, end: date | None = None) -> UsageFields:
        query = UsageFilter(start=start, end=end).query()
        return UsageFields.read(self._get("usage", "fields", query=query))

    def usage_breakdown(
        self, wanted: UsageFilter | None = None, *, grouping: str | None = None
    ) -> Usage:
        """``grouping`` is ``accessor``, ``endpoint``, ``feature_set``, ``models``, ``method``,
        ``tags`` or ``deployment``; None sums everything of a day.
        """
        query = (wanted or UsageFilter()).query()
        query += [("grouping", grouping)] if grouping else []
        return Usage.read(self._get("usage", "breakdown", query=query))

    # Money

    def balances(self) -> tuple[Balance, ...]:
        return self._list(Balance, "balances", "balances")

    def balance(self, balance_id: str) -> Balance:
        return Balance.read(self._get("balances", balance_id))

    def purchases(self, limit: int | None = None) -> tuple[Purchase, ...]:
        query = [("limit", str(limit))] if limit is not None else []
        return self._list(Purchase, "orders", "purchases", query=query)

    def billing_breakdown(self, wanted: BillingFilter | None = None) -> Billing:
        query = (wanted or BillingFilter()).query()
        return Billing.read(self._get("billing", "breakdown", query=query))

    def billing_fields(self, start: date | None = None, end: date | None = None) -> BillingFields:
        query = BillingFilter(start=start, end=end).query()
        return BillingFields.read(self._get("billing", "fields", query=query))

    # Voice agents

    def agents(self) -> tuple[AgentConfiguration, ...]:
        return self._list(AgentConfiguration, "agents", "agents")

    def agent(self, agent_id: str) -> AgentConfiguration:
        return AgentConfiguration.read(self._get("agents", agent_id))

    def create_agent(
        self, config: Mapping[str, object] | str, metadata: Mapping[str, str] | None = None
    ) -> AgentConfiguration:
        """``config`` is the ``agent`` block of a Settings message; it cannot change later.

        It may be text: Deepgram takes the bare name of a variable in place of a value.
        """
        try:
            text = config if isinstance(config, str) else json.dumps(config, allow_nan=False)
            body: dict[str, object] = {"config": text}
        except (TypeError, ValueError) as error:
            raise InvalidOption(f"config cannot be written as JSON: {error}") from error
        if metadata is not None:
            body["metadata"] = dict(metadata)
        return AgentConfiguration.read(self._send("POST", "agents", json=body).fields())

    def update_agent(self, agent_id: str, metadata: Mapping[str, str]) -> AgentConfiguration:
        body = {"metadata": dict(metadata)}
        return AgentConfiguration.read(self._send("PUT", "agents", agent_id, json=body).fields())

    def delete_agent(self, agent_id: str) -> None:
        self._send("DELETE", "agents", agent_id)

    def agent_variables(self) -> tuple[AgentVariable, ...]:
        return self._list(AgentVariable, "variables", "agent-variables")

    def agent_variable(self, variable_id: str) -> AgentVariable:
        return AgentVariable.read(self._get("agent-variables", variable_id))

    def create_agent_variable(self, key: str, value: object) -> AgentVariable:
        body = {"key": key, "value": value}
        return AgentVariable.read(self._send("POST", "agent-variables", json=body).fields())

    def update_agent_variable(self, variable_id: str, value: object) -> AgentVariable:
        response = self._send("PATCH", "agent-variables", variable_id, json={"value": value})
        return AgentVariable.read(response.fields())

    def delete_agent_variable(self, variable_id: str) -> None:
        self._send("DELETE", "agent-variables", variable_id)

    # Self-hosted distribution

    def distribution_credentials(self) -> tuple[DistributionCredentials, ...]:
        return self._list(DistributionCredentials, "distribution_credentials", *_DISTRIBUTION)

    def distribution_credential(self, credentials_id: str) -> DistributionCredentials:
        return DistributionCredentials.read(self._get(*_DISTRIBUTION, credentials_id))

    def create_distribution_credentials(
        self, comment: str, scopes: Sequence[str] = (), provider: str | None = None
    ) -> DistributionCredentials:
        query = [("scopes", scope) for scope in scopes]
        query += [("provider", provider)] if provider else []
        response = self._send("POST", *_DISTRIBUTION, query=query, json={"comment": comment})
        return DistributionCredentials.read(response.fields())

    def delete_distribution_credentials(self, credentials_id: str) -> DistributionCredentials:
        return DistributionCredentials.read(
            self._send("DELETE", *_DISTRIBUTION, credentials_id).fields()
        )

    def _path(self, segments: Sequence[str]) -> str:
        return path_of("projects", self.project_id, *segments)

    def _get(self, *segments: str, query: Query = ()) -> Fields:
        return self._http.get(self._path(segments), query).fields()

    def _send(
        self, method: str, *segments: str, query: Query = (), json: object = None
    ) -> Response:
        return self._http.send(method, self._path(segments), query, json=json)

    def _list(
        self, kind: type[RecordKind], name: str, *segments: str, query: Query = ()
    ) -> tuple[RecordKind, ...]:
        response = self._http.get(self._path(segments), query)
        return tuple(kind.read(element) for element in response.objects(name))


_DISTRIBUTION = ("self-hosted", "distribution", "credentials")
