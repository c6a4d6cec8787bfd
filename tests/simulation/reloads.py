"""Other configurations that come into force while requests are under way."""

from __future__ import annotations

import copy
from random import Random

from tests.simulation.configuration import Configuration


def make_reloads(random: Random, first: Configuration) -> list[tuple[float, Configuration]]:
    """When there is another configuration, and which."""
    times = sorted(random.uniform(0.5, 14) for _ in range(random.choice((0, 0, 1, 2, 4))))
    reloads, last = [], first
    for when in times:
        last = _change(random, last, first)
        reloads.append((when, last))
    return reloads


def _change(random: Random, configuration: Configuration, first: Configuration) -> Configuration:
    """Another configuration for a reload, or the same again.

    Args:
        random: The seed's.
        configuration: In force before.
        first: With which the run began.
    """
    changed = copy.deepcopy(configuration)
    services = changed["model"]["services"]
    for name, service in services.items():
        kind = random.choice(("nothing", "nothing", "weights", "limits", "remove", "put back", "policies"))
        if kind == "weights":
            for instance in service["instances"]:
                instance["weight"] = random.choice((0, 1, 3))
        elif kind == "limits" and "rate_limit" in service:
            service["rate_limit"].update(capacity=random.choice((1, 3)), rate=random.choice((0.5, 2)))
        elif kind == "remove" and len(service["instances"]) > 2:
            service["instances"] = _without_one(random, service["instances"])
        elif kind == "put back":
            service["instances"] = copy.deepcopy(first["model"]["services"][name]["instances"])
        elif kind == "policies" and "circuit_breaker" in service:
            service["circuit_breaker"].update(failure_threshold=random.choice((1, 3)))
    return changed


def _without_one(random: Random, instances: list[Configuration]) -> list[Configuration]:
    """One less; each model keeps one."""
    names = [each["name"] for each in instances]
    spare = [at for at, name in enumerate(names) if names.count(name) > 1]
    if not spare:
        return instances
    gone = random.choice(spare)
    return instances[:gone] + instances[gone + 1 :]
