"""What the tests of request_body/ are made of: threads and clients that do as the test says."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from jairouter.errors import ClientGone, GatewayError
from jairouter.interfaces import IBodySink, IRequestBody

BOUNDARY = b"frontier"


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    """One part of a form, with the boundary before it."""
    more = f'; filename="{filename}"' if filename else ""
    head = f'--frontier\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
    return head.encode() + value + b"\r\n"


LAST = b"--frontier--\r\n"
MODEL = part("model", b"whisper-1")


def crumbs(size: int) -> Iterator[bytes]:
    """So many bytes, two at a time, each piece an object of its own (those of one byte exist already)."""
    for number in range(size // 2):
        yield number.to_bytes(2, "big")


def allocated(take: Callable[[bytes], None], pieces: Iterable[bytes]) -> int:
    """Bytes of memory that are in use when `take` has been given all pieces, and were not before."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for piece in pieces:
            take(piece)
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


class Threads:
    """Threads that run when the test lets them.

    Attributes:
        files: Every file that was opened.
    """

    def __init__(self, *, at_once: bool = False) -> None:
        self.files: list[Any] = []
        self._at_once = at_once
        self._waiting: list[tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def run(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        """Stands in for `deferToThread`."""
        done: Deferred[Any] = Deferred()
        self._waiting.append((done, function, arguments))
        if self._at_once:
            self.step()
        return done

    @property
    def busy(self) -> int:
        """How many calls wait; one at most, if all is well."""
        return len(self._waiting)

    def step(self) -> None:
        """Run what waits longest."""
        done, function, arguments = self._waiting.pop(0)
        result = function(*arguments)
        if hasattr(result, "close"):
            self.files.append(result)
        done.callback(result)

    def fail(self, error: Exception) -> None:
        """What waits longest fails."""
        self._waiting.pop(0)[0].errback(error)

    def finish(self) -> None:
        """Run until nothing waits."""
        while self._waiting:
            self.step()

    @property
    def all_closed(self) -> bool:
        """Whether no file is open."""
        return all(file.closed for file in self.files)


@implementer(IRequestBody)
class Client:
    """A client's upload: sends its pieces while it is not paused, as web/upload.py does.

    Attributes:
        calls: What it was told, in order.
        left: Pieces that were not sent yet.
    """

    data: bytes | None = None
    replayable = False

    def __init__(self, *pieces: bytes, length: int | None = None, ends: bool = True) -> None:
        self.length = length
        self.left = list(pieces)
        self.calls: list[str] = []
        self.error: GatewayError | None = None
        self._ends = ends
        self._paused = False
        self._sink: IBodySink | None = None
        self._sending = False

    def start(self, sink: IBodySink) -> None:
        self.calls.append("start")
        self._sink = sink
        self._send()

    def pause(self) -> None:
        self.calls.append("pause")
        self._paused = True

    def resume(self) -> None:
        self.calls.append("resume")
        self._paused = False
        self._send()

    def stop(self) -> None:
        self.calls.append("stop")
        self._sink = None

    def send(self, *pieces: bytes) -> None:
        """More comes."""
        self.left += pieces
        self._send()

    def end(self) -> None:
        """That was all."""
        self._ends = True
        self._send()

    def leave(self) -> None:
        """The client is gone."""
        self.error = ClientGone("gone")
        self._send()

    def _send(self) -> None:
        while self.left and self._sink is not None and not self._paused:
            self._sink.chunk(self.left.pop(0))
        if self.left or self._sink is None or self._paused:
            return
        sink = self._sink
        if self.error is not None:
            self._sink = None
            sink.broke(self.error)
        elif self._ends:
            self._sink = None
            sink.end()


@implementer(IBodySink)
class Backend:
    """Takes a body.

    Attributes:
        data: What came.
        ends: None for `end`, the error for `broke`.
        on_chunk: Done when a piece comes.
    """

    def __init__(self, on_chunk: Callable[[], None] | None = None) -> None:
        self.data = b""
        self.ends: list[GatewayError | None] = []
        self.on_chunk = on_chunk

    def chunk(self, data: bytes) -> None:
        self.data += data
        if self.on_chunk is not None:
            self.on_chunk()

    def end(self) -> None:
        self.ends.append(None)

    def broke(self, error: GatewayError) -> None:
        self.ends.append(error)
