"""What happens in one run, all of it worked out from one integer before the run begins."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from random import Random

from tests.simulation.messages import chunked

BACKENDS = (("10.0.0.1", 9000), ("10.0.0.2", 9000), ("10.0.0.3", 9000))
ROUTES = {
    "chat": "/v1/chat/completions",
    "embedding": "/api/v1/embeddings",
    "tts": "/v1/audio/speech",
    "stt": "/v1/audio/transcriptions",
}
HELD = 300_000
"""Bytes of JSON that the gateway holds; some requests are larger."""

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
    """

    number: int
    start: float
    requests: list[RequestPlan]
    pipelined: bool
    pauses: list[tuple[float, float]]
    leaves: float | None
    aborts: bool


@dataclass(frozen=True)
class Outage:
    """A time in which a backend's address does not answer.

    Attributes:
        address: Of the backend.
        start: When it begins.
        end: When it ends.
        silent: Whether connecting never ends; else it is refused.
    """

    address: tuple[str, int]
    start: float
    end: float
    silent: bool


@dataclass(frozen=True)
class Schedule:
    """One run.

    Attributes:
        seed: What it was made of.
        configuration: The gateway's, in YAML.
        clients: Who asks.
        outages: When backends cannot be reached.
        drain: When the gateway is told to stop, or None.
        disk_is_full: Whether uploads cannot be put aside at times.
    """

    seed: int
    configuration: str
    clients: list[ClientPlan]
    outages: list[Outage]
    drain: float | None
    disk_is_full: bool

    @property
    def requests(self) -> dict[str, RequestPlan]:
        """Every request by its tag."""
        return {request.tag: request for client in self.clients for request in client.requests}


def make_schedule(seed: int) -> Schedule:
    """Work out a run."""
    random = Random(seed)
    used = BACKENDS[: random.randint(1, len(BACKENDS))]
    configuration = _configuration(random, used)
    clients = [_client(random, number) for number in range(random.randint(10, 40))]
    outages = [_outage(random, used) for _ in range(random.choice((0, 0, 1, 3)))]
    drain = random.uniform(1, 25) if random.random() < 0.3 else None
    return Schedule(seed, configuration, clients, outages, drain, random.random() < 0.1)


def _configuration(random: Random, used: tuple[tuple[str, int], ...]) -> str:
    services = []
    for service, route in ROUTES.items():
        instances = []
        for model in ("a", "b"):
            for host, port in random.sample(used, random.randint(1, len(used))):
                path = random.choice(("", "", f", path: /served{route.removeprefix('/api')}"))
                weight = random.choice((1, 1, 2, 5))
                instances.append(
                    f'{{name: {service}-{model}, base-url: "http://{host}:{port}", weight: {weight}{path}}}'
                )
        services.append(f"    {service}: {{instances: [{', '.join(instances)}]}}")
    pool = [
        f"max-connections: {random.choice((1, 2, 4, 20, 20))}",
        f"pending-acquire-timeout: {random.choice((1, 8, 40))}s",
        f"pending-acquire-max: {random.choice((1, 1000, 1000, 1000))}",
        f"max-idle-time: {random.choice((1, 20))}s",
        *random.choice(([], ["max-life-time: 2s"])),
    ]
    web_client = [
        f"connection-timeout: {random.choice((1, 5))}s",
        f"read-timeout: {random.choice((6, 20))}s",
        f"write-timeout: {random.choice((3, 10))}s",
        f"max-in-memory-size: {HELD}B",
        *random.choice(([], [], ["first-byte-timeout: 30s"])),
        *random.choice(([], [], [], ["total-timeout: 12s"])),
        f"connection-pool: {{{', '.join(pool)}}}",
    ]
    streaming = [
        f"keep-alive-interval: {random.choice((0, 2, 15))}s",
        f"keep-alive-before-first-event: {random.choice((0, 0, 0, 1))}s",
        f"max-event-size: {random.choice((1000, 262144))}B",
    ]
    drain = f"drain: {{delay: {random.choice((0, 5))}s, timeout: {random.choice((2, 30))}s}}"
    return "\n".join(
        [
            f"server: {{address: 127.0.0.1, port: 8080, {drain}}}",
            f"webclient: {{{', '.join(web_client)}}}",
            f"streaming: {{{', '.join(streaming)}}}",
            "logging: {access: {enabled: false}}",
            "model:",
            "  services:",
            *services,
        ]
    )


def _outage(random: Random, used: tuple[tuple[str, int], ...]) -> Outage:
    start = random.uniform(0, 15)
    return Outage(random.choice(used), start, start + random.uniform(0.1, 15), random.random() < 0.5)


def _client(random: Random, number: int) -> ClientPlan:
    count = random.choice((1, 1, 2, 4))
    pipelined = count > 1 and random.random() < 0.4
    requests = [_request(random, f"{number}.{each}", last=each == count - 1) for each in range(count)]
    pauses = []
    if random.random() < 0.25:
        pauses = [(random.uniform(0, 5), random.uniform(0.1, 25)) for _ in range(random.randint(1, 3))]
    leaves = random.uniform(0, 12) if random.random() < 0.25 else None
    return ClientPlan(
        number, random.uniform(0, 12), requests, pipelined, pauses, leaves, random.random() < 0.7
    )


def _request(random: Random, tag: str, *, last: bool) -> RequestPlan:
    service = random.choice(("chat", "chat", "chat", "embedding", "tts", "stt", "stt"))
    refusal = random.choice((0,) * 20 + (400, 404, 415))
    model = "no-such" if refusal == 404 else f"{service}-{random.choice('ab')}"
    stream = service == "chat" and random.random() < 0.6
    if service == "stt":
        content_type, body = _form(random, tag, "" if refusal == 400 else model)
    else:
        content_type, body = b"application/json", _json(random, tag, model, stream, broken=refusal == 400)
        if len(body) > HELD and not refusal:
            refusal = 413
    if refusal == 415:
        content_type = b"text/plain"
    query = random.choice(("", "", "?api-version=1&x=%20y"))
    version = b"1.0" if last and random.random() < 0.1 else b"1.1"
    chunks = version == b"1.1" and random.random() < 0.3
    closes = version == b"1.0" or (last and random.random() < 0.2)
    target = ROUTES[service] + query
    head = [
        b"POST %b HTTP/%b" % (target.encode(), version),
        b"Host: gateway",
        b"X-TAG: " + tag.encode(),
        b"Content-Type: " + content_type,
        b"accept: */*",
        b"Transfer-Encoding: chunked" if chunks else b"Content-Length: %d" % len(body),
    ]
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
        tag, target, behind, service, lines, body, pieces, content_type, stream, refusal, closes, slow
    )


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
