"""Records of completed requests: a row of the log each, and the sums of the day."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from engine.env import Misconfigured
from engine.exchange import Exchange, without_credentials
from engine.models import Request, UsageDay, UsageKind

# What the filter `deployment` of the usage endpoints calls a server of one's own.
DEPLOYMENT = "self-hosted"
# Columns of the sums.
AMOUNTS = (
    "seconds",
    "channel_seconds",
    "agent_seconds",
    "tokens_in",
    "tokens_out",
    "characters",
)


def record(exchanges: Sequence[Exchange]) -> None:
    """Write ``exchanges`` in one transaction; one that was recorded before stays as it is."""
    try:
        with transaction.atomic():
            Request.objects.bulk_create([_row(exchange) for exchange in exchanges])
            _add_to_sums([one for one in exchanges if one.outcome.status < 300])
    except IntegrityError:
        # One of them was recorded before, or its project is gone: the others are to be counted.
        if len(exchanges) > 1:
            for exchange in exchanges:
                record([exchange])


def _row(exchange: Exchange) -> Request:
    request, outcome = exchange.request, exchange.outcome
    usage = outcome.usage
    return Request(
        request_id=request.request_id,
        project_id=request.caller.project_id,
        accessor=request.caller.api_key_id,
        created=request.created,
        completed=datetime.now(UTC),
        path=request.recorded_path(),
        endpoint=request.kind,
        method=request.processing_method,
        deployment=DEPLOYMENT,
        code=outcome.status,
        callback=without_credentials(outcome.callback),
        details={
            "status": outcome.status,
            "duration": usage.seconds,
            "channel_duration": usage.channel_seconds,
            "characters": usage.characters,
            "tokens_in": usage.tokens_in,
            "tokens_out": usage.tokens_out,
            "models": usage.models,
            "method": request.processing_method,
            "features": usage.features,
            "tags": [*request.caller.tags, *usage.tags],
            "language": usage.language,
            "dollars": _dollars(exchange) if outcome.status < 300 else 0.0,
        },
    )


def _add_to_sums(exchanges: Iterable[Exchange]) -> None:
    """Update one row for each day and kind of request."""
    alike: dict[tuple[str, str, date], list[Exchange]] = {}
    for exchange in exchanges:
        request = exchange.request
        key = (request.caller.project_id, _fingerprint(_facts(exchange)), request.created.date())
        alike.setdefault(key, []).append(exchange)
    for (project_id, fingerprint, day), group in alike.items():
        facts = _facts(group[0])
        kind, _ = UsageKind.objects.get_or_create(
            project_id=project_id,
            fingerprint=fingerprint,
            defaults={**facts, "accessor": uuid.UUID(facts["accessor"])},
        )
        sums, _ = UsageDay.objects.get_or_create(
            kind=kind, day=day, defaults={"project_id": project_id}
        )
        UsageDay.objects.filter(pk=sums.pk).update(
            requests=F("requests") + len(group),
            dollars=F("dollars") + sum(map(_dollars, group)),
            **{
                amount: F(amount) + sum(getattr(one.outcome.usage, amount) for one in group)
                for amount in AMOUNTS
            },
        )


def _facts(exchange: Exchange) -> dict[str, str]:
    """Return the facts by which requests are grouped into one sum."""
    request, usage = exchange.request, exchange.outcome.usage
    return {
        "accessor": str(request.caller.api_key_id),
        "endpoint": request.kind,
        "method": request.processing_method,
        "deployment": DEPLOYMENT,
        "model_ids": UsageKind.join(usage.models),
        "feature_set": UsageKind.join(usage.features),
        "tags": UsageKind.join([*request.caller.tags, *usage.tags]),
        "language": usage.language,
        "line_item": _line_item(exchange),
    }


def _fingerprint(facts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _line_item(exchange: Exchange) -> str:
    return f"{_charged_as(exchange)}::{exchange.outcome.usage.model or 'unknown'}"


def _dollars(exchange: Exchange) -> float:
    return _price(_line_item(exchange)) * _quantity(exchange)


def _charged_as(exchange: Exchange) -> str:
    if exchange.request.kind != "listen":
        return exchange.request.kind
    return "streaming" if exchange.request.processing_method == "streaming" else "batch"


def _quantity(exchange: Exchange) -> float:
    """Hours of audio, thousands of characters or thousands of tokens: what prices are for."""
    usage = exchange.outcome.usage
    match exchange.request.kind:
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
