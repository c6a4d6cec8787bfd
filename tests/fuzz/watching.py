"""Whoever looks for what must never be there: logged failures, permits that are out, delayed calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer


@implementer(ILogObserver)
class Watch:
    """Notes every failure and error that is logged.

    Attributes:
        faults: What was logged, as text.
    """

    def __init__(self) -> None:
        self.faults: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`."""
        failure = event.get("log_failure")
        if failure is not None:
            self.faults.append(failure.getTraceback())
        elif event.get("log_level") in (LogLevel.error, LogLevel.critical):
            self.faults.append(str(event.get("log_format")))


@contextmanager
def watched() -> Iterator[list[str]]:
    """What is logged as a fault in the meantime."""
    watch = Watch()
    globalLogPublisher.addObserver(watch)
    try:
        yield watch.faults
    finally:
        globalLogPublisher.removeObserver(watch)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The bytes in pieces, none of them empty."""
    cuts = sorted({place for place in places if 0 < place < len(data)})
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]


def bytewise(data: bytes) -> Sequence[bytes]:
    """Every byte by itself."""
    return cut(data, range(len(data)))
