"""Every interface, in the order in which a request meets them.

The docstrings here are the manual: what a method is for, what it may be given, what it raises, when it
is called and what it may cost. Implementers say only what they add.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from zope.interface import Attribute, Interface

if TYPE_CHECKING:
    from random import Random

    from twisted.internet.defer import Deferred

    from jairouter.caller import Caller
    from jairouter.config.settings.balancing import LoadBalanceSettings
    from jairouter.errors import GatewayError
    from jairouter.exchange import Answer, Attempt, Exchange, HeaderPairs, Outcome, Request, Route
    from jairouter.tracing import Trace
    from jairouter.traffic.decision import Decision
    from jairouter.traffic.exclusion import Exclusion
    from jairouter.traffic.instance import Instance


class IResponder(Interface):
    """Answers exchanges. The pipeline is one, and so is each of its filters."""

    def respond(exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """Answer one exchange.

        Filters are coroutines and await the next one directly, and the outermost is run by a `Task`.
        Cancelling that raises `CancelledError` where the innermost one waits, and every filter on the way
        out settles what it holds. (A filter that has nothing to do on the way out needs no coroutine of
        its own: it returns the next one's.)

        Args:
            exchange: The request and what is known about it.

        Returns:
            The answer, as soon as its status is certain. Its body may still be arriving; whoever has
            something to settle at its end registers with `AnswerBody.on_done`.

        Raises:
            GatewayError: There is no answer, and why.
            CancelledError: The client left.
        """


class IAuthenticator(Interface):
    """Finds out who is asking by what they show. Called for every request: it has to be instant."""

    def authenticate(credential: bytes) -> Caller | Deferred[Caller]:
        """Find out.

        Args:
            credential: A key or a token, as it came, without the word before it. May be anything.

        Returns:
            Who it is; a Deferred only where somebody else has to be asked first, which fails with the same
            errors.

        Raises:
            Unauthenticated: Nobody that is known. The text is for the caller and holds nothing of the
                credential.
        """


class IAllowance(Interface):
    """How much one caller may ask for. Told the time; does no I/O."""

    lends: bool = Attribute("Whether what is taken has to be given back.")

    def covers(model: str) -> bool:
        """Whether it may use a model at all."""

    def take(model: str, now: float) -> Quota | None:
        """One request begins.

        Args:
            model: That it asks for.
            now: The clock's seconds.

        Returns:
            What is left, for the `x-ratelimit-*` headers, or None where nothing is counted.

        Raises:
            PermissionDenied: It may not use this model.
            RateLimited: It has used up what it may, and nothing was taken.
        """

    def give_back(now: float) -> None:
        """One request that `take` let through is over; called exactly once for each, if `lends` is true."""


class IRequestBody(Interface):
    """A request body, perhaps still arriving, that can be sent to a backend.

    Nothing is read from the client before `collect` or `start` asks for it.
    """

    length: int | None = Attribute("Bytes in all, or None when the client did not say.")
    data: bytes | None = Attribute("The whole body if it is held in memory, else None.")
    replayable: bool = Attribute("Whether `start` may be called again after it was called.")

    def start(sink: IBodySink) -> None:
        """Send the body to `sink`, from the first byte, until `sink.end` or `sink.broke`."""

    def pause() -> None:
        """Send nothing until `resume`."""

    def resume() -> None:
        """Go on after `pause`."""

    def stop() -> None:
        """Send nothing any more; the sink is forgotten."""


class IBodySink(Interface):
    """Takes a body, in order. Exactly one of `end` and `broke` is the last call."""

    def chunk(data: bytes) -> None:
        """The next bytes, never empty."""

    def end() -> None:
        """That was all."""

    def broke(error: GatewayError) -> None:
        """The rest will not come."""


class IBodySource(Interface):
    """Where an answer's body comes from; `AnswerBody` steers it."""

    def pause() -> None:
        """Read no more from the backend until `resume`."""

    def resume() -> None:
        """Read (on) from the backend."""

    def abort() -> None:
        """Close the backend's connection at once; nothing more is wanted."""


class Affinity(enum.Enum):
    """What the key of an attempt is made of."""

    NONE = "none"
    """Nothing: the key is empty."""
    CLIENT = "client"
    """The client's address."""
    HEADER = "header"
    """A request header, or the client's address where it is missing."""
    PREFIX = "prefix"
    """The model, the system prompt and the first messages."""


class IBalancer(Interface):
    """Chooses among candidates. Called for every attempt: must be instant, does no I/O.

    Balancers go by `Live.share` (the weight, less while an instance starts slowly) and `Live.in_flight`. One
    balancer serves all models of a service; what it keeps about instances it must not keep for ever.
    """

    affinity: Affinity = Attribute("What `key` is made of.")

    def pick(candidates: Sequence[Instance], key: bytes) -> Instance | None:
        """Choose one.

        Args:
            candidates: Instances that may be used now, in configuration order; may be empty.
            key: What equal requests have in common, for balancers that keep them together.

        Returns:
            One of the candidates, or None when none can take a request (no candidate, or all of
            share 0).
        """


class IBalancerMaker(Interface):
    """Makes balancers of one kind. As a Twisted plugin, it adds that kind: see docs/write-a-balancer.md."""

    name: str = Attribute("What the configuration knows the kind by; a plugin's after `plugin:`.")

    def make(settings: LoadBalanceSettings, random: Random, seconds: Callable[[], float]) -> IBalancer:
        """Make the balancer of one service. Does no I/O.

        Called at start and at each reload, and before a reload once more, in a thread: what comes of that is
        thrown away, and only shows that nothing will fail.

        Args:
            settings: Those of `load-balance`; its `options` are for plugins, as they were written.
            random: The source of randomness; a balancer with another one cannot be replayed.
            seconds: The clock, which begins anywhere and never goes back.

        Raises:
            ValueError: The options are wrong; the text says what was expected, in one line.
        """


class Quota(NamedTuple):
    """What a limiter has left.

    Attributes:
        limit: Most requests at once, or in one window.
        remaining: How many would be admitted now, rounded down.
        reset: Seconds until all of the limit is there again.
    """

    limit: int
    remaining: int
    reset: float


class ILimiter(Interface):
    """Admits requests, at a rate or up to a number. Told the time; one bucket.

    Several limits on one request are taken together or not at all: all of them are asked for their
    `refusal` first, and only when none refuses, `take` is called on each.
    """

    def refusal(now: float) -> float:
        """Ask whether one more request would be admitted; nothing is taken.

        Args:
            now: The clock's seconds. A clock that was set back counts as standing still.

        Returns:
            0 if it would be, perhaps after a wait in the limiter's own queue; else seconds after which asking
            again may help, never less than a millisecond. Where nobody can know (`concurrency`), 1.
        """

    def foretell(now: float) -> float:
        """What `refusal` would say. Unlike that, it leaves no trace: for those who only look on."""

    def take(now: float) -> float:
        """Admit one; `refusal` has just said 0.

        Returns:
            Seconds for which the request has to wait before it goes on; 0 for all but shaping limiters.
        """

    def give_back(now: float, turn: float) -> None:
        """What was taken is not used any more: the request is over, or was given up while it waited.

        Called exactly once for each `take` of a limiter whose `lends` is true, else never.

        Args:
            now: The clock's seconds.
            turn: When the request was to go on: the time of `take`, and what that returned. Later than `now`
                if it was given up while it waited.
        """

    lends: bool = Attribute("Whether what is taken has to be given back.")
    lent: int = Attribute("How much has not been given back yet; 0 where `lends` is false.")
    since: float = Attribute("When it was last asked, in the clock's seconds, or else made.")

    def quota(now: float) -> Quota:
        """What is left, for the `x-ratelimit-*` headers. Asking changes nothing."""

    def carry_over(old: ILimiter, now: float) -> None:
        """Begin where another one stands, after a reload: whose bucket was empty finds it empty.

        Args:
            old: Of the same algorithm, perhaps with other limits; one of another algorithm is ignored.
            now: The clock's seconds.
        """


class IBreaker(Interface):
    """Leaves an instance alone that keeps failing."""

    closed: bool = Attribute("Whether everything is let through; read for every attempt.")

    def exclusion(now: float) -> Exclusion | None:
        """Why no attempt may be made now, or None. Asking changes nothing."""

    def acquire(now: float) -> object:
        """An attempt begins, after `exclusion` said None.

        An open breaker whose time is up is half-open from here on.

        Returns:
            A ticket for `settle`, by which attempts begun in an earlier state can be told.
        """

    def answering(ticket: object, now: float) -> None:
        """A 2xx answer has begun; need not be told of a breaker that is closed."""

    def settle(ticket: object, outcome: Outcome, now: float) -> None:
        """An attempt is over; called exactly once for each `acquire`."""

    def force_open(now: float) -> None:
        """An operator wants it open, until `force_close`; to be called by `Live`, which sees to the rest."""

    def force_close(now: float) -> None:
        """An operator wants it closed, whatever it has seen; likewise."""


class IPermit(Interface):
    """The right to be in flight. It has one owner, who settles it exactly once."""

    def settle(outcome: Outcome) -> None:
        """Give it back.

        Raises:
            AlreadySettled: It was given back before: a fault in the gateway.
        """


class IAdapter(Interface):
    """Translates between OpenAI's dialect and a backend's own. Pure: no I/O, no state."""

    def target(route: Route, instance: Instance) -> str | None:
        """The path at the backend, or None when the instance cannot serve the route."""

    def headers(request: Request, instance: Instance) -> HeaderPairs:
        """The headers for the backend, without Host and framing."""


class IRecorder(Interface):
    """Is told how every request ended."""

    def record(exchange: Exchange, status: int, sent: int, error: GatewayError | None) -> None:
        """One exchange is over.

        Args:
            exchange: With its attempts and their outcomes.
            status: What the client got; 499 when it left.
            sent: Body bytes passed on to the client.
            error: Why the answer is not complete, or None.
        """


class ITracer(Interface):
    """Knows which trace a request belongs to, and tells backends of it.

    What became of the request it is told as an `IRecorder`: spans are made from the times of an exchange and
    its attempts when it is over, so that a request that is not traced costs no more than `begin`.
    """

    def begin(exchange: Exchange) -> Trace:
        """A request has come. Called for each, before anything else is known about it; has to be instant."""

    def outgoing(trace: Trace, attempt: Attempt) -> HeaderPairs:
        """An attempt is about to be sent: it gets the id of its span here.

        Returns:
            Headers for its backend, in place of the client's of the same names.
        """


class IProbe(Interface):
    """Finds out whether an instance is well, apart from the traffic it gets."""

    def probe(instance: Instance) -> Deferred[None]:
        """Ask it once. Called again and again, but not before the last answer is there.

        It has to be cheap for the backend: never a completion that somebody pays for.

        Returns:
            Fires when the instance is well. Fails with `CheckFailed` when it is not, and with `NoVerdict`
            when the gateway could not ask; anything else is a fault of the probe, and says nothing about the
            instance. How long it may take is not its business: it is cancelled, and then has to close at
            once what it has opened.
        """


class IDecisionLog(Interface):
    """Remembers of recent requests why each went where it went."""

    def recent(most: int = 100, model: str | None = None) -> Sequence[Decision]:
        """What is remembered, the latest first.

        Args:
            most: How many at most.
            model: Only requests for this model.
        """
