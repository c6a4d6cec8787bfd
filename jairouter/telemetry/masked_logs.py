"""Masks what the gateway itself logs, before anybody writes it down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.logger import ILogObserver, LogEvent, LogPublisher, formatEvent
from zope.interface import implementer

from jairouter.codec.patience import Patience, Unreadable
from jairouter.telemetry.logs.observer import REQUESTS
from jairouter.telemetry.logs.requests import Batch

if TYPE_CHECKING:
    from jairouter.codec.masking import Rules

LOOK: Final = 0.05
"""Seconds for which one event may be looked through."""
WITHHELD: Final = "a message is withheld: it could not be looked through for what has to be masked"
_KEPT: Final[tuple[str, ...]] = (
    "log_time",
    "log_level",
    "log_namespace",
    "log_system",
    "log_trace",
    "isError",
    "trace_id",
    "span_id",
)


@implementer(ILogObserver)
class MaskedLog:
    """Passes events on with their text masked.

    An event in which nothing is found goes on as it is. Of another one only its text goes on, and who said
    it and when: its fields, and the traceback's frames, would hold what was masked.

    Args:
        inner: Writes events down.
        seconds: A steady clock.

    Attributes:
        rules: What is masked; without any, events go on at once.
    """

    def __init__(self, inner: ILogObserver, seconds: Callable[[], float]) -> None:
        self.rules: Rules | None = None
        self._inner = inner
        self._seconds = seconds

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver.__call__`."""
        rules = self.rules
        self._inner(event if rules is None else self._masked(event, rules))

    def _masked(self, event: LogEvent, rules: Rules) -> LogEvent:
        def mask(text: str) -> str:
            try:
                return rules.masked(text, Patience(self._seconds, LOOK), Counter())
            except Unreadable:
                return WITHHELD

        text = _text_of(event)
        masked, batch = mask(text), event.get(REQUESTS)
        if masked == text:
            return event
        if isinstance(batch, Batch):  # its lines stay lines
            return {**event, REQUESTS: batch.masked(mask)}
        kept: LogEvent = {name: event[name] for name in _KEPT if name in event}
        return kept | {"log_format": "{masked}", "masked": masked}


def _text_of(event: LogEvent) -> str:
    failure = event.get("log_failure")
    text = formatEvent(event)
    return f"{text}\n{failure.getTraceback()}" if failure is not None else text


class MaskedLogs:
    """Has a publisher tell its observers of masked events only.

    It stands between them from the first time that something is masked. What is masked changes in one step:
    no event is told unmasked meanwhile, and none is lost.

    Args:
        publisher: The one that observers were added to; those that come later are told everything.
        seconds: A steady clock.
    """

    def __init__(self, publisher: LogPublisher, seconds: Callable[[], float]) -> None:
        self._publisher = publisher
        self._seconds = seconds
        self._masked: MaskedLog | None = None

    def use(self, rules: Rules | None) -> None:
        """Change what is masked from now on.

        Args:
            rules: None for nothing.
        """
        if self._masked is None and rules is not None:
            self._masked = self._stand_between()
        if self._masked is not None:
            self._masked.rules = rules

    def _stand_between(self) -> MaskedLog:
        # There is no public way to ask for them, and an observer beside them could not mask what they see
        before = list(self._publisher._observers)
        for observer in before:
            self._publisher.removeObserver(observer)
        masked = MaskedLog(LogPublisher(*before), self._seconds)
        self._publisher.addObserver(masked)
        return masked
