"""The values that travel through the pipeline.

An *exchange* is one client request and its answer. `Request`, `Answer` and `Route` are frozen; the
`Exchange` itself collects what the filters find out, each field written by one filter (named beside it).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from jairouter.body import AnswerBody
    from jairouter.caller import Caller
    from jairouter.codec.sse_watch import Dialect
    from jairouter.errors import GatewayError
    from jairouter.interfaces import IRequestBody, Quota
    from jairouter.tracing import Trace
    from jairouter.traffic.group import Excluded, Group
    from jairouter.traffic.instance import Instance
    from jairouter.usage import Usage

HeaderPairs = tuple[tuple[bytes, bytes], ...]
"""Headers in wire order, names in the spelling they came in."""


class Outcome(enum.Enum):
    """How an attempt at an instance ended; health, breaker and balancer each act on these five.

    Attributes:
        word: For logs and metrics.
    """

    __hash__ = object.__hash__  # Enum's own is written in Python

    def __init__(self, word: str) -> None:
        self.word = word

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


# Looking into an Enum takes five times as long
_QUEUED, _SENDING, _WAITING, _RECEIVING = Phase.QUEUED, Phase.SENDING, Phase.WAITING, Phase.RECEIVING
_BLOCKED = Phase.BLOCKED


class BodyKind(enum.Enum):
    """What a route takes as its request body."""

    JSON = "application/json"
    MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One operation of the data plane.

    Attributes:
        suffix: The path below ``/v1``, such as ``/chat/completions``.
        service: The service type whose instances answer it.
        kind: What the request body is.
        dialect: How an event stream on this route says that it is complete.
        primary: Whether an instance's configured path is the path of *this* route. The other routes of
            the service go to the same place with the end of the path exchanged.
        path: The path as clients know it, and the label of metrics.
        permission: What a caller needs for it.
    """

    suffix: str
    service: str
    kind: BodyKind
    dialect: Dialect
    primary: bool = True
    path: str = field(init=False)
    permission: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", "/v1" + self.suffix)
        object.__setattr__(self, "permission", self.service + ":read")


class Request(NamedTuple):
    """What the client sent.

    Attributes:
        id: Correlates logs here, at the client and at the backend (``X-Request-Id``).
        route: Which operation.
        query: The raw query string without the question mark.
        headers: As received, without those that its ``Connection`` header names.
        content_type: Of the body, as received.
        body: The body, perhaps still arriving.
        client_ip: Its address, as certain as it can be where proxies stand in front.
        forwarded: Headers that tell the backend of it.
        retry_count: How often the client says that it has tried before, as OpenAI's SDKs do; empty if it says
            nothing.
        fields: All headers by name in lower case, several of one name joined by commas.
    """

    id: str
    route: Route
    query: bytes
    headers: HeaderPairs
    content_type: bytes
    body: IRequestBody
    client_ip: str
    forwarded: HeaderPairs = ()
    retry_count: bytes = b""
    fields: Mapping[bytes, bytes] = MappingProxyType({})

    def with_headers(self, headers: HeaderPairs) -> Request:
        """The same with other headers; each request of a known caller comes here: `_replace` is slower."""
        before, after = self[:_HEADERS], self[_HEADERS + 1 :]
        return tuple.__new__(Request, (*before, headers, *after))


_HEADERS: Final = Request._fields.index("headers")


class Answer(NamedTuple):
    """What goes back: status and headers known, the body perhaps still arriving.

    Attributes:
        status: Of HTTP.
        headers: End-to-end headers without Content-Length.
        body: What follows.
        event_stream: Whether the body is one.
        length: Bytes of a body that is still arriving, if they were announced.
    """

    status: int
    headers: HeaderPairs
    body: AnswerBody
    event_stream: bool = False
    length: int | None = None


class Attempt:
    """One try at one instance.

    Attributes:
        instance: Where it goes.
        excluded: Instances that could not be used when it was picked, and why.
        candidates: How many could.
        phase: Where it stands.
        began: When it was picked, in the clock's seconds.
        since: When the phase began or last made progress, likewise.
        sent: When the request was complete at the backend's end, likewise; until then, when it began.
        answered: When the answer began, likewise; 0 until then.
        ended: When everything it held was given back, likewise; 0 until then.
        queued: When it began to wait for a connection, likewise; 0 if one was there.
        connected: When that wait was over, or its body began to be sent, likewise; 0 until then.
        hedge: Whether it was made beside another one that took long. Written by Hedge.
        status: The backend's status, 0 until known.
        outcome: How it ended, None until it has.
        body: Of its answer, until that is over.
        first_token: When the first token came, in the clock's seconds; 0 until then, and for good where the
            answer is no stream of tokens. Written by Forward.
        received: Bytes of the answer's body that have come. Likewise.
        usage: Tokens that it cost, None until they are known. Likewise.
        span_id: Of its span, as its backend was told; empty where nothing is traced. Likewise.
    """

    __slots__ = (
        "_clock",
        "answered",
        "began",
        "body",
        "candidates",
        "connected",
        "ended",
        "excluded",
        "first_token",
        "hedge",
        "instance",
        "outcome",
        "phase",
        "queued",
        "received",
        "sent",
        "since",
        "span_id",
        "status",
        "usage",
    )

    def __init__(
        self,
        instance: Instance,
        clock: Callable[[], float],
        excluded: Excluded = (),
        candidates: int = 1,
    ) -> None:
        self.instance = instance
        self.excluded = excluded
        self.candidates = candidates
        self.phase = _QUEUED
        self.began = self.since = self.sent = clock()
        self.answered = self.ended = self.first_token = self.queued = self.connected = 0.0
        self.hedge = False
        self.status = self.received = 0
        self.span_id = ""
        self.usage: Usage | None = None
        self.outcome: Outcome | None = None
        self.body: AnswerBody | None = None
        self._clock = clock

    def enter(self, phase: Phase) -> None:
        """The attempt has come to another phase."""
        before, self.phase = self.phase, phase
        now = self.since = self._clock()
        if phase is _WAITING:
            self.sent = now
            if self.queued and not self.connected:
                self.connected = now
        elif phase is _RECEIVING:
            if before is _SENDING:
                self.sent = now  # the rest is not sent any more
            if not self.answered:
                self.answered = now
        elif phase is _SENDING:
            self.connected = self.connected or now
        elif phase is not _BLOCKED and not self.queued:
            self.queued = now

    def progress(self) -> None:
        """Bytes have moved within the phase."""
        self.since = self._clock()

    def token(self) -> None:
        """The first token has come."""
        self.first_token = self._clock()


class Exchange:
    """One request on its way through the pipeline, and what is known about it so far.

    Attributes:
        request: What the client sent.
        started: When it came, in the clock's seconds.
        arrived: When its body was there, as far as that was waited for, likewise; until then, when it came.
            Written by Validate.
        body: What is sent on. Validate may replace it by one that can be read again, and Fallback by one that
            names another model.
        model: Written by Validate, and by Fallback for another model.
        stream: Whether the client asked for an event stream. Written by Validate.
        group: The instances that could answer. Written by Resolve, and by Fallback for another model.
        committed: Whether the client was told 200 before there was an answer. Written by the relay, for the
            sake of keep-alive comments.
        attempts: In the order in which they began; of some that were made at a time, the one whose answer or
            error counts is last. Written by Pick and Hedge.
        not_retried: Why no further attempt followed one that failed, or nothing. Written by Retry.
        retried: Why further attempts were made, one word for each. Likewise.
        key: What equal requests have in common, for balancers that keep them together; None until it was
            asked for. Written by Pick.
        excluded: Why no instance was found when none was. Written by Pick.
        waited: Seconds it waited for its turn under a limit. Written by Limit, and by Pick for an instance's.
        passed: Limits that have let it through, each by its scope and its algorithm. Written by Limit.
        fallback: Who answered in place of the model, or nothing. Written by Fallback.
        quota: What clients are told of the limits, with the answer or an error. Written by Charge and Limit.
        known: Who is asking; None where nobody has to say who they are. Written by Authenticate.
        added: Headers that the gateway adds to the answer besides, also to one that is an error.
        trace: That it belongs to; None where nothing is traced. Written by Record.
    """

    __slots__ = (
        "_caller",
        "added",
        "arrived",
        "attempts",
        "body",
        "committed",
        "excluded",
        "fallback",
        "group",
        "key",
        "known",
        "model",
        "not_retried",
        "passed",
        "quota",
        "request",
        "retried",
        "started",
        "stream",
        "trace",
        "waited",
    )

    def __init__(
        self, request: Request, started: float, *, model: str = "", group: Group | None = None
    ) -> None:
        self.request = request
        self.started = self.arrived = started
        self.body: IRequestBody = request.body
        self.model = model
        self.stream = False
        self.group = group
        self.committed = False
        self.attempts: list[Attempt] = []
        self.not_retried = ""
        self.retried: tuple[str, ...] = ()
        self.passed: tuple[tuple[str, str], ...] = ()
        self.key: bytes | None = None
        self.excluded: Excluded = ()
        self.waited = 0.0
        self.fallback = ""
        self.quota: Quota | None = None
        self.known: Caller | None = None
        self.added: HeaderPairs = ()
        self.trace: Trace | None = None
        self._caller: bytes | None = None

    @property
    def attempt(self) -> Attempt:
        """The attempt that counts now: most often the one that began last."""
        return self.attempts[-1]

    @property
    def tried(self) -> list[Instance]:
        """The instances of its attempts."""
        return [attempt.instance for attempt in self.attempts]

    @property
    def busy(self) -> list[Instance]:
        """Those of them with attempts that are still under way."""
        return [attempt.instance for attempt in self.attempts if attempt.outcome is None]

    def turn_to(self, attempt: Attempt) -> None:
        """Of attempts that are made at a time, this one goes on, or has made it."""
        if self.attempts[-1] is not attempt:
            self.attempts.remove(attempt)
            self.attempts.append(attempt)

    def give_up(self, error: GatewayError) -> None:
        """Settle what is still open: an answer that a fault has kept from whoever would have read it."""
        for attempt in self.attempts:
            if attempt.body is not None:
                attempt.body.abandon(error)

    @property
    def caller(self) -> bytes:
        """Who is asking: one value for each caller that is known.

        Where nobody has to say who they are, it is one for each key that clients show, and for each address
        without one.

        It is a digest, so that no key is kept in what remembers callers. Of several keys the one counts that
        backends look at first; else whoever adds another one to each request would always be somebody new.
        """
        if self.known is not None:
            return self.known.digest
        if self._caller is None:
            shown = {
                name.lower(): value for name, value in self.request.headers if name.lower() in _CREDENTIALS
            }
            key = next((shown[name] for name in _CREDENTIALS if name in shown), b"")
            self._caller = blake2b(key or self.request.client_ip.encode(), digest_size=16).digest()
        return self._caller


_CREDENTIALS = (b"authorization", b"x-api-key", b"api-key", b"jairouter_token")
