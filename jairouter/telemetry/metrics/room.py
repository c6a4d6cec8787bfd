"""How much limits and retry budgets have left, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from jairouter.telemetry.metrics.families import Source
from jairouter.traffic.rule import Single

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families, Labels
    from jairouter.traffic.limits import Limits
    from jairouter.traffic.retry import RetryPolicy


class RoomMetrics(Source):
    """Shows what may still come before requests are refused, or attempts not repeated.

    Limits that each client address, caller or model has for itself are not among them: there is no end of
    those.

    Args:
        limits: Those in force.
        retries: When attempts are repeated, by service.
        seconds: The clock.
        families: Make what is shown.
    """

    def __init__(
        self,
        limits: Callable[[], Limits],
        retries: Callable[[], Mapping[str, RetryPolicy]],
        seconds: Callable[[], float],
        families: Families,
    ) -> None:
        self._limits = limits
        self._retries = retries
        self._seconds = seconds
        self._families = families

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        now = self._seconds()
        quotas: dict[Labels, tuple[int, int]] = {}
        for service, rule in self._limits().rules.items():
            for each in rule.limits:
                if isinstance(each, Single):
                    quota = each.limiter.quota(now)
                    quotas[service, each.name] = (quota.remaining, quota.limit)
        budgets: list[tuple[Labels, float]] = [
            ((service,), policy.budget.left(now)) for service, policy in self._retries().items()
        ]
        return lambda: self._shown(quotas, budgets)

    def _shown(
        self, quotas: Mapping[Labels, tuple[int, int]], budgets: list[tuple[Labels, float]]
    ) -> Iterable[Metric]:
        known = self._families.known
        yield known("rate_limit_remaining", ((key, remaining) for key, (remaining, _) in quotas.items()))
        yield known("rate_limit_capacity", ((key, limit) for key, (_, limit) in quotas.items()))
        yield known("retry_budget_remaining", budgets)
