"""The record of calls: a row of the log each and their share of the day's sums."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Sum

from engine.calls import Call, without_credentials
from engine.env import Misconfigured
from engine.models import Request, UsageDay, UsageKind

# What the filter `deployment` of the usage endpoints calls a server of one's own.
DEPLOYMENT = "self-hosted"
# What a call consumed, as the columns of the sums are called.
AMOUNTS = (
    "seconds",
    "channel_seconds",
    "agent_seconds",
    "tokens_in",
    "tokens_out",
    "characters",
)


def record(calls: Sequence[Call]) -> None:
    """Write ``calls`` down in one transaction; what was written before stays as it is."""
    try:
        with transaction.atomic():
            Request.objects.bulk_create([_row(call) for call in calls])
            _add_to_sums([call for call in calls if call.status < 300])
    except IntegrityError:
        # One of them was recorded before, or its project is gone: the others are to be counted.
        if len(calls) > 1:
            for call in calls:
                record([call])


def _row(call: Call) -> Request:
    usage = call.usage
    return Request(
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
        details={
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
            "dollars": _dollars(call) if call.status < 300 else 0.0,
        },
    )


def _add_to_sums(calls: Iterable[Call]) -> None:
    """One row a day and kind of call."""
    alike: dict[tuple[str, str, date], list[Call]] = {}
    for call in calls:
        key = (call.caller.project_id, _fingerprint(_facts(call)), call.created.date())
        alike.setdefault(key, []).append(call)
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
                amount: F(amount) + sum(getattr(call.usage, amount) for call in group)
                for amount in AMOUNTS
            },
        )


def join(entries: Iterable[str]) -> str:
    """A list as ``UsageKind`` keeps it: sorted, without repetition."""
    return "".join(f"\n{entry}" for entry in sorted(set(entries))) + "\n"


def split(text: str) -> list[str]:
    return text.split("\n")[1:-1]


def _facts(call: Call) -> dict[str, str]:
    """Return the facts by which requests are grouped into one sum."""
    usage = call.usage
    return {
        "accessor": str(call.caller.api_key_id),
        "endpoint": call.kind,
        "method": usage.method,
        "deployment": DEPLOYMENT,
        "model_ids": join(usage.models),
        "feature_set": join(usage.features),
        "tags": join(usage.tags),
        "language": usage.language,
        "line_item": _line_item(call),
    }


def _fingerprint(facts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _line_item(call: Call) -> str:
    return f"{_charged_as(call)}::{call.usage.model or 'unknown'}"


def _dollars(call: Call) -> float:
    return _price(_line_item(call)) * _quantity(call)


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


def spent_dollars(project_id: str | uuid.UUID) -> float:
    """Return the total cost of a project in dollars, at the prices of each request's time."""
    days = UsageDay.objects.filter(project_id=project_id)
    return days.aggregate(sum=Sum("dollars"))["sum"] or 0.0


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
