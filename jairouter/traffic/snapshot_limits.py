"""What limits have left now, in plain values for whoever looks on. Looking takes nothing."""

from __future__ import annotations

from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Final

from jairouter.traffic.limiters.by_name import kind_of
from jairouter.traffic.rule import Each, Single

if TYPE_CHECKING:
    from collections.abc import Hashable

    from jairouter.interfaces import ILimiter
    from jairouter.traffic.limiters.keyed import Keyed
    from jairouter.traffic.limits import Limits
    from jairouter.traffic.rule import Place

LOOKED_AT: Final = 1000
"""Of the buckets of one limit, how many are looked at for the fullest: those used last."""
SHOWN: Final = 10
"""Of those, how many are shown."""

_CONFIGURED: Final = {"validation": "security.validation.rate-limit", "model": "model.rate-limit"}
_SCOPES: Final = {"client-ip-enable": "client-ip"}


def limit_states(limits: Limits, now: float, service: str | None = None) -> list[dict[str, Any]]:
    """The limits on requests, those of single instances left out.

    Args:
        limits: All of them.
        now: The clock's seconds.
        service: Only those that its requests stand under.
    """
    services: dict[Place, list[str]] = {}
    found: dict[Place, Single | Each] = {}
    for name, rule in limits.rules.items():
        for each in rule.limits:
            services.setdefault(each.place, []).append(name)
            found[each.place] = each
    return [
        {**_limit_state(each, now), "services": services[place]}
        for place, each in found.items()
        if service is None or service in services[place]
    ]


def limiter_state(limiter: ILimiter, now: float) -> dict[str, Any]:
    """One bucket, whatever it is about."""
    return {"algorithm": kind_of(limiter), **_quota(limiter, now), "underWay": limiter.lent}


def _limit_state(limit: Single | Each, now: float) -> dict[str, Any]:
    about = {"name": limit.name, **_place(limit.place)}
    if isinstance(limit, Single):
        return {**about, **limiter_state(limit.limiter, now), "buckets": None, "fullest": None}
    sample = limit.table.sample(now)
    return {
        **about,
        "algorithm": kind_of(sample),
        "limit": sample.quota(now).limit,
        "remaining": None,
        "reset": None,
        "underWay": None,
        "buckets": len(limit.table),
        "fullest": _fullest(limit.table, now),
    }


def _place(place: Place) -> dict[str, Any]:
    """Where it is configured, and what has a bucket of its own."""
    kind, *rest = place
    if kind == "key":
        return {"place": None, "scope": "key", "key": rest[0]}
    where = f"model.services.{rest.pop(0)}.rate-limit" if kind == "service" else _CONFIGURED[kind]
    scope = rest[0] if rest else "service"
    return {"place": where, "scope": _SCOPES.get(scope, scope), "key": None}


def _fullest(table: Keyed, now: float) -> list[dict[str, Any]]:
    """The buckets of which the smallest part is left, of those that were used last."""
    buckets = ((_whose(key), _quota(limiter, now)) for key, limiter in table.latest(LOOKED_AT))
    used = (each for each in buckets if each[1]["remaining"] < each[1]["limit"])
    fullest = nsmallest(SHOWN, used, key=lambda each: each[1]["remaining"] / each[1]["limit"])
    return [{"of": of, **quota} for of, quota in fullest]


def _whose(key: Hashable) -> str | None:
    """A client's address, or a model; nothing of a caller, since that would help to find its key."""
    if isinstance(key, tuple):
        return "/".join(map(str, key))
    return key if isinstance(key, str) else None


def _quota(limiter: ILimiter, now: float) -> dict[str, Any]:
    limit, remaining, reset = limiter.quota(now)
    return {"limit": limit, "remaining": remaining, "reset": round(reset, 3)}
