"""Sanitize: what must not go out, or come back, is masked on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any, Final

from zope.interface import implementer

from jairouter.auditing import Event, IAudit
from jairouter.body import AnswerBody
from jairouter.codec.ip_address import parse_ip
from jairouter.codec.json_strings import NO_JSON, Places
from jairouter.codec.masked_events import NO_TEXT, EventMasker
from jairouter.codec.masked_json import masked_json
from jairouter.codec.masking import TOO_SLOW, Patience, Rule, Rules, Unreadable
from jairouter.errors import BadRequest, InternalError, UpstreamRefusal
from jairouter.filters.gathered import Gathered
from jairouter.filters.masked_body import MaskedBody
from jairouter.headers import joined, without
from jairouter.interfaces import IResponder
from jairouter.request_body.held import HeldBody

if TYPE_CHECKING:
    from jairouter.exchange import Answer, Exchange
    from jairouter.request_body.spool import RunInThread
    from jairouter.telemetry.masking_metrics import MaskingMetrics
    from jairouter.timers import TimerWheel

AT_ONCE: Final = 64 * 1024
"""Bytes that are looked through on the event loop; more takes a thread."""
LOOK: Final = 0.01
"""Seconds for which the event loop may look through one body; what takes longer takes a thread as well."""
IN_A_THREAD: Final = 1.0
"""Seconds for which a thread may look through each begun megabyte of a body."""

_MEGABYTE: Final = 1024 * 1024

REQUEST: Final = "request"
RESPONSE: Final = "response"

_ENCODING: Final = frozenset({b"accept-encoding"})
_OF_THE_BODY: Final = frozenset(
    {b"content-digest", b"repr-digest", b"digest", b"content-md5", b"signature", b"signature-input", b"etag"}
)
"""Headers that would not be true of another body: RFC 9530, RFC 9421, RFC 9110."""

_TEXTS: Final = frozenset({b"application/xml", b"application/x-subrip", b"application/yaml"})
_LINES: Final = frozenset({b"application/x-ndjson", b"application/jsonl", b"application/x-jsonlines"})


@dataclass(frozen=True)
class Masking:
    """What is masked in one direction.

    Attributes:
        rules: What is looked for.
        places: Members of JSON that are left alone.
        users: The names of callers whose data is left as it is.
        networks: Likewise, where they call from.
        strict: Whether what cannot be looked through is refused.
        told: Whether it is recorded that something was masked.
        max_held: Characters of a stream's text that may wait for more.
        max_wait: Seconds for which they may.
    """

    rules: Rules
    places: Places
    users: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    strict: bool = False
    told: bool = True
    max_held: int = 256
    max_wait: float = 5.0

    def spares(self, exchange: Exchange) -> bool:
        """Whether this caller's data is left as it is."""
        if self.users and exchange.known is not None and exchange.known.name in self.users:
            return True
        if not self.networks:
            return False
        address = parse_ip(exchange.request.client_ip)
        return address is not None and any(address in network for network in self.networks)


@dataclass(frozen=True)
class Tools:
    """What the filter works with.

    Attributes:
        wheel: Timers, and the clock.
        run_in_thread: For long bodies.
        metrics: Told how often something was masked.
        audit: Told that something was masked, and never what.
        max_body: Bytes of an answer that may be held to be looked through.
    """

    wheel: TimerWheel
    run_in_thread: RunInThread
    metrics: MaskingMetrics
    audit: IAudit
    max_body: int


@implementer(IResponder)
class Sanitize:
    """Masks what configured rules find in the texts of requests and of answers.

    Args:
        inner: Answers.
        request: What is masked on the way to a backend, if anything is.
        response: What is masked on the way back, if anything is.
        tools: What it works with.
    """

    def __init__(
        self, inner: IResponder, request: Masking | None, response: Masking | None, tools: Tools
    ) -> None:
        self._inner = inner
        self._request = request
        self._response = response
        self._tools = tools

    def respond(self, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """See `IResponder.respond`."""
        request, response = self._request, self._response
        if request is not None and request.spares(exchange):
            request = None
        if response is not None and response.spares(exchange):
            response = None
        if request is None and response is None:
            return self._inner.respond(exchange)
        return self._respond(exchange, request, response)

    async def _respond(self, exchange: Exchange, request: Masking | None, response: Masking | None) -> Answer:
        if request is not None:
            await self._mask_request(exchange, request)
        if response is None:
            return await self._inner.respond(exchange)
        sent = exchange.request
        # Nobody can look into a compressed answer
        headers = (*without(sent.headers, _ENCODING), (b"Accept-Encoding", b"identity"))
        exchange.request = sent._replace(headers=headers)
        try:
            answer = await self._inner.respond(exchange)
        except UpstreamRefusal as error:
            self._mask_refusal(exchange, error, response)
            raise
        if answer.event_stream:
            return self._mask_stream(exchange, answer, response)
        return await self._mask_answer(exchange, answer, response)

    # -- on the way to a backend --------------------------------------------

    async def _mask_request(self, exchange: Exchange, masking: Masking) -> None:
        data = exchange.body.data
        if data is None:
            return  # a form: files, which nobody can look into; the configuration's notices say so
        report = _Report(self._tools, exchange, masking, REQUEST, "application/json")
        try:
            masked = await self._masked(data, _mask_json, masking, report)
        except Unreadable as error:
            report.unreadable(error.reason)
            if masking.strict:
                message = "the request body cannot be looked through for what has to be masked"
                raise BadRequest(message) from None
            return
        if masked is not None:
            exchange.body = HeldBody(masked)
            request = exchange.request
            exchange.request = request._replace(headers=without(request.headers, _OF_THE_BODY))
        report.done()

    # -- on the way back ----------------------------------------------------

    def _mask_stream(self, exchange: Exchange, answer: Answer, masking: Masking) -> Answer:
        report = _Report(self._tools, exchange, masking, RESPONSE, "text/event-stream")
        masker = EventMasker(
            masking.rules, masking.places, report.counts, masking.max_held, strict=masking.strict
        )
        body = MaskedBody(
            answer.body, masker, self._tools.wheel, masking.max_wait, masking.strict, report.unreadable
        )

        def over(_: object) -> None:
            for _ in range(masker.unread):
                report.unreadable(NO_JSON)
            report.done()

        body.outer.on_done(over)
        return answer._replace(body=body.outer, headers=without(answer.headers, _OF_THE_BODY), length=None)

    def _mask_refusal(self, exchange: Exchange, error: UpstreamRefusal, masking: Masking) -> None:
        """A backend's own words may be in an error, too."""
        report = _Report(self._tools, exchange, masking, RESPONSE, "other")
        try:
            patience = Patience(self._tools.wheel.seconds, LOOK)
            error.message = masking.rules.masked(error.message, patience, report.counts)
        except Unreadable as reason:
            report.unreadable(reason.reason)
            error.message = "the backend refused the request"
        report.done()

    async def _mask_answer(self, exchange: Exchange, answer: Answer, masking: Masking) -> Answer:
        kind = joined(answer.headers, b"content-type").partition(b";")[0].strip().lower()
        work, word = _work_for(kind)
        if work is None and kind not in _LINES:
            return answer  # sounds and pictures
        report = _Report(self._tools, exchange, masking, RESPONSE, word)
        try:
            if work is None:
                raise Unreadable("type")
            if joined(answer.headers, b"content-encoding").strip().lower() not in (b"", b"identity"):
                raise Unreadable("encoding")
            answer = await self._whole(answer)
            if not answer.body.whole:
                raise Unreadable("size")
            masked = await self._masked(answer.body.look(), work, masking, report)
        except Unreadable as error:
            return self._unread(answer, masking, report, error.reason)
        except BaseException:
            answer.body.abandon()
            raise
        report.done()
        if masked is None:
            return answer
        answer.body.take()
        headers = without(answer.headers, _OF_THE_BODY)
        return answer._replace(headers=headers, body=AnswerBody.of(masked), length=None)

    async def _whole(self, answer: Answer) -> Answer:
        """An answer when all of it is here, or else when it is clear that it is too long to be held."""
        most = self._tools.max_body
        if answer.body.whole or (answer.length is not None and answer.length > most):
            return answer
        gathered = Gathered(answer.body, most)
        await gathered.done
        return answer._replace(body=gathered.outer)

    def _unread(self, answer: Answer, masking: Masking, report: _Report, reason: str) -> Answer:
        """What comes of an answer that cannot be looked through."""
        report.unreadable(reason)
        if not masking.strict:
            return answer
        error = InternalError("the answer cannot be looked through for what has to be masked")
        answer.body.abandon(error)
        raise error

    async def _masked(self, data: bytes, work: _Work, masking: Masking, report: _Report) -> bytes | None:
        """A whole body masked, or None where there is nothing to mask."""
        look = partial(_looked_through, data, work, masking, self._tools.wheel.seconds)
        if len(data) <= AT_ONCE:
            try:
                masked, counts = look(LOOK)
            except Unreadable as error:
                if error.reason != TOO_SLOW:
                    raise
            else:
                report.counts.update(counts)
                return masked
        masked, counts = await self._tools.run_in_thread(look, IN_A_THREAD * (1 + len(data) // _MEGABYTE))
        report.counts.update(counts)
        return masked  # type: ignore[no-any-return]


class _Report:
    """What is told of one body."""

    def __init__(
        self, tools: Tools, exchange: Exchange, masking: Masking, direction: str, content_type: str
    ) -> None:
        self.counts: Counter[Rule] = Counter()
        self._tools = tools
        self._exchange = exchange
        self._told = masking.told
        self._direction = direction
        self._content_type = content_type

    def unreadable(self, reason: str) -> None:
        """It cannot be looked through."""
        self._tools.metrics.unreadable(self._direction, reason)

    def done(self) -> None:
        """It was looked through."""
        counts = self.counts
        if not counts:
            return
        self._tools.metrics.masked(self._direction, self._content_type, counts)
        if self._told:
            exchange = self._exchange
            event = Event(
                f"{self._direction.upper()}_SANITIZATION",
                user=exchange.known.name if exchange.known is not None else "",
                ip=exchange.request.client_ip,
                resource=exchange.request.route.path,
                action="mask",
                request_id=exchange.request.id,
                details={"rules": {rule.name: number for rule, number in counts.items()}},
            )
            self._tools.audit.often(event)


_Work = Callable[[str, Masking, Patience, "Counter[Rule]"], str]


def _work_for(kind: bytes) -> tuple[_Work | None, str]:
    """How to mask what is of this media type, and what to call that in metrics."""
    if kind == b"application/json" or kind.endswith(b"+json"):
        return _mask_json, "application/json"
    if not kind:
        return _mask_either, "other"
    if kind.startswith(b"text/") or kind in _TEXTS or kind.endswith(b"+xml"):
        return _mask_text, "text/plain"
    return None, "other"


def _mask_json(text: str, masking: Masking, patience: Patience, counts: Counter[Rule]) -> str:
    return masked_json(text, masking.rules, masking.places, patience, counts)


def _mask_text(text: str, masking: Masking, patience: Patience, counts: Counter[Rule]) -> str:
    return masking.rules.masked(text, patience, counts)


def _mask_either(text: str, masking: Masking, patience: Patience, counts: Counter[Rule]) -> str:
    """What says of itself nothing at all."""
    found: Counter[Rule] = Counter()
    try:
        masked = _mask_json(text, masking, patience, found)
    except Unreadable as error:
        if error.reason != NO_JSON:
            raise
        return _mask_text(text, masking, patience, counts)
    counts.update(found)
    return masked


def _looked_through(
    data: bytes, work: _Work, masking: Masking, seconds: Callable[[], float], limit: float
) -> tuple[bytes | None, Counter[Rule]]:
    """Mask a whole body, if need be. May be called in a thread."""
    counts: Counter[Rule] = Counter()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Unreadable(NO_TEXT) from None
    masked = work(text, masking, Patience(seconds, limit), counts)
    return (masked.encode("utf-8", "surrogatepass") if masked != text else None), counts
