"""What stands inside a filter under test: a responder played by hand, and exchanges to send through."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.errors import GatewayError
from jairouter.exchange import Answer, Attempt, Exchange, HeaderPairs, Request, Route
from jairouter.interfaces import IBodySink, IBodySource, IRequestBody, IResponder
from jairouter.request_body.held import HeldBody
from jairouter.routes import ROUTES
from jairouter.task import as_deferred
from jairouter.traffic.balancers.random import RandomBalancer
from jairouter.traffic.group import Group
from jairouter.traffic.instance import Instance

CHAT = ROUTES[0]
ROUTE = {route.suffix: route for route in ROUTES}


@implementer(IResponder)
class Inner:
    """Answers when the test says so.

    Attributes:
        exchanges: What came in.
        cancelled: How many were cancelled while they waited.
    """

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.cancelled = 0
        self.on_respond: Callable[[Exchange], None] = lambda exchange: None
        self._works: list[Deferred[Answer]] = []

    async def respond(self, exchange: Exchange) -> Answer:
        self.exchanges.append(exchange)
        self.on_respond(exchange)
        self._works.append(Deferred())
        try:
            return await self._works[-1]
        except CancelledError:
            self.cancelled += 1
            raise

    def answer(self, body: AnswerBody | None = None, status: int = 200) -> AnswerBody:
        """Answer the oldest exchange that waits."""
        body = AnswerBody(Source()) if body is None else body
        self._works.pop(0).callback(Answer(status, (), body))
        return body

    def fail(self, error: BaseException) -> None:
        """Let the oldest exchange that waits fail."""
        self._works.pop(0).errback(error)


@implementer(IBodySource)
class Source:
    """Where a body comes from; notes what it is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")

    def abort(self) -> None:
        self.calls.append("abort")


@implementer(IBodySink)
class Sink:
    """Takes a body.

    Attributes:
        ends: "end", or the error; one when the body is over.
    """

    def __init__(self) -> None:
        self.data = b""
        self.ends: list[Any] = []

    def chunk(self, data: bytes) -> None:
        assert data and not self.ends
        self.data += data

    def end(self) -> None:
        self.ends.append("end")

    def broke(self, error: GatewayError) -> None:
        self.ends.append(error)


def run(filter_: Any, exchange: Exchange) -> Deferred[Answer]:
    """Send an exchange through a filter. Cancelling the Deferred cancels the task."""

    async def respond() -> Answer:
        answer: Answer = await filter_.respond(exchange)
        return answer

    return as_deferred(respond())


def request(
    route: Route = CHAT,
    *,
    body: IRequestBody | bytes = b"{}",
    content_type: bytes = b"application/json",
    headers: HeaderPairs = (),
    query: bytes = b"",
) -> Request:
    """A client's request."""
    held = HeldBody(body) if isinstance(body, bytes) else body
    return Request("req_1", route, query, headers, content_type, held, "192.0.2.1")


def exchange(sent: Request | None = None, model: str = "m", *candidates: Instance) -> Exchange:
    """An exchange of which model and candidates are known."""
    return Exchange(sent or request(), 0.0, model=model, group=group(*candidates))


def group(*instances: Instance, **made: Any) -> Group:
    """Some instances to choose from; whatever is not given is ordinary."""
    return Group(instances, **{"balancer": RandomBalancer(Random(0)), **made})


def attempted(clock: Callable[[], float] = lambda: 0.0, sent: Request | None = None, **made: Any) -> Exchange:
    """An exchange with an attempt under way."""
    result = exchange(sent)
    result.attempts.append(Attempt(instance(**made), clock))
    return result


def instance(**made: Any) -> Instance:
    """An instance; whatever is not given is ordinary."""
    return Instance(**{"service": "chat", "name": "m", "base_url": "http://10.0.0.1:9000", **made})
