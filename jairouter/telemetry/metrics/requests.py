"""Requests for models by service and model: how many, how large, and what limits said to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from zope.interface import implementer

from jairouter.errors import RateLimited
from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Source
from jairouter.telemetry.metrics.histogram import SIZES, Histogram
from jairouter.telemetry.metrics.kept import Kept, forget

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange, Route
    from jairouter.telemetry.metrics.families import Families, Labels
    from jairouter.telemetry.metrics.http import HttpMetrics

_Limits = tuple[tuple[str, str], ...]
_Key = tuple["Route", int, str, _Limits, "tuple[str, str] | None", bool]


class _Sizes:
    """Of one service.

    Attributes:
        asked: Of requests.
        answered: Of answers.
    """

    __slots__ = ("answered", "asked")

    def __init__(self) -> None:
        self.asked, self.answered = Histogram(SIZES), Histogram(SIZES)


class _Row:
    """Requests that differ in nothing that is counted here.

    Attributes:
        number: How many there were.
        durations: Of those with the same path and status, in which they are counted too.
        sizes: Of those of the same service, likewise.
        limited: Whether some limit was asked about them.
    """

    __slots__ = ("durations", "limited", "number", "sizes")

    def __init__(self, durations: Histogram, sizes: _Sizes, limited: bool) -> None:
        self.number = 0
        self.durations = durations
        self.sizes = sizes
        self.limited = limited


@implementer(IRecorder)
class RequestMetrics(Source):
    """Counts requests for models.

    For each request it looks into one dictionary; what is shown is added up from that when it is asked for.

    Args:
        http: Counts them by path, too.
        seconds: The clock.
        families: Make what is shown.
    """

    def __init__(self, http: HttpMetrics, seconds: Callable[[], float], families: Families) -> None:
        self._http = http
        self._seconds = seconds
        self._families = families
        self._rows: dict[_Key, _Row] = {}
        self._sizes: dict[str, _Sizes] = {}
        self._models: Counter[tuple[str, str, str]] = Counter()
        self._asked: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._events: Counter[tuple[str, str, str, str]] = Counter()
        self._kept = Kept()

    def configure(
        self, limits: Mapping[str, Iterable[tuple[str, str]]], models: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Other settings are in force.

        Args:
            limits: All services, and the limits of each, by scope and algorithm. Their series are there from
                now on: a rate is of no use that begins with the first refusal.
            models: Services and models. Those that are gone are forgotten; see `Kept`.
        """
        self.sum_up()
        unknown = {(service, "") for service, _, _ in self._models}
        forget(self._models, self._kept.those(models) | unknown, 2)
        for service, told in limits.items():
            self._asked[service] += 0
            self._rejected[service] += 0
            for scope, algorithm in told:
                for result in ("allowed", "rejected"):
                    self._events[service, algorithm, scope, result] += 0

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        request, group = exchange.request, exchange.group
        instances = () if group is None else group.instances
        model = instances[0].name if instances else ""
        refused = error.limit if error is not None and isinstance(error, RateLimited) else None
        key = (request.route, status, model, exchange.passed, refused, exchange.quota is None)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self._row(exchange, status, refused)
        row.number += 1
        row.durations.observe(self._seconds() - exchange.started)
        sizes, length = row.sizes, request.body.length
        if length is None:
            length = exchange.body.length
        if length is not None:
            sizes.asked.observe(length)
        sizes.answered.observe(sent)

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        self.sum_up()
        asked = [((service,), each.asked.taken()) for service, each in self._sizes.items()]
        answered = [((service,), each.answered.taken()) for service, each in self._sizes.items()]
        counts: dict[str, list[tuple[Labels, int]]] = {
            "model_requests": list(self._models.items()),
            "ratelimit_requests": [((service,), number) for service, number in self._asked.items()],
            "ratelimit_rejected": [((service,), number) for service, number in self._rejected.items()],
            "rate_limit_events": list(self._events.items()),
        }

        def shown() -> Iterable[Metric]:
            known = self._families.known
            yield known("request_size_bytes", asked)
            yield known("response_size_bytes", answered)
            for name, series in counts.items():
                yield known(name, series)

        return shown

    def sum_up(self) -> None:
        """Know rows no longer: what they are known by comes and goes with the settings."""
        for (route, status, model, passed, refused, _), row in self._rows.items():
            service, number = route.service, row.number
            self._models[service, model, str(status)] += number
            for scope, algorithm in passed:
                self._events[service, algorithm, scope, "allowed"] += number
            self._asked[service] += number if row.limited else 0
            self._rejected[service] += 0 if refused is None else number
            if refused is not None:
                self._events[service, refused[1], refused[0], "rejected"] += number
        self._rows.clear()

    def _row(self, exchange: Exchange, status: int, refused: tuple[str, str] | None) -> _Row:
        route = exchange.request.route
        sizes = self._sizes.get(route.service)
        if sizes is None:
            sizes = self._sizes[route.service] = _Sizes()
        instances = () if exchange.group is None else exchange.group.instances
        limited = (
            bool(exchange.passed)
            or exchange.quota is not None
            or refused is not None
            or any(each.live.limiter is not None for each in instances)
        )
        return _Row(self._http.durations("POST", route.path, status), sizes, limited)
