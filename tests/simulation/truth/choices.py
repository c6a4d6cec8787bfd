"""Which instances were asked: none that is drained, and none of a worse tier without need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.simulation.configuration import Configuration
from tests.simulation.truth.case import Case

if TYPE_CHECKING:
    from jairouter.exchange import Attempt


def judge_choices(case: Case) -> list[str]:
    """Look at each attempt that the gateway made, whether or not it came through."""
    if case.exchange is None or case.request.refusal:
        return []
    faults = []
    attempts = sorted(case.exchange.attempts, key=lambda each: each.began)
    for at, attempt in enumerate(attempts):
        instances = [each for each in case.service["instances"] if each["name"] == attempt.instance.name]
        chosen = next((each for each in instances if each["base_url"] == attempt.instance.base_url), None)
        if chosen is None:
            faults.append(f"{attempt.instance.base_url} was asked, which is not configured")
        elif not chosen["weight"]:
            faults.append(f"{attempt.instance.base_url} was asked, which is drained")
        else:
            faults += _judge_tier(case, attempts[:at], instances, chosen)
    return faults


def _judge_tier(
    case: Case, earlier: list[Attempt], instances: list[Configuration], chosen: Configuration
) -> list[str]:
    tried = {each.instance.base_url for each in earlier if each.instance.name == chosen["name"]}
    better = [
        each
        for each in instances
        if each["weight"] and each.get("priority", 0) < chosen.get("priority", 0)
        if each["base_url"] not in tried
    ]
    if better and not may_be_away(case.configuration, case.service):
        return [f"{chosen['base_url']} was asked, though {better[0]['base_url']} is of a better tier"]
    return []


def may_be_away(configuration: Configuration, service: Configuration, *, breakers: bool = True) -> bool:
    """Whether there is anything that keeps instances away.

    Args:
        configuration: All of it.
        service: The part about a service.
        breakers: Whether breakers count.
    """
    balance = service["load_balance"]
    limits = [service.get("rate_limit", {}), configuration["model"].get("rate_limit", {})]
    return (
        (breakers and "circuit_breaker" in service)
        or balance["outlier_detection"]["enabled"]
        or balance["health_check"]["enabled"]
        or balance["cool_down"]["enabled"]
        or any("rate_limit" in each for each in service["instances"])
        or any(each.get("scope") == "instance" for each in limits)
    )
