"""Fallback: what is answered when no instance of a model could.

| what came of the model           | other models | cache | static | default |
|----------------------------------|--------------|-------|--------|---------|
| nobody took it, or could answer  | yes          | yes   | yes    | yes     |
| an answer with status 5xx        | yes          | yes   | yes    | yes     |
| 429, or each instance's limit    | yes          | yes   |        |         |
| all its time is over             |              | yes   | yes    | yes     |
| anything else                    |              |       |        |         |

A 429 says truly that the client is too fast and when to come back, and a client that is told anything else
would not slow down. Of another model only an answer below 400 counts: that it cannot do what was asked for
(tools, so long a text) is nothing that the client has done wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from zope.interface import implementer

from jairouter.codec.model_splice import ModelSplice
from jairouter.errors import (
    BadRequest,
    DeadlineExceeded,
    GatewayError,
    ModelNotFound,
    NoHealthyUpstream,
    PoolExhausted,
    RateLimited,
    UpstreamError,
)
from jairouter.exchange import Answer
from jairouter.filters.retry import given_up
from jairouter.interfaces import IResponder
from jairouter.request_body.held import HeldBody
from jairouter.traffic.retry import told_wait

if TYPE_CHECKING:
    from jairouter.exchange import Exchange, HeaderPairs, Route
    from jairouter.filters.fallback_plan import Plan
    from jairouter.traffic.group import Group

HEADER = b"X-Jairouter-Fallback"

_NOBODY = (UpstreamError, NoHealthyUpstream, PoolExhausted, DeadlineExceeded, RateLimited)
"""What is raised when no instance could answer. (Of limits, only those of instances stand further in.)"""

_OF_THE_BODY = frozenset({b"content-digest", b"repr-digest", b"digest", b"content-md5", b"signature"})
"""Headers that would not be true of another body: RFC 9530, RFC 9421."""


@implementer(IResponder)
class Fallback:
    """Answers in place of a model when all attempts at its instances have failed.

    Args:
        inner: Answers, from any instance of the exchange's group.
        plans: What there is to fall back on, by service; a service that is not here has nothing.
        group_of: Finds the instances of another model for a route, or raises `ModelNotFound`.
        today: Seconds since the epoch, for answers that say until when to wait by a date.
    """

    def __init__(
        self,
        inner: IResponder,
        plans: Mapping[str, Plan],
        group_of: Callable[[Route, str], Group],
        today: Callable[[], float],
    ) -> None:
        self._inner = inner
        self._plans = plans
        self._group_of = group_of
        self._today = today

    def respond(self, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """See `IResponder.respond`."""
        plan = self._plans.get(exchange.request.route.service)
        if plan is None:
            return self._inner.respond(exchange)
        return self._respond(exchange, plan)

    async def _respond(self, exchange: Exchange, plan: Plan) -> Answer:
        added = exchange.added
        failed: Answer | GatewayError
        try:
            failed = await self._inner.respond(exchange)
        except _NOBODY as error:
            if not _is_failure(error.status):
                raise  # a backend's refusal of the request, told as an event
            failed = _forgetful(error)
        else:
            if failed.status < 429 or not _is_failure(failed.status):
                return failed if plan.memory is None else plan.memory.watch(exchange, failed)
        others = self._others(exchange, plan, failed)
        if others is not None:
            failed = self._given_up(failed)
            answer = await self._ask(exchange, *others, added)
            if answer is not None:
                return answer
        return self._stand_in(exchange, plan, failed, added)

    # -- other models -------------------------------------------------------

    def _others(
        self, exchange: Exchange, plan: Plan, failed: Answer | GatewayError
    ) -> tuple[list[tuple[str, Group]], ModelSplice] | None:
        """The models that can be asked, with their instances, and the body that can name them."""
        data, request = exchange.body.data, exchange.request
        names = plan.others(exchange.model)
        if not names or data is None or isinstance(failed, DeadlineExceeded):
            return None
        if any(name.lower() in _OF_THE_BODY for name, _ in request.headers):
            return None
        others = []
        for name in names:
            try:
                others.append((name, self._group_of(request.route, name)))
            except ModelNotFound:
                continue  # it does not speak this route
        try:
            return (others, ModelSplice(data)) if others else None
        except ValueError:
            return None  # a form, or a body for which nobody should have to wait

    async def _ask(
        self, exchange: Exchange, others: list[tuple[str, Group]], splice: ModelSplice, added: HeaderPairs
    ) -> Answer | None:
        """The answer of the first of them that has one."""
        before = exchange.model, exchange.group, exchange.body, exchange.key, exchange.added
        counts = exchange.attempts[-1:]
        for name, group in others:
            exchange.model, exchange.group = name, group
            exchange.body, exchange.key, exchange.added = HeldBody(splice.with_model(name)), None, added
            try:
                answer = await self._inner.respond(exchange)
            except (*_NOBODY, BadRequest) as error:
                if isinstance(_forgetful(error), DeadlineExceeded):
                    break
                continue
            if answer.status < 400:
                _mark(exchange, f"model:{name}", exchange.added)
                return answer
            self._given_up(answer)
        exchange.model, exchange.group, exchange.body, exchange.key, exchange.added = before
        for attempt in counts:
            exchange.turn_to(attempt)  # its failure is what the client is told
        return None

    def _given_up(self, failed: Answer | GatewayError) -> Answer | GatewayError:
        """The same failure, which holds nothing of a backend any more."""
        if not isinstance(failed, Answer):
            return failed
        code = "rate_limit_exceeded" if failed.status == 429 else "upstream_error"
        return given_up(failed, self._today(), code)

    # -- without any model --------------------------------------------------

    def _stand_in(
        self, exchange: Exchange, plan: Plan, failed: Answer | GatewayError, added: HeaderPairs
    ) -> Answer:
        """Answer without any backend, or else with the failure itself."""
        answer, word = plan.memory.recall(exchange) if plan.memory is not None else None, "cache"
        if answer is None and failed.status != 429:
            if plan.plainly:
                self._tell_plainly(exchange, failed)
            if plan.static is not None:
                answer, word = plan.static.to(exchange), "static"
        if answer is not None:
            self._given_up(failed)
            _mark(exchange, word, added)
            return answer
        if isinstance(failed, Answer):
            return failed
        raise failed

    def _tell_plainly(self, exchange: Exchange, failed: Answer | GatewayError) -> None:
        wait = told_wait(failed, self._today())
        self._given_up(failed)
        _mark(exchange, "default", exchange.added)
        raise NoHealthyUpstream(
            f"no instance of the model {exchange.model[:100]!r} could answer", retry_after=wait
        )


def _is_failure(status: int) -> bool:
    return status >= 500 or status == 429


def _forgetful(error: GatewayError) -> GatewayError:
    """An error that is not raised on from here: by its traceback it would know who knows it, in a ring."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def _mark(exchange: Exchange, word: str, added: HeaderPairs) -> None:
    """Say who answers in place of the model."""
    exchange.fallback = word
    # A name may hold any letter, and a header value only these
    value = quote(word, safe="!#$&'()*+,/:;=?@[]{}|^`<>").encode("ascii")
    exchange.added = (*added, (HEADER, value))
