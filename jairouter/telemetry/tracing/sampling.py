"""Which requests are traced: pure, told everything, instant.

The first of these that says something decides: a path that is never traced; one that always is; with a
strategy that heeds its parent, what the caller has decided; the first rule that fits; the share of the
service; the share of all, which adaptive sampling moves. Shares are taken by the trace's id as OpenTelemetry
does it (``TraceIdRatioBased``), so that gateways with the same share choose the same traces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from jairouter.config.naming import service_name
from jairouter.config.trace_conditions import Condition, conditions_of, pattern_of

if TYPE_CHECKING:
    from jairouter.config.settings.tracing import TraceSamplingSettings
    from jairouter.exchange import Request, Route
    from jairouter.telemetry.tracing.adaptive import Adaptive

BITS: Final = 2**64
"""Only the last 64 bits of a trace's id have to be left to chance."""
ALL: Final = BITS


class Plan(NamedTuple):
    """What is known of all requests of a route.

    Attributes:
        forced: Whether all are traced, or none, whoever asks; None where that is not said.
        rules: What may hold for single ones, and below which number the id of their trace has to be.
        bound: Of all others; None where adaptive sampling says it.
    """

    forced: bool | None
    rules: Sequence[tuple[tuple[Condition, ...], int]]
    bound: int | None


class Sampler:
    """Decides by some settings.

    Args:
        settings: Say how.
        adaptive: Moves the share of all, if that is wanted.
    """

    def __init__(self, settings: TraceSamplingSettings, adaptive: Adaptive | None = None) -> None:
        self._settings, self._adaptive = settings, adaptive
        strategy = settings.strategy
        self._heeds_parent = strategy.startswith("parent_based") or strategy in {"rule", "adaptive"}
        self._plans: dict[Route, Plan] = {}

    def wants(self, request: Request, number: int, parent: bool | None, now: float) -> bool:
        """Whether a request is traced.

        Args:
            request: It.
            number: The last 64 bits of its trace's id.
            parent: What the caller has decided; None where the trace begins here.
            now: The clock's seconds.
        """
        plan = self._plans.get(request.route) or self._plan(request.route)
        if plan.forced is not None:
            return plan.forced
        if parent is not None and self._heeds_parent:
            return parent
        for conditions, bound in plan.rules:
            if all(each.holds(request) for each in conditions):
                return number < bound
        if plan.bound is not None:
            return number < plan.bound
        assert self._adaptive is not None
        return number < bound_of(self._adaptive.ratio_at(now))

    def _plan(self, route: Route) -> Plan:
        """Work out what can be said of a route, of which there are few."""
        plan = self._plans[route] = Plan(self._forced(route.path), *self._shares(route))
        return plan

    def _forced(self, path: str) -> bool | None:
        if _is_among(path, self._settings.never_sample):
            return False
        return True if _is_among(path, self._settings.always_sample) else None

    def _shares(self, route: Route) -> tuple[Sequence[tuple[tuple[Condition, ...], int]], int | None]:
        settings, rules = self._settings, []
        if settings.strategy.endswith(("always_on", "always_off")):
            return (), ALL if settings.strategy.endswith("always_on") else 0
        for rule in settings.rules:
            conditions = conditions_of(rule.condition)
            if all(each.holds_for(route) for each in conditions if each.is_of_routes):
                rules.append(
                    (tuple(each for each in conditions if not each.is_of_routes), bound_of(rule.ratio))
                )
        for name, ratio in settings.service_ratios.items():
            if (service_name(name) or name) == route.service:
                return rules, bound_of(ratio)
        return rules, bound_of(settings.ratio) if self._adaptive is None else None


def bound_of(ratio: float) -> int:
    """Below which number the last 64 bits of a trace's id have to be, for a share of all."""
    return round(ratio * BITS)


def _is_among(path: str, listed: Sequence[str]) -> bool:
    """Whether a path is listed, or below one that is; ``*`` stands for any text."""
    return any(
        pattern_of(each).fullmatch(path) is not None or path.startswith(each.rstrip("/") + "/")
        for each in listed
    )
