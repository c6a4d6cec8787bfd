"""What a backend does with a request, worked out from the seed, the request's tag and the try."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random

from tests.simulation.messages import chunked
from tests.simulation.schedule import Pieces, RequestPlan, cut, timed


@dataclass(frozen=True)
class AnswerPlan:
    """What a backend does with one request.

    Attributes:
        kind: Its name, for those who look into a failure.
        pieces: What it says, and when.
        then: What it does after that: ``keep`` or ``close`` or ``abort`` the connection, or ``stall``.
        early: Whether it begins when the request's head has come; else when all of it has.
        reads: Whether it reads the request's body.
        linger: Seconds before it closes.
    """

    kind: str
    pieces: Pieces
    then: str = "keep"
    early: bool = False
    reads: bool = True
    linger: float = 0.0


CALM = AnswerPlan("good", [(0.0, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")])
"""Of a backend that has become good."""


def plan_answer(seed: int, request: RequestPlan, attempt: int) -> AnswerPlan:
    """Decide what the backend does with a request that it sees for the `attempt`-th time."""
    random = Random(f"{seed}/{request.tag}/{attempt}")
    if random.random() < 0.55:
        return _good(random, request, attempt)
    return random.choice(_FAULTS)(random, request, attempt)


# -- what is in an answer -----------------------------------------------------


def _text(random: Random, request: RequestPlan, attempt: int) -> bytes:
    size = random.choice((0, 10, 2000, 70_000, 300_000))
    return json.dumps({"answers": request.tag, "attempt": attempt, "pad": "y" * size}).encode()


def _events(random: Random, request: RequestPlan, attempt: int) -> list[bytes]:
    """An event stream; the last two events say that it is complete."""
    end = random.choice((b"\n", b"\n", b"\r\n"))
    events = []
    for number in range(random.choice((0, 1, 3, 20))):
        if random.random() < 0.1:
            events.append(b": ping" + end + end)
        size = random.choice((1, 20, 500)) if random.random() > 0.03 else 100_000
        content = {"choices": [{"delta": {"content": f"{request.tag}/{attempt}/{number} " + "z" * size}}]}
        events.append(b"data: " + json.dumps(content).encode() + end + end)
    stop = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
    return [*events, b"data: " + json.dumps(stop).encode() + end + end, b"data: [DONE]" + end + end]


def _head(status: int, content_type: bytes, *more: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d Said" % status, b"Content-Type: " + content_type, *more]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _paced(random: Random, data: bytes) -> Pieces:
    """Bytes as they are said: after some thought, in pieces."""
    pieces = timed(random, cut(random, data, random.choice((0, 2, 8))), 1.0)
    return [(random.choice((0.0, 0.05, 2.0)), b""), *(piece for piece in pieces if piece[1])]


def _framed(random: Random, head: list[bytes], pieces: list[bytes]) -> tuple[bytes, str]:
    """Head and body in one of HTTP's three framings. Returns them and what happens then."""
    framing = random.choice(("length", "chunked", "close"))
    body = b"".join(pieces)
    if framing == "length":
        return _head(int(head[0]), head[1], b"Content-Length: %d" % len(body)) + body, "keep"
    if framing == "chunked":
        return _head(int(head[0]), head[1], b"Transfer-Encoding: chunked") + chunked(pieces), "keep"
    return _head(int(head[0]), head[1], b"Connection: close") + body, "close"


def _meant(random: Random, request: RequestPlan, attempt: int) -> tuple[list[bytes], list[bytes]]:
    """Status and content type, and the body in pieces, of an answer without fault."""
    if request.stream and random.random() < 0.9:
        return [b"200", b"text/event-stream"], _events(random, request, attempt)
    status = random.choice((200, 200, 200, 201, 400, 404, 429, 500, 503))
    content_type = b"text/html" if random.random() < 0.1 else b"application/json"
    return [b"%d" % status, content_type], cut(random, _text(random, request, attempt), 3)


def _good(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    head, body = _meant(random, request, attempt)
    said, then = _framed(random, head, body)
    if random.random() < 0.1:
        said = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + said
    if then == "keep":
        then = random.choice(("keep", "keep", "close"))  # closing what was to be kept is a backend's right
    linger = (
        random.choice((0.0, 0.0, 0.5, 3.0)) if then == "close" and b"Connection: close" not in said else 0.0
    )
    return AnswerPlan("good", _paced(random, said), then, linger=linger)


# -- what may go wrong --------------------------------------------------------


def _silent_end(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    early = random.random() < 0.5
    return AnswerPlan("no answer", _paced(random, b""), random.choice(("close", "abort")), early)


def _stall(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    return AnswerPlan("stall", [], "stall", reads=random.random() < 0.5)


def _cut_short(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    head, body = _meant(random, request, attempt)
    said, _ = _framed(random, head, body)
    cut_at = random.randint(1, len(said) - 1)
    return AnswerPlan(
        "cut short", _paced(random, said[:cut_at]), random.choice(("close", "abort", "abort", "stall"))
    )


def _too_long(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    body = _text(random, request, attempt)
    # On a connection that is kept the rest could always be taken for the answer to the next request
    said = _head(200, b"application/json", b"Content-Length: %d" % len(body), b"Connection: close") + body
    more = random.choice((b"more than was announced", said))
    return AnswerPlan("too long", _paced(random, said + more))


def _garbage(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    body = _text(random, request, attempt)
    said = random.choice(
        (
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x16\x03\x01\x02\x00" + random.randbytes(200),
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            _head(200, b"application/json", b"Transfer-Encoding: chunked") + b"zz\r\n" + body,
        )
    )
    return AnswerPlan("garbage", _paced(random, said), random.choice(("stall", "close")))


def _error_event(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    if not request.stream:
        return _too_long(random, request, attempt)
    events = _events(random, request, attempt)
    error = {"error": {"message": f"out of memory {request.tag}", "type": "server_error", "code": 500}}
    event = b"data: " + json.dumps(error).encode() + b"\n\n"
    at = random.choice((0, random.randrange(len(events) - 1)))
    said, then = _framed(random, [b"200", b"text/event-stream"], [*events[:at], event, *events[at:]])
    return AnswerPlan("error event", _paced(random, said), then)


def _no_mark(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    """A stream that ends in good order without having said that it is complete."""
    if not request.stream:
        return _early(random, request, attempt)
    events = _events(random, request, attempt)[:-2]
    said, then = _framed(random, [b"200", b"text/event-stream"], events)
    return AnswerPlan("no mark", _paced(random, said), then)


def _early(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    """An answer before the request is complete, with or without reading the rest."""
    head, body = _meant(random, request, attempt)
    said, then = _framed(random, head, body)
    return AnswerPlan(
        "early", _paced(random, said), random.choice((then, "close")), early=True, reads=random.random() < 0.5
    )


def _redirect(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    said = b"HTTP/1.1 307 Elsewhere\r\nLocation: http://10.9.9.9/\r\nContent-Length: 0\r\n\r\n"
    return AnswerPlan("redirect", _paced(random, said))


def _empty(random: Random, request: RequestPlan, attempt: int) -> AnswerPlan:
    return AnswerPlan("empty", _paced(random, b"HTTP/1.1 204 No Content\r\nX-Tag: x\r\n\r\n"))


_FAULTS = (
    _silent_end,
    _stall,
    _cut_short,
    _cut_short,
    _too_long,
    _garbage,
    _error_event,
    _error_event,
    _no_mark,
    _early,
    _redirect,
    _empty,
)
