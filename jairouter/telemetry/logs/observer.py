"""Takes events, and hands lines to those who write them down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from twisted.logger import ILogObserver
from zope.interface import implementer

from jairouter.telemetry.logs.levels import NUMBERS
from jairouter.telemetry.logs.line import Line, line_of
from jairouter.telemetry.logs.requests import Batch

if TYPE_CHECKING:
    from twisted.logger import LogEvent

    from jairouter.telemetry.logs.levels import Levels
    from jairouter.telemetry.logs.line import Writes
    from jairouter.telemetry.logs.writer import Writer

REQUESTS: Final = "requests"
"""Member of an event that is a `Batch`."""
OWN: Final = "jairouter.telemetry.logs"
"""The logger of what the log says about itself."""
_WARN: Final = NUMBERS["WARN"]


class Form(Protocol):
    """What lines look like."""

    @property
    def write(self) -> Writes:
        """Makes the text of one line, with what ends it. Called in any thread."""

    def requests(self, batch: Batch, thread: str) -> str:
        """Make the lines of requests.

        Args:
            batch: The requests.
            thread: Name of the thread.
        """


@dataclass(frozen=True)
class Output:
    """One place that lines go to.

    Attributes:
        writer: Writes them down.
        form: What they look like.
        least: Number of the lowest level that goes there.
        events: Whether events go there.
        requests: Whether the lines about requests do.
    """

    writer: Writer
    form: Form
    least: int = 0
    events: bool = True
    requests: bool = True


@implementer(ILogObserver)
class LineObserver:
    """Makes lines of events; nothing of it waits.

    Args:
        outputs: Where lines go.
        levels: What is logged.
    """

    def __init__(self, outputs: Sequence[Output], levels: Levels) -> None:
        self._levels = levels
        self._of_requests = tuple(each for each in outputs if each.requests)
        self._of_events = tuple(each for each in outputs if each.events)

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver.__call__`."""
        if not self._levels.logs(event):
            return
        batch = event.get(REQUESTS)
        if isinstance(batch, Batch):
            self._requests(batch)
        else:
            self.line(line_of(event))

    def line(self, line: Line) -> None:
        """Hand one line to all that take it."""
        number = NUMBERS[line.level]
        made: dict[int, str] = {}  # most often two of them look alike
        for each in self._of_events:
            if number >= each.least:
                text = made.get(id(each.form))
                if text is None:
                    text = made[id(each.form)] = each.form.write(line)
                each.writer.put(text, important=number >= _WARN)

    def _requests(self, batch: Batch) -> None:
        thread = threading.current_thread().name
        made: dict[int, str] = {}
        for each in self._of_requests:
            text = made.get(id(each.form))
            if text is None:
                text = made[id(each.form)] = each.form.requests(batch, thread)
            each.writer.put(text, len(batch.rows))


@implementer(ILogObserver)
class Filtered:
    """Tells another observer, such as the one for syslog, of what is to be logged.

    Args:
        inner: Is told.
        levels: What is logged.
    """

    def __init__(self, inner: Callable[[LogEvent], None], levels: Levels) -> None:
        self.inner = inner
        self._levels = levels

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver.__call__`."""
        if self._levels.logs(event):
            self.inner(event)
