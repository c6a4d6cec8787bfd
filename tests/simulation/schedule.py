"""What happens in one run, all of it worked out from one integer before the run begins."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from random import Random

from tests.simulation.configuration import HELD, ROUTES, Address, Configuration, make_configuration
from tests.simulation.messages import chunked
from tests.simulation.reloads import make_reloads

BACKENDS = (("10.0.0.1", 9000), ("10.0.0.2", 9000), ("10.0.0.3", 9000))
CLIENT_HOSTS = ("10.1.0.1", "10.1.0.2", "10.1.0.3")

Pieces = list[tuple[float, bytes]]
"""What is sent when: seconds to wait, then bytes."""


@dataclass(frozen=True)
class RequestPlan:
    """One request.

    Attributes:
        tag: Unique; travels in a header and in the body.
        target: Path and query at the gateway.
        target_behind: Path and query at a backend.
        service: Whose route it is.
        model: What it asks for.
        key: That it shows, or nothing.
        head: With the empty line at its end.
        body: As the backend must get it.
        pieces: Head and framed body as they are sent.
        content_type: As sent.
        stream: Whether an event stream is asked for.
        refusal: The status with which the gateway itself must refuse it, or 0.
        closes: Whether the client asks for the connection to be closed after it.
        slow: Whether it takes so long to send that the gateway may give up.
    """

    tag: str
    target: str
    target_behind: str
    service: str
    model: str
    key: bytes
    head: bytes
    body: bytes
    pieces: Pieces
    content_type: bytes
    stream: bool
    refusal: int
    closes: bool
    slow: bool


@dataclass(frozen=True)
class ClientPlan:
    """One client, with one connection.

    Attributes:
        number: Which one.
        start: When it connects.
        requests: What it asks, in order.
        pipelined: Whether it asks without waiting for answers.
        pauses: When it stops reading, for how long.
        leaves: Seconds after the start at which it goes, or None.
        aborts: Whether it goes without a word.
        host: Its address.
    """

    number: int
    start: float
    requests: list[RequestPlan]
    pipelined: bool
    pauses: list[tuple[float, float]]
    leaves: float | None
    aborts: bool
    host: str


@dataclass(frozen=True)
class Outage:
    """A time in which a backend's address does not answer.

    Attributes:
        address: Of the backend.
        start: When it begins.
        end: When it ends.
        silent: Whether connecting never ends; else it is refused.
    """

    address: Address
    start: float
    end: float
    silent: bool


@dataclass(frozen=True)
class Schedule:
    """One run.

    Attributes:
        seed: What it was made of.
        configuration: The gateway's, to begin with.
        reloads: Other ones, in order, and when they come into force.
        clients: Who asks.
        outages: When backends cannot be reached.
        sick: When backends fail their health checks: address, start and end.
        drain: When the gateway is told to stop, or None.
        disk_is_full: Whether uploads cannot be put aside at times.
    """

    seed: int
    configuration: Configuration
    reloads: list[tuple[float, Configuration]]
    clients: list[ClientPlan]
    outages: list[Outage]
    sick: list[tuple[Address, float, float]]
    drain: float | None
    disk_is_full: bool

    @cached_property
    def requests(self) -> dict[str, RequestPlan]:
        """Every request by its tag."""
        return {request.tag: request for client in self.clients for request in client.requests}

    def in_force(self, when: float) -> Configuration:
        """The configuration of a time."""
        found = self.configuration
        for since, configuration in self.reloads:
            if since <= when:
                found = configuration
        return found


def make_schedule(seed: int) -> Schedule:
    """Work out a run."""
    random = Random(seed)
    used = BACKENDS[: random.choice((1, 2, 3, 3))]
    configuration = make_configuration(random, used)
    reloads = make_reloads(random, configuration)
    services = tuple(configuration["model"]["services"])
    shared = random.random() < 0.8 and any(
        service.get("fallback", {}).get("strategy") == "cache"
        for service in configuration["model"]["services"].values()
    )
    clients = [_client(random, number, services, shared) for number in range(random.randint(8, 32))]
    outages = [_outage(random, used) for _ in range(random.choice((0, 0, 1, 3)))]
    sick = [_sickness(random, used) for _ in range(random.choice((0, 1, 2)))]
    drain = random.uniform(1, 25) if random.random() < 0.25 else None
    full = random.random() < 0.1
    return Schedule(seed, configuration, reloads, clients, outages, sick, drain, full)


def _sickness(random: Random, used: tuple[Address, ...]) -> tuple[Address, float, float]:
    start = random.uniform(0, 12)
    return random.choice(used), start, start + random.uniform(1, 8)


def _outage(random: Random, used: tuple[Address, ...]) -> Outage:
    start = random.uniform(0, 15)
    return Outage(random.choice(used), start, start + random.uniform(0.1, 15), random.random() < 0.5)


def _client(random: Random, number: int, services: tuple[str, ...], shared: bool) -> ClientPlan:
    count = random.choice((1, 1, 2, 4))
    pipelined = count > 1 and random.random() < 0.4
    key = random.choice((b"", b"", b"", b"Bearer one", *([] if shared else [b"Bearer two"])))
    requests = [
        _request(random, f"{number}.{each}", services, key, shared=shared, last=each == count - 1)
        for each in range(count)
    ]
    pauses = []
    if random.random() < 0.25:
        pauses = [(random.uniform(0, 5), random.uniform(0.1, 25)) for _ in range(random.randint(1, 3))]
    leaves = random.uniform(0, 12) if random.random() < 0.25 else None
    return ClientPlan(
        number,
        random.uniform(0, 12),
        requests,
        pipelined,
        pauses,
        leaves,
        random.random() < 0.7,
        random.choice(CLIENT_HOSTS[: 2 if shared else 3]),
    )


def _request(
    random: Random, tag: str, services: tuple[str, ...], key: bytes, *, shared: bool, last: bool
) -> RequestPlan:
    service = random.choice(("chat", "chat", *services))
    refusal = random.choice((0,) * 20 + (400, 404, 415))
    model = "no-such" if refusal == 404 else f"{service}-{random.choice('ab')}"
    stream = service == "chat" and random.random() < 0.6
    if service == "stt":
        content_type, body = _form(random, tag, "" if refusal == 400 else model)
    elif shared and not refusal and random.random() < 0.9:
        model, stream = f"{service}-a", stream and random.random() < 0.3
        content_type, body = b"application/json", shared_body(model, stream)
    else:
        content_type, body = b"application/json", _json(random, tag, model, stream, broken=refusal == 400)
        if len(body) > HELD and not refusal:
            refusal = 413
    if refusal == 415:
        content_type = b"text/plain"
    query = "" if shared else random.choice(("", "", "?api-version=1&x=%20y"))
    version = b"1.0" if last and random.random() < 0.1 else b"1.1"
    chunks = version == b"1.1" and not shared and random.random() < 0.3
    closes = version == b"1.0" or (last and random.random() < 0.2)
    target = ROUTES[service] + query
    head = [
        b"POST %b HTTP/%b" % (target.encode(), version),
        b"Host: gateway",
        b"X-TRACE-TAG: " + tag.encode(),
        b"Content-Type: " + content_type,
        b"accept: */*",
        b"Transfer-Encoding: chunked" if chunks else b"Content-Length: %d" % len(body),
    ]
    if key:
        head.append(b"Authorization: " + key)
    if closes:
        head.append(b"Connection: close")
    if version == b"1.1" and random.random() < 0.1:
        head.append(b"Expect: 100-continue")
    lines = b"\r\n".join(head) + b"\r\n\r\n"
    framed = chunked(_cut(random, body, 4)) if chunks else body
    slow = random.random() < 0.03
    pieces = _timed(random, _cut(random, lines + framed, random.choice((0, 0, 1, 5))), 0.3)
    if slow:
        at = random.randrange(len(pieces))
        pieces[at] = (random.choice((5.0, 45.0)), pieces[at][1])
    behind = target.removeprefix("/api")
    return RequestPlan(
        tag,
        target,
        behind,
        service,
        model,
        key,
        lines,
        body,
        pieces,
        content_type,
        stream,
        refusal,
        closes,
        slow,
    )


def shared_body(model: str, stream: bool) -> bytes:
    """A request of which many are equal, so that a cache has something to do."""
    return json.dumps({"model": model, "messages": [], **({"stream": True} if stream else {})}).encode()


def _json(random: Random, tag: str, model: str, stream: bool, *, broken: bool) -> bytes:
    size = random.choice((0, 10, 500, 5000, 100_000)) if random.random() > 0.02 else HELD
    members = [("tag", tag), ("model", model), ("pad", "\u00e9\u4e16" + "x" * size), ("n", 10**30)]
    members += [("stream", True)] if stream else []
    random.shuffle(members)
    text = json.dumps(dict(members), ensure_ascii=random.random() < 0.5, indent=random.choice((None, 2)))
    return text.encode()[: -2 if broken else None]


def _form(random: Random, tag: str, model: str) -> tuple[bytes, bytes]:
    boundary = f"border-{random.getrandbits(32)}".encode()
    size = random.choice((0, 100, 5000, 100_000, 400_000))
    parts = [
        b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
        + random.randbytes(size),
        b'Content-Disposition: form-data; name="tag"\r\n\r\n' + tag.encode(),
    ]
    if model:
        named = b'Content-Disposition: form-data; name="model"\r\n\r\n' + model.encode()
        parts.insert(random.choice((0, len(parts))), named)
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts)
    return b"multipart/form-data; boundary=" + boundary, body + b"--%b--\r\n" % boundary


def _cut(random: Random, data: bytes, cuts: int) -> list[bytes]:
    """Cut bytes at random places."""
    at = [0, *sorted(random.randint(0, len(data)) for _ in range(random.randint(0, cuts))), len(data)]
    return [data[start:end] for start, end in pairwise(at)]


def _timed(random: Random, pieces: list[bytes], longest: float) -> Pieces:
    return [(random.choice((0.0, 0.0, random.uniform(0, longest))), piece) for piece in pieces]


cut, timed = _cut, _timed
