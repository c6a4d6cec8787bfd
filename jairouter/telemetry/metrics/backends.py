"""Attempts at instances: how they ended, how long they took, and what balancers and breakers made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from zope.interface import implementer

from jairouter.exchange import Outcome
from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Source
from jairouter.telemetry.metrics.histogram import DURATIONS, Histogram
from jairouter.telemetry.metrics.kept import Kept, forget

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange
    from jairouter.telemetry.metrics.families import Families
    from jairouter.traffic.breaker_states import Change
    from jairouter.traffic.instance import Instance

ADAPTER: Final = "normal"
"""The one that there is."""

_Backend = tuple[str, str, str]
"""Service, model and address: the labels of what belongs to an instance. Instances that differ in their path
alone are one series; Prometheus refuses a page that has a series twice."""

_EVENTS: Final = {Outcome.SUCCEEDED: "success", Outcome.FAILED: "failure"}
"""What breakers count; see `Breaker.settle`."""


def backend_of(instance: Instance) -> _Backend:
    """The labels of an instance."""
    return instance.service, instance.name, instance.base_url


class _Row:
    """Attempts at one instance that ended alike.

    Attributes:
        number: How many there were.
        durations: Of all attempts at that instance, in which they are counted too.
        breaker: Whether it has a circuit breaker.
    """

    __slots__ = ("breaker", "durations", "number")

    def __init__(self, durations: Histogram, breaker: bool) -> None:
        self.number = 0
        self.durations = durations
        self.breaker = breaker


@implementer(IRecorder)
class BackendMetrics(Source):
    """Counts attempts.

    Args:
        families: Make what is shown.
    """

    def __init__(self, families: Families) -> None:
        self._families = families
        self._rows: dict[tuple[Instance, Outcome | None], _Row] = {}
        self._durations: dict[_Backend, Histogram] = {}
        self._calls: Counter[tuple[str, str, str, str]] = Counter()
        self._selections: Counter[tuple[str, str, str]] = Counter()
        self._events: Counter[tuple[str, str, str, str]] = Counter()
        self._opened: Counter[_Backend] = Counter()
        self._strategies: Mapping[str, str] = {}
        self._kept = Kept()

    def configure(self, strategies: Mapping[str, str], instances: Iterable[Instance]) -> None:
        """Other settings are in force.

        What was counted about an instance that is gone is forgotten; see `Kept`.

        Args:
            strategies: What chooses among the instances, by service.
            instances: All of them.
        """
        self.sum_up()
        self._strategies = {service: name.replace("-", "_") for service, name in strategies.items()}
        there: set[_Backend] = set()
        for instance in instances:
            backend = backend_of(instance)
            there.add(backend)
            if instance.live.breaker is not None:
                self._opened[backend] += 0
        self._forget(self._kept.those(there))

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        rows = self._rows
        for attempt in exchange.attempts:
            key = (attempt.instance, attempt.outcome)
            row = rows.get(key)
            if row is None:
                row = rows[key] = self._row(attempt.instance)
            row.number += 1
            if attempt.ended:
                row.durations.observe(attempt.ended - attempt.began)

    def changed(self, instance: Instance, change: Change) -> None:
        """A circuit breaker went from one state to another."""
        backend = backend_of(instance)
        self._events[(*backend, "state_change")] += 1
        if change.after.value == "open":
            self._opened[backend] += 1

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        self.sum_up()
        durations = [(backend, each.taken()) for backend, each in self._durations.items()]
        calls, selections = list(self._calls.items()), list(self._selections.items())
        events, opened = list(self._events.items()), list(self._opened.items())

        def shown() -> Iterable[Metric]:
            known = self._families.known
            yield known("backend_calls", [(_told(key), number) for key, number in calls])
            yield known("backend_call_duration_seconds", durations)
            yield known("loadbalancer_selections", selections)
            yield known("circuit_breaker_events", events)
            yield known("circuitbreaker_opened", opened)

        return shown

    def sum_up(self) -> None:
        """Know instances by their names only: others may be in force from now on, and these be gone."""
        for (instance, outcome), row in self._rows.items():
            backend, number = backend_of(instance), row.number
            self._calls[(*backend, outcome.word if outcome else "unsettled")] += number
            strategy = self._strategies.get(instance.service, "")
            self._selections[instance.service, strategy, instance.base_url] += number
            event = _EVENTS.get(outcome) if outcome and row.breaker else None
            if event is not None:
                self._events[(*backend, event)] += number
        self._rows.clear()

    def _row(self, instance: Instance) -> _Row:
        backend = backend_of(instance)
        durations = self._durations.get(backend)
        if durations is None:
            durations = self._durations[backend] = Histogram(DURATIONS)
        return _Row(durations, instance.live.breaker is not None)

    def _forget(self, kept: frozenset[tuple[str, ...]]) -> None:
        """Keep what was counted about these alone."""
        for counts in (self._durations, self._opened, self._calls, self._events):
            forget(counts, kept, 3)
        addresses = {(service, address) for service, _, address in kept}
        for chosen in [each for each in self._selections if (each[0], each[2]) not in addresses]:
            del self._selections[chosen]


def _told(key: tuple[str, str, str, str]) -> tuple[str, ...]:
    """The labels of a call: the status is the word that the Java original has for it."""
    *backend, outcome = key
    return (*backend, ADAPTER, outcome, "success" if outcome == "succeeded" else "failure")
