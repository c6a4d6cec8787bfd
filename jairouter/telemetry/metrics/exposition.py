"""All metrics as they are at some moment, and as pages: without the reactor standing still for it."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from jairouter.telemetry.metrics.families import Families, Source
from jairouter.telemetry.metrics.meanings import MEANINGS
from jairouter.telemetry.metrics.text import in_text

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector
    from twisted.python.failure import Failure

    from jairouter.config.settings.root import Settings

RunInThread = Callable[..., "Deferred[Any]"]
Make = Callable[[], "Iterable[Metric]"]
_Failed = list[tuple[str, BaseException]]
"""What could not be shown, a source or a metric, and why."""

TURN = 0.002
"""Seconds after which looking goes on in the reactor's next turn, so that nobody waits for all of it. What
one source shows belongs together, and is looked at in one turn."""

_LEVEL = 1
"""Of compression: twice as many bytes as with 6, in a third of the time."""


class Sources(CollectorRegistry):
    """A registry whose collectors can be read in two steps.

    Attributes:
        all: The collectors, in the order in which they were registered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.all: list[Collector] = []

    def register(self, collector: Collector) -> None:
        """See `CollectorRegistry.register`."""
        super().register(collector)
        self.all.append(collector)

    def unregister(self, collector: Collector) -> None:
        """See `CollectorRegistry.unregister`."""
        super().unregister(collector)
        self.all.remove(collector)


class Form(NamedTuple):
    """How a page is written.

    Attributes:
        openmetrics: As OpenMetrics, or else in the format 0.0.4.
        compressed: By gzip.
    """

    openmetrics: bool = False
    compressed: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which metrics there are.

    Attributes:
        own: Whether there are any besides those of the process.
        categories: Those that there are (``monitoring.metrics.enabled-categories``).
        prefix: What the names of our own begin with.
    """

    own: bool
    categories: Container[str]
    prefix: str

    @classmethod
    def of(cls, settings: Settings) -> Wanted:
        """Those of a configuration."""
        given = settings.monitoring
        metrics = given.metrics
        own = given.enabled and metrics.enabled
        return cls(own, frozenset(metrics.enabled_categories), f"{metrics.prefix}_")

    def __call__(self, family: Metric) -> bool:
        """Whether this is one of them."""
        meaning = MEANINGS.get(family.name) or MEANINGS.get(family.name.removeprefix(self.prefix))
        if meaning is None:
            return self.own or not family.name.startswith(self.prefix)
        return meaning.category in self.categories and (self.own or meaning.foreign)


class Exposition(Source):
    """Reads all sources, and writes pages.

    Everybody who asks while a page is being written gets that one, and so does who asks within `time_to_live`
    after that. A source, or a metric, that fails takes nothing of the others with it: it is counted, and
    logged the first time.

    Args:
        sources: What is read.
        run_in_thread: For what takes long.
        seconds: The clock.
        families: Make the metric that counts what has failed.
        later: Calls something in the reactor's next turn.
        wanted: Says which metrics are shown.
        descriptions: Whether pages say what each metric is.
        time_to_live: Seconds for which a page is good.
    """

    _log = Logger()

    def __init__(
        self,
        sources: Sources,
        run_in_thread: RunInThread,
        seconds: Callable[[], float],
        families: Families,
        later: Callable[[Callable[[], None]], object],
        wanted: Callable[[Metric], bool] = lambda family: True,
        *,
        descriptions: bool = True,
        time_to_live: float = 0.0,
    ) -> None:
        self._sources = sources
        self._run_in_thread = run_in_thread
        self._seconds = seconds
        self._families = families
        self._later = later
        self._wanted = wanted
        self._descriptions = descriptions
        self._time_to_live = time_to_live
        self._made: dict[Form, tuple[float, bytes]] = {}
        self._waiting: dict[Form, list[Deferred[bytes]]] = {}
        self._errors: Counter[str] = Counter()
        sources.register(self)

    def page(self, form: Form) -> Deferred[bytes]:
        """The page, perhaps one that was made for somebody else.

        Returns:
            Fires with it, and may be cancelled.
        """
        waiting = self._waiting.get(form)
        page: Deferred[bytes] = Deferred(lambda this: self._waiting.get(form, [this]).remove(this))
        if waiting is not None:
            waiting.append(page)
            return page
        until, made = self._made.get(form, (0.0, b""))
        if made and self._seconds() < until:
            page.callback(made)
            return page
        self._waiting[form] = [page]
        begun = self._seconds()
        failed: _Failed = []
        writing = self.read(partial(_written, form=form, descriptions=self._descriptions, failed=failed))
        writing.addCallback(lambda page: self._told((page, failed)))
        writing.addCallbacks(partial(self._write, form, begun), partial(self._fail, form))
        writing.addErrback(lambda failure: self._log.failure("giving metrics away failed", failure))
        return page

    def read(self, use: Callable[[Sequence[Metric]], Any]) -> Deferred[Any]:
        """Look at all metrics in this thread, and make something of them in another one.

        Args:
            use: Is given those that are wanted, in the other thread.

        Returns:
            Fires with what `use` has returned.
        """
        read: Deferred[Any] = Deferred()
        self._look_on([], list(self._sources.all), use, read)
        return read

    def _look_on(
        self,
        makes: list[tuple[str, Make]],
        left: list[Collector],
        use: Callable[[Sequence[Metric]], Any],
        read: Deferred[Any],
    ) -> None:
        """Look at what is left, in this turn of the reactor as long as that does not take too long."""
        begun = self._seconds()
        while left:
            source = left.pop(0)
            makes.append((type(source).__name__, self._look(source)))
            if left and self._seconds() - begun >= TURN:
                self._later(partial(self._look_on, makes, left, use, read))
                return
        reading = self._run_in_thread(_read, makes, self._wanted, use)
        reading.addCallback(self._told).chainDeferred(read)

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`: its own metric."""
        # All of them from the start: a rate is of no use that begins with the first error
        names = {type(each).__name__ for each in self._sources.all} | self._errors.keys()
        errors = [((name,), self._errors[name]) for name in sorted(names)]
        return lambda: [self._families.known("metrics_errors", errors)]

    def _look(self, source: Collector) -> Make:
        if not isinstance(source, Source):
            return source.collect
        try:
            return source.look()
        except Exception:
            self._count(type(source).__name__, "looking at {source} failed")
            return list

    def _told(self, result: tuple[Any, _Failed]) -> Any:
        used, failed = result
        for name, error in failed:
            # Only the kind of the error: what it says may have been made of anything
            self._count(name, "showing {source} failed: {error}", error=type(error).__name__)
        return used

    def _count(self, name: str, text: str, **told: Any) -> None:
        self._errors[name] += 1
        if self._errors[name] == 1:
            if told:
                self._log.error(f"metrics: {text}", source=name, **told)
            else:
                self._log.failure(f"metrics: {text}", source=name)

    def _write(self, form: Form, begun: float, page: bytes) -> None:
        if self._time_to_live:
            self._made[form] = begun + self._time_to_live, page
        for each in self._waiting.pop(form):
            each.callback(page)

    def _fail(self, form: Form, failure: Failure) -> None:
        self._log.failure("metrics cannot be shown", failure)
        for each in self._waiting.pop(form):
            each.errback(failure)


def _read(
    makes: list[tuple[str, Make]], wanted: Callable[[Metric], bool], use: Callable[[Sequence[Metric]], Any]
) -> tuple[Any, _Failed]:
    families: list[Metric] = []
    failed: _Failed = []
    for name, make in makes:
        try:
            families.extend(family for family in make() if wanted(family))
        except Exception as error:
            failed.append((name, error))
    return use(families), failed


def _written(families: Sequence[Metric], form: Form, descriptions: bool, failed: _Failed) -> bytes:
    def leave_out(family: Metric, error: Exception) -> None:
        failed.append((family.name, error))

    text = in_text(families, openmetrics=form.openmetrics, descriptions=descriptions, failed=leave_out)
    return gzip.compress(text, _LEVEL, mtime=0) if form.compressed else text
