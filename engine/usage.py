"""The record of a call: one row of the log and its share of the day's sums, in one transaction."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from engine.calls import Call, without_credentials
from engine.env import Misconfigured
from engine.models import Request, UsageDay, UsageKind

# What the filter `deployment` of the usage endpoints calls a server of one's own.
DEPLOYMENT = "self-hosted"


def record(call: Call) -> None:
    """Write ``call`` down; a second time does nothing."""
    usage = call.usage
    line_item = f"{_charged_as(call)}::{usage.model or 'unknown'}"
    dollars = _price(line_item) * _quantity(call) if call.status < 300 else 0.0
    details = {
        "status": call.status,
        "duration": usage.seconds,
        "channel_duration": usage.channel_seconds,
        "characters": usage.characters,
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "models": usage.models,
        "method": usage.method,
        "features": usage.features,
        "tags": usage.tags,
        "language": usage.language,
        "dollars": dollars,
    }
    with transaction.atomic():
        try:
            with transaction.atomic():
                Request.objects.create(
                    request_id=call.request_id,
                    project_id=call.caller.project_id,
                    accessor=call.caller.api_key_id,
                    created=call.created,
                    completed=datetime.now(UTC),
                    path=call.shown_path(),
                    endpoint=call.kind,
                    method=usage.method,
                    deployment=DEPLOYMENT,
                    code=call.status,
                    callback=without_credentials(call.callback),
                    details=details,
                )
        except IntegrityError:
            return  # recorded before, or its project is gone
        if call.status < 300:
            add_to_sums(_kind(call, line_item), call, dollars)


def add_to_sums(kind: UsageKind, call: Call, dollars: float) -> None:
    usage = call.usage
    day, _ = UsageDay.objects.get_or_create(
        kind=kind, day=call.created.date(), defaults={"project_id": kind.project_id}
    )
    UsageDay.objects.filter(pk=day.pk).update(
        requests=F("requests") + 1,
        seconds=F("seconds") + usage.seconds,
        channel_seconds=F("channel_seconds") + usage.channel_seconds,
        agent_seconds=F("agent_seconds") + usage.agent_seconds,
        tokens_in=F("tokens_in") + usage.tokens_in,
        tokens_out=F("tokens_out") + usage.tokens_out,
        characters=F("characters") + usage.characters,
        dollars=F("dollars") + dollars,
    )


def join(entries: Iterable[str]) -> str:
    """A list as ``UsageKind`` keeps it: sorted, without repetition."""
    return "".join(f"\n{entry}" for entry in sorted(set(entries))) + "\n"


def split(text: str) -> list[str]:
    return text.split("\n")[1:-1]


def _kind(call: Call, line_item: str) -> UsageKind:
    usage = call.usage
    facts = {
        "accessor": str(call.caller.api_key_id),
        "endpoint": call.kind,
        "method": usage.method,
        "deployment": DEPLOYMENT,
        "model_ids": join(usage.models),
        "feature_set": join(usage.features),
        "tags": join(usage.tags),
        "language": usage.language,
        "line_item": line_item,
    }
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    kind, _ = UsageKind.objects.get_or_create(
        project_id=call.caller.project_id,
        fingerprint=fingerprint,
        defaults={**facts, "accessor": uuid.UUID(facts["accessor"])},
    )
    return kind


def _charged_as(call: Call) -> str:
    if call.kind != "listen":
        return call.kind
    return "streaming" if call.usage.method == "streaming" else "batch"


def _quantity(call: Call) -> float:
    """Hours of audio, thousands of characters or thousands of tokens: what prices are for."""
    usage = call.usage
    match call.kind:
        case "speak":
            return usage.characters / 1000
        case "read":
            return (usage.tokens_in + usage.tokens_out) / 1000
        case "agent":
            return usage.agent_seconds / 3600
        case _:
            return usage.channel_seconds / 3600


def _price(line_item: str) -> float:
    charged_as = line_item.partition("::")[0]
    prices = read_prices()
    return prices.get(line_item, prices.get(f"{charged_as}::*", 0.0))


@cache
def read_prices() -> Mapping[str, float]:
    """The operator's prices by line item, such as ``{"batch::nova-3": 0.26}``; none by default.

    Dollars for an hour of audio (``batch``, ``streaming``, ``agent``), a thousand characters
    (``speak``) or a thousand tokens (``read``); ``batch::*`` is for every model.
    """
    path = settings.ENVIRONMENT.prices
    if path is None:
        return {}
    try:
        prices = json.loads(path.read_text())
        return {str(name): float(price) for name, price in prices.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise Misconfigured(
            f"ENGINE_PRICES names {path}, which is no JSON object of prices; "
            'write it as {"batch::nova-3": 0.26}.'
        ) from error
