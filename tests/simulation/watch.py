"""Notes when the gateway begins and ends what, so that independent models can say whether it was right.

Only the outside of things is watched: that an attempt was made at an instance, that a request was shown to
the limits, that an exchange is over. What the gateway makes of it inside is nobody's business here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

from jairouter.exchange import Attempt, Outcome
from jairouter.filters import pick
from jairouter.filters.record import Record
from jairouter.traffic.rule import Refused, Rule

if TYPE_CHECKING:
    from jairouter.exchange import Exchange
    from jairouter.traffic.live import Live


class Event(NamedTuple):
    """Something that happened.

    Attributes:
        kind: ``begin`` and ``end`` of an attempt, ``asked`` (the limits), ``over`` (an exchange),
            ``nobody`` (no instance was found for an exchange), ``reload``.
        time: When.
        about: The attempt, the exchange or the configuration.
        more: How the attempt ended; for how long a request has to wait, or None if it was refused; the model
            of which no instance was found.
    """

    kind: str
    time: float
    about: Any
    more: Any = None


class Watch:
    """Collects events while it is `watching`.

    Args:
        seconds: The clock.

    Attributes:
        events: In the order in which they happened.
        exchanges: Those that are over, by tag.
        lives: All that were used.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.events: list[Event] = []
        self.exchanges: dict[str, Exchange] = {}
        self.lives: set[Live] = set()
        self._seconds = seconds

    def note(self, kind: str, about: Any, more: Any = None) -> None:
        """Something happens now."""
        self.events.append(Event(kind, self._seconds(), about, more))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch."""
        with ExitStack() as stack:
            for owner, name, new in (
                (pick, "Attempt", self._watched_attempt()),
                (Rule, "admit", self._watched_admit()),
                (Record, "_tell", self._watched_record()),
                (pick, "_nobody", self._watched_nobody()),
            ):
                stack.enter_context(patch.object(owner, name, new))
            yield

    def _watched_attempt(self) -> type[Attempt]:
        watch = self
        slot: Any = vars(Attempt)["outcome"]

        class Watched(Attempt):
            """Tells when it begins and ends."""

            __slots__ = ()

            def __init__(self, *arguments: Any) -> None:
                super().__init__(*arguments)
                watch.lives.add(self.instance.live)
                watch.note("begin", self)

            @property
            def outcome(self) -> Outcome | None:
                found: Outcome | None = slot.__get__(self)
                return found

            @outcome.setter
            def outcome(self, value: Outcome | None) -> None:
                slot.__set__(self, value)
                if value is not None:
                    watch.note("end", self, value)

        return Watched

    def _watched_admit(self) -> Callable[..., Any]:
        watch, admit = self, Rule.admit

        def watched(rule: Rule, exchange: Exchange, now: float) -> Any:
            verdict = admit(rule, exchange, now)
            watch.note("asked", exchange, None if isinstance(verdict, Refused) else verdict.wait)
            return verdict

        return watched

    def _watched_nobody(self) -> Callable[..., Any]:
        watch, nobody = self, pick._nobody

        def watched(exchange: Exchange, *more: Any) -> Any:
            watch.note("nobody", exchange, exchange.model)
            return nobody(exchange, *more)

        return watched

    def _watched_record(self) -> Callable[..., Any]:
        watch, tell = self, Record._tell

        def watched(record: Record, exchange: Exchange, *more: Any) -> None:
            tell(record, exchange, *more)
            watch.exchanges[tag_of(exchange)] = exchange
            watch.note("over", exchange)

        return watched


def tag_of(exchange: Exchange) -> str:
    """The tag of the request that an exchange is about."""
    return next((value.decode() for name, value in exchange.request.headers if name == b"X-TRACE-TAG"), "")
