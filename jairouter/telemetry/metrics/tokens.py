"""Tokens, and how soon they come: what those who run models look at first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from zope.interface import implementer

from jairouter.interfaces import IRecorder
from jairouter.telemetry.metrics.families import Source
from jairouter.telemetry.metrics.histogram import FIRST_TOKEN, TOKEN, Histogram
from jairouter.telemetry.metrics.kept import Kept, forget

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from jairouter.errors import GatewayError
    from jairouter.exchange import Exchange
    from jairouter.telemetry.metrics.families import Families, Labels
    from jairouter.usage import Usage

_KINDS: Final = ("prompt", "completion", "cached", "reasoning")

_OfModel = tuple[str, str]
"""Service and model."""


@implementer(IRecorder)
class TokenMetrics(Source):
    """Counts them by the model that made them.

    All attempts cost tokens. Times are those of the attempt whose answer was passed on: until its first token
    from when the request came, as its reader has waited; for each further token until the attempt was over.

    Args:
        families: Make what is shown.
    """

    def __init__(self, families: Families) -> None:
        self._families = families
        self._first: dict[_OfModel, Histogram] = {}
        self._each: dict[_OfModel, Histogram] = {}
        self._tokens: dict[tuple[str, str, bool], list[int]] = {}
        self._kept = Kept()

    def configure(self, models: Iterable[_OfModel]) -> None:
        """Other settings are in force: models that are gone are forgotten; see `Kept`."""
        kept = self._kept.those(models)
        for counts in (self._first, self._each, self._tokens):
            forget(counts, kept, 2)

    def record(self, exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """See `IRecorder.record`."""
        attempts = exchange.attempts
        if not attempts:
            return
        last = attempts[-1]
        for attempt in attempts:
            if attempt.usage is not None:
                self._count(attempt.instance.service, attempt.instance.name, attempt.usage)
        if not last.first_token:
            return
        key = (last.instance.service, last.instance.name)
        _observed(self._first, key, FIRST_TOKEN, last.first_token - exchange.started)
        usage = last.usage
        if usage is not None and usage.completion > 1 and last.ended:
            seconds = (last.ended - last.first_token) / (usage.completion - 1)
            _observed(self._each, key, TOKEN, seconds)

    def _count(self, service: str, model: str, usage: Usage) -> None:
        prompt, completion, cached, reasoning, estimated = usage
        key = (service, model, estimated)
        tokens = self._tokens.get(key)
        if tokens is None:
            tokens = self._tokens[key] = [0, 0, 0, 0]
        tokens[0] += prompt
        tokens[1] += completion
        if cached:
            tokens[2] += cached
        if reasoning:
            tokens[3] += reasoning

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        first = [(key, each.taken()) for key, each in self._first.items()]
        further = [(key, each.taken()) for key, each in self._each.items()]
        tokens, known = list(self._shown_tokens()), self._families.known
        return lambda: (
            known("time_to_first_token_seconds", first),
            known("time_per_output_token_seconds", further),
            known("tokens", tokens),
        )

    def _shown_tokens(self) -> Iterable[tuple[Labels, int]]:
        for (service, model, estimated), numbers in self._tokens.items():
            for kind, number in zip(_KINDS, numbers, strict=True):
                # (what backends do not speak of is not the same as none of it)
                if number or kind in {"prompt", "completion"}:
                    yield (service, model, kind, "estimated" if estimated else "reported"), number


def _observed(
    durations: dict[_OfModel, Histogram], key: _OfModel, bounds: tuple[float, ...], seconds: float
) -> None:
    histogram = durations.get(key)
    if histogram is None:
        histogram = durations[key] = Histogram(bounds)
    histogram.observe(seconds)
