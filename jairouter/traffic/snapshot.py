"""What is known about instances now, in plain values for whoever looks on. Looking changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from jairouter.dates import date_of
from jairouter.traffic.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jairouter.interfaces import IBreaker
    from jairouter.traffic.exclusion import Exclusion
    from jairouter.traffic.group import Group, Outlook
    from jairouter.traffic.instance import Instance


class Moment(NamedTuple):
    """Now, by both clocks.

    Attributes:
        now: The clock's seconds, as in everything about traffic.
        today: Seconds since the epoch.
    """

    now: float
    today: float

    def date(self, at: float) -> str:
        """When something was, given in the clock's seconds, as RFC 3339 writes it."""
        return date_of(self.today - (self.now - at))

    def left(self, until: float) -> float:
        """Seconds until something, in milliseconds at best."""
        return round(max(0.0, until - self.now), 3)


class Named(NamedTuple):
    """What the management API calls an instance.

    Attributes:
        id: Its ``instanceId``.
        address: Its base URL as it was written, with placeholders.
    """

    id: str
    address: str


def group_state(
    model: str,
    group: Group,
    moment: Moment,
    named: Callable[[Instance], Named],
    health_of: Callable[[Instance], Mapping[str, Any]],
) -> dict[str, Any]:
    """The instances of one model, and where a request would go that came now.

    Args:
        model: Its name.
        group: Its instances.
        moment: Now.
        named: Knows what they are called.
        health_of: Knows what their checks say.
    """
    outlook = group.outlook(moment.now)
    tiers: dict[int, list[str]] = {}
    instances = []
    for each in group.instances:
        tiers.setdefault(each.priority, []).append(named(each).id)
        instances.append(_instance_state(each, outlook, moment, named(each), health_of(each)))
    return {
        "model": model,
        "panic": outlook.panic,
        "candidates": [named(each).id for each in outlook.candidates],
        "tiers": [{"priority": which, "instances": tiers[which]} for which in sorted(tiers)],
        "instances": instances,
    }


def _instance_state(
    instance: Instance, outlook: Outlook, moment: Moment, named: Named, health: Mapping[str, Any]
) -> dict[str, Any]:
    live, seen, why = instance.live, outlook.seen[instance], outlook.excluded.get(instance)
    latency = live.latency
    return {
        "instanceId": named.id,
        "label": instance.label,
        "name": instance.name,
        "baseUrl": named.address,
        "weight": instance.weight,
        "priority": instance.priority,
        "share": round(seen.share, 6),
        "fullShareIn": round(max(0.0, seen.warm_in), 3),
        "inFlight": live.in_flight,
        "usable": why is None,
        "excluded": None if why is None else exclusion_state(why, moment),
        "health": health,
        "breaker": breaker_state(live.breaker, moment),
        "ejectedFor": moment.left(seen.ejected_until) if seen.ejected_until else None,
        "coolingFor": moment.left(seen.cooling_until) if seen.cooling_until else None,
        "latency": None
        if latency is None
        else {"seconds": round(latency.seconds, 6), "belief": round(latency.belief(moment.now), 3)},
    }


def exclusion_state(why: Exclusion, moment: Moment) -> dict[str, Any]:
    """Why an instance cannot be used, and for how long if that is known."""
    return {
        "reason": why.reason.code,
        "text": why.reason.value,
        "seconds": None if why.until is None else moment.left(why.until),
    }


def breaker_state(breaker: IBreaker | None, moment: Moment) -> dict[str, Any] | None:
    """Where a breaker stands; None without one."""
    if not isinstance(breaker, Breaker):
        return None
    look = breaker.look(moment.now)
    return {
        "state": look.state.value,
        "forced": look.forced,
        "since": moment.date(look.since) if look.since else None,
        "openFor": None if look.until is None else moment.left(look.until),
        "opened": look.opened,
        "failuresInRow": look.row,
        "failures": look.failures,
        "attempts": look.attempts,
        "trials": look.trials,
        "goodTrials": look.good,
    }
