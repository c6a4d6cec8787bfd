"""Retries and hedges never exceed their share of the requests, and a few, in any window."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from tests.simulation.schedule import Schedule
from tests.simulation.watch import Watch

_HAIR = 1e-6
LONGEST_DELAY = 1.0
"""Seconds between what a retry costs and itself."""


def judge_budgets(schedule: Schedule, watch: Watch) -> list[str]:
    """Count per service, at each retry, what was in the window before it.

    The gateway counts in tenths of a window: so retries are counted for nine of them, and requests for all.
    """
    requests: dict[str, list[float]] = defaultdict(list)
    retries: dict[str, list[float]] = defaultdict(list)
    for exchange in watch.exchanges.values():
        service = exchange.request.route.service
        asked: set[str] = set()
        for attempt in sorted(exchange.attempts, key=lambda each: each.began):
            if attempt.instance.name in asked:
                retries[service].append(attempt.began)
            asked.add(attempt.instance.name)
        requests[service].append(exchange.started)
    faults = []
    for service, times in retries.items():
        budget = schedule.configuration["model"]["services"][service]["retry"]["budget"]
        faults += _judge(service, sorted(times), sorted(requests[service]), budget)
    return faults


def _judge(service: str, retries: list[float], requests: list[float], budget: dict[str, float]) -> list[str]:
    window = float(budget["window"])
    surely = 0.9 * window - LONGEST_DELAY
    for at, when in enumerate(retries):
        count = at + 1 - bisect_right(retries, when - surely)
        earned = bisect_right(requests, when) - bisect_right(requests, when - window)
        most = budget["ratio"] * earned + budget["min_per_second"] * window
        if count > most + _HAIR:
            return [
                f"{service}: {count} retries in {window:g} s before {when:.2f}, where {most:.2f} are allowed"
            ]
    return []
