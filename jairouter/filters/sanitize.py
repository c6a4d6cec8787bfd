"""Sanitize: what must not go out, or come back, is masked on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from zope.interface import implementer

from jairouter.auditing import Event, IAudit
from jairouter.body import AnswerBody
from jairouter.codec.json_strings import NO_JSON
from jairouter.codec.masked_events import EventMasker
from jairouter.codec.masking import Rule
from jairouter.codec.patience import Patience, Unreadable
from jairouter.errors import BadRequest, InternalError, UpstreamRefusal
from jairouter.filters.gathered import Gathered
from jairouter.filters.looking_through import (
    LINES,
    LOOK,
    SIZE,
    Masking,
    Work,
    look_through,
    mask_json,
    unpacked,
    work_for,
)
from jairouter.filters.masked_body import MaskedBody
from jairouter.headers import joined, without
from jairouter.interfaces import IResponder
from jairouter.request_body.held import HeldBody

if TYPE_CHECKING:
    from jairouter.exchange import Answer, Exchange
    from jairouter.request_body.spool import RunInThread
    from jairouter.telemetry.masking_metrics import MaskingMetrics
    from jairouter.timers import TimerWheel

REQUEST: Final = "request"
RESPONSE: Final = "response"

_ENCODING: Final = frozenset({b"accept-encoding"})
_OF_THE_BODY: Final = frozenset(
    {b"content-digest", b"repr-digest", b"digest", b"content-md5", b"signature", b"signature-input", b"etag"}
)
"""Headers that would not be true of another body: RFC 9530, RFC 9421, RFC 9110."""


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
        report = _Report(self._tools, exchange, masking, REQUEST, "application/json")
        data = exchange.body.data
        if data is None:
            # A form: files, which nobody can look into. The configuration's notices say so
            report.unreadable("form")
            return
        try:
            masked = await self._masked(data, mask_json, masking, report)
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
        work, word = work_for(kind)
        if work is None and kind not in LINES:
            return answer  # sounds and pictures
        report = _Report(self._tools, exchange, masking, RESPONSE, word)
        try:
            if work is None:
                raise Unreadable("type")
            answer = await self._whole(answer)
            if not answer.body.whole:
                raise Unreadable(SIZE)
            encoding = joined(answer.headers, b"content-encoding").strip().lower()
            data = answer.body.look()
            if encoding not in (b"", b"identity"):
                data = await self._tools.run_in_thread(unpacked, data, encoding, self._tools.max_body)
            masked = await self._masked(data, work, masking, report)
        except Unreadable as error:
            return self._unread(answer, masking, report, error.reason)
        except BaseException:
            answer.body.abandon()
            raise
        report.done()
        if masked is None:
            return answer
        answer.body.take()
        headers = without(answer.headers, _OF_THE_BODY | {b"content-encoding"})
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

    async def _masked(self, data: bytes, work: Work, masking: Masking, report: _Report) -> bytes | None:
        wheel, run_in_thread = self._tools.wheel, self._tools.run_in_thread
        return await look_through(data, work, masking, report.counts, wheel.seconds, run_in_thread)


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
