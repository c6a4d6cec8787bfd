"""What the tests of metrics share: a registry that is asked for values, and exchanges that are over."""

from __future__ import annotations

from typing import Any

from jairouter.exchange import Attempt, Exchange, Outcome
from jairouter.telemetry.metrics.exposition import Sources
from tests.filters.inner import attempted, exchange, group, instance

BACKEND = {"service": "chat", "model": "m", "backend": "http://10.0.0.1:9000"}


class Values:
    """Sums of samples.

    Attributes:
        registry: Where they come from.
    """

    def __init__(self) -> None:
        self.registry = Sources()

    def __call__(self, name: str, **labels: str) -> float | None:
        """The sum of all samples of a name that have these labels; None if there is none."""
        values = [
            sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return sum(values) if values else None


def over(outcome: Outcome | None = Outcome.SUCCEEDED, seconds: float = 1.0, **made: Any) -> Exchange:
    """An exchange with one attempt, which has ended after some seconds."""
    result = attempted(**made)
    result.group = group(result.attempt.instance)
    end(result.attempt, outcome, seconds)
    return result


def end(attempt: Attempt, outcome: Outcome | None = Outcome.SUCCEEDED, seconds: float = 1.0) -> Attempt:
    """The attempt is over."""
    attempt.outcome = outcome
    attempt.ended = attempt.began + seconds
    return attempt


def refused_early() -> Exchange:
    """One that nobody was asked about; its model is known."""
    return exchange(None, "m", instance())
