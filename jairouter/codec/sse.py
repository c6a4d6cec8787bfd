r"""Server-sent events: finds where events end in a byte stream, reads their fields, writes errors.

WHATWG HTML, section 9.2: lines end in LF, CRLF or CR; an event ends at an empty line. The relay
passes on whole events only, byte for byte, so that the client of a stream that breaks off can be
told so by one more event::

              chunk without a border
              +------------------+
              |                  v
        [ BETWEEN ] <------- [ HOLDING ] ---+ tail <= max_held
              ^    a border,       |    ^---+
              |    no tail         | tail > max_held: give it out
              |                    v
              +------------- [ PASSING ] ---+ give out everything
                a border, no tail       ^---+

A *border* is the end of an empty line. BETWEEN: everything given out so far ends at a border.
HOLDING: the start of an event is kept here. PASSING: the start of an event that is too long to
keep has been given out (`mid_event`), and its rest goes out as it comes; after a border a new tail
is held (or passed, if it is too long as well).
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

# Where a chunk usually ends: after any bytes at all, these two end an empty line.
_USUAL_ENDS: Final = (b"\n\n", b"\n\r\n")
# Two bytes that are an empty line's end, whatever is around them ("\r\n" alone is not).
_BORDERS: Final = (b"\n\n", b"\n\r", b"\r\r")


class EventSplitter:
    r"""Gives out an event stream in whole events, holding the unfinished one back.

    What is given out, put together, is exactly what was fed, for any split of the bytes, also one
    between CR and LF: an LF that belongs to a CR given out before follows with the next chunk.

    On the usual path (a chunk that ends with an event, nothing held) a call costs about 0.1 us and
    returns the very object it was given.

    Args:
        max_held: how many bytes of one unfinished event to hold back, at most. Of a longer one
            the start is given out, and its rest as it comes.
    """

    __slots__ = ("_held", "_last", "_max_held", "_mid_event")

    def __init__(self, max_held: int) -> None:
        self._max_held = max_held
        self._held = bytearray()
        self._mid_event = False
        self._last = b"\n"  # in PASSING, the byte given out last; else a line end stands before

    @property
    def mid_event(self) -> bool:
        """Whether the start of an event has been given out whose end has not come yet."""
        return self._mid_event

    @property
    def held(self) -> int:
        """How many bytes of an unfinished event are held back."""
        return len(self._held)

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes of the stream.

        Args:
            chunk: any number of bytes; a part of an event, or many events.

        Returns:
            What can be passed on now, possibly nothing: whole events, or part of one if that is
            longer than `max_held` (then `mid_event` is true).
        """
        if not self._held and chunk.endswith(_USUAL_ENDS):
            self._mid_event = False
            return chunk
        return self._feed_slowly(chunk)

    def flush(self) -> bytes:
        """Give out the held tail, when the stream has ended well without a last empty line."""
        tail = bytes(self._held)
        self._held.clear()
        return tail

    def _feed_slowly(self, chunk: bytes) -> bytes:
        held = self._held
        if held:
            searched = len(held) - 1
            held += chunk
            border = _last_border(held, searched)
        else:
            held += chunk
            before = self._last if self._mid_event else b"\n"
            border = max(_last_border(before + chunk, 0) - 1, 0)
        if len(held) - border <= self._max_held and (border or not self._mid_event):
            self._mid_event = self._mid_event and not border
            return self._take(border)
        if chunk:
            self._mid_event = True
            self._last = chunk[-1:]
        return self._take(len(held))

    def _take(self, count: int) -> bytes:
        """Remove the first bytes of what is held."""
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken


class Event(NamedTuple):
    """The two fields of an event that mean something to an HTTP API.

    Attributes:
        name: the value of ``event``; empty when it is not given.
        data: the values of all ``data`` lines, joined with LF.
    """

    name: bytes
    data: bytes


def read_events(events: bytes) -> Iterator[Event]:
    """Read the events in a piece of a stream, following WHATWG HTML, section 9.2.6.

    Unlike a browser this also yields an event that has a name and no data, and one at the end
    that has no empty line after it. Comments, ``id``, ``retry`` and unknown fields are skipped.

    Args:
        events: what `EventSplitter.feed` or `EventSplitter.flush` gave out.

    Yields:
        The events in order.
    """
    name = b""
    data: list[bytes] = []
    for line in (*events.removeprefix(b"\xef\xbb\xbf").splitlines(), b""):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ")
        elif not line and (name or data):
            yield Event(name, b"\n".join(data))
            name, data = b"", []


@lru_cache(maxsize=100)
def is_event_stream(content_type: bytes) -> bool:
    """Say whether a Content-Type value means server-sent events, whatever its parameters."""
    return content_type.partition(b";")[0].strip().lower() == b"text/event-stream"


def error_event(payload: bytes, *, after_partial: bool) -> bytes:
    """Render the event that tells a client in-band that its stream is broken.

    Args:
        payload: the error as JSON, an object with a member ``error``. Line ends in it are kept by
            spreading it over several ``data`` lines.
        after_partial: whether the start of an unfinished event went out before
            (`EventSplitter.mid_event`); then an empty line ends that first.

    Returns:
        The bytes to send.
    """
    lines = b"".join(b"data: " + line + b"\n" for line in payload.splitlines())
    return (b"\n\n" if after_partial else b"") + lines + b"\n"


def _last_border(stream: bytes | bytearray, start: int) -> int:
    """Find the end of the last empty line whose line end is behind `start`; 0 if there is none."""
    borders = _BORDERS if stream.find(b"\r", start) >= 0 else _BORDERS[:1]
    end = max(stream.rfind(border, start) for border in borders) + 2
    if end < 2:
        return 0
    return end + (stream[end - 1 : end + 1] == b"\r\n")
