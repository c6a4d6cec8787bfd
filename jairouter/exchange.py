"""The values that travel through the pipeline.

An *exchange* is one client request and its answer. `Request`, `Answer` and `Route` are frozen; the
`Exchange` itself collects what the filters find out, each field written by one filter (named beside it).
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.body import AnswerBody
    from jairouter.codec.sse_watch import Dialect
    from jairouter.interfaces import IRequestBody
    from jairouter.traffic.instance import Instance

HeaderPairs = tuple[tuple[bytes, bytes], ...]
"""Headers in wire order, names in the spelling they came in."""


class Outcome(enum.Enum):
    """How an attempt at an instance ended; health, breaker and balancer each act on these five."""

    SUCCEEDED = "succeeded"
    """A complete 2xx answer."""
    FAILED = "failed"
    """Connect or TLS error, timeout, 5xx, a body that was cut short."""
    THROTTLED = "throttled"
    """The backend answered 429."""
    NEUTRAL = "neutral"
    """Says nothing about the instance: another 4xx, or the gateway's own limits."""
    ABANDONED = "abandoned"
    """The client left, or the gateway is stopping."""


class Phase(enum.Enum):
    """Where an attempt stands; each phase has its own timeout."""

    QUEUED = "queued"
    CONNECTING = "connecting"
    SENDING = "sending"
    WAITING = "waiting"
    RECEIVING = "receiving"
    BLOCKED = "blocked"
    """The client does not read, so the backend is not read either."""


class BodyKind(enum.Enum):
    """What a route takes as its request body."""

    JSON = "application/json"
    MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of the data plane.

    Attributes:
        suffix: The path below ``/v1``, such as ``/chat/completions``.
        service: The service type whose instances answer it.
        kind: What the request body is.
        dialect: How an event stream on this route says that it is complete.
        primary: Whether an instance's configured path is the path of *this* route. The other routes of
            the service go to the same place with the end of the path exchanged.
    """

    suffix: str
    service: str
    kind: BodyKind
    dialect: Dialect
    primary: bool = True

    @property
    def path(self) -> str:
        """The path as clients know it, and the label of metrics."""
        return "/v1" + self.suffix


@dataclass(frozen=True, slots=True)
class Request:
    """What the client sent.

    Attributes:
        id: Correlates logs here, at the client and at the backend (``X-Request-Id``).
        route: Which operation.
        query: The raw query string without the question mark.
        headers: As received.
        content_type: Of the body, as received.
        body: The body, perhaps still arriving.
        client_ip: The peer's address.
    """

    id: str
    route: Route
    query: bytes
    headers: HeaderPairs
    content_type: bytes
    body: IRequestBody
    client_ip: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: status and headers known, the body perhaps still arriving."""

    status: int
    headers: HeaderPairs
    body: AnswerBody
    event_stream: bool = False


class Attempt:
    """One try at one instance.

    Attributes:
        instance: Where it goes.
        phase: Where it stands.
        since: When the phase began or last made progress, in the clock's seconds.
        sent: When the request was complete at the backend's end, likewise; until then, when it began.
        status: The backend's status, 0 until known.
        outcome: How it ended, None until it has.
    """

    __slots__ = ("_clock", "_on_enter", "instance", "outcome", "phase", "sent", "since", "status")

    def __init__(self, instance: Instance, clock: Callable[[], float]) -> None:
        self.instance = instance
        self.phase = Phase.QUEUED
        self.since = self.sent = clock()
        self.status = 0
        self.outcome: Outcome | None = None
        self._clock = clock
        self._on_enter: Callable[[], None] | None = None

    def enter(self, phase: Phase) -> None:
        """The attempt has come to another phase."""
        self.phase = phase
        self.since = self._clock()
        if phase is Phase.WAITING:
            self.sent = self.since
        if self._on_enter is not None:
            self._on_enter()

    def progress(self) -> None:
        """Bytes have moved within the phase."""
        self.since = self._clock()

    def watch(self, on_enter: Callable[[], None]) -> None:
        """Call `on_enter` at each change of phase (the Timeout filter does)."""
        self._on_enter = on_enter


@dataclass(slots=True)
class Exchange:
    """One request on its way through the pipeline, and what is known about it so far."""

    request: Request
    started: float
    body: IRequestBody = field(init=False)
    """What is sent on. Validate may replace it by one that can be read again."""
    model: str = ""
    """Written by Validate."""
    stream: bool = False
    """Whether the client asked for an event stream. Written by Validate."""
    candidates: tuple[Instance, ...] = ()
    """Written by Resolve."""
    committed: bool = False
    """Whether the client was told 200 before there was an answer. Written by the relay, for the sake of
    keep-alive comments."""
    attempts: list[Attempt] = field(default_factory=list)
    """Written by Pick."""

    def __post_init__(self) -> None:
        self.body = self.request.body

    @property
    def attempt(self) -> Attempt:
        """The attempt under way."""
        return self.attempts[-1]
