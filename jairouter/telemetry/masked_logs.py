"""Masks what the gateway itself logs, before anybody writes it down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted.logger import ILogObserver, LogEvent, LogPublisher, formatEvent
from zope.interface import implementer

from jairouter.codec.masking import Patience, Unreadable
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
        rules: What is masked.
        seconds: A steady clock.
    """

    def __init__(self, inner: ILogObserver, rules: Rules, seconds: Callable[[], float]) -> None:
        self._inner = inner
        self._rules = rules
        self._seconds = seconds

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver.__call__`."""
        text = _text_of(event)
        masked = self._masked(text)
        batch = event.get(REQUESTS)
        if masked == text:
            self._inner(event)
        elif isinstance(batch, Batch):  # its lines stay lines
            self._inner({**event, REQUESTS: batch.masked(self._masked)})
        else:
            kept: LogEvent = {name: event[name] for name in _KEPT if name in event}
            self._inner(kept | {"log_format": "{masked}", "masked": masked})

    def _masked(self, text: str) -> str:
        try:
            return self._rules.masked(text, Patience(self._seconds, LOOK), Counter())
        except Unreadable:
            return WITHHELD


def _text_of(event: LogEvent) -> str:
    failure = event.get("log_failure")
    text = formatEvent(event)
    return f"{text}\n{failure.getTraceback()}" if failure is not None else text


def mask_logs(publisher: LogPublisher, rules: Rules, seconds: Callable[[], float]) -> Callable[[], None]:
    """Have a publisher tell its observers of masked events only.

    Args:
        publisher: The one that observers were added to; those that come later are told everything.
        rules: What is masked.
        seconds: A steady clock.

    Returns:
        What undoes it.
    """
    # There is no public way to ask for them, and an observer beside them could not mask what they see
    before = list(publisher._observers)
    for observer in before:
        publisher.removeObserver(observer)
    masked = MaskedLog(LogPublisher(*before), rules, seconds)
    publisher.addObserver(masked)

    def undo() -> None:
        publisher.removeObserver(masked)
        for observer in before:
            publisher.addObserver(observer)

    return undo
