"""Who waits for a password to be compared, and who is next."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred, fail, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from jairouter.errors import GatewayError, NoRoom

T = TypeVar("T")
_Waiting = tuple[Deferred[Any], Callable[[], Deferred[Any]]]

RETRY_AFTER: Final = 5.0
"""Seconds after which to try again what found no room."""

_log = Logger()


class Turns:
    """Lets work be done a few at a time: of each place by turns, and of one place in the order of asking.

    So whoever asks for a great deal waits for themselves, and the others hardly longer. Where no more may
    wait, who has the most waiting loses the last of it to whoever has less.

    Args:
        at_once: Most that are under way.
        waiting: Most that wait for their turn.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self._running = 0
        self._handing_on = False
        self._queues: OrderedDict[str, deque[_Waiting]] = OrderedDict()
        self.configure(at_once, waiting)

    def configure(self, at_once: int, waiting: int) -> None:
        """Go by other numbers from now on."""
        self._at_once = at_once
        self._waiting = waiting
        self._next()

    def run(self, work: Callable[[], Deferred[T]], place: str = "") -> Deferred[T]:
        """Have `work` called when its turn has come.

        Args:
            work: Is called.
            place: For whom: where they are.

        Returns:
            What comes of it. Cancelled before its turn, it is never called. Cancelled later, it goes on to
            its end, and only then is there room for the next: a thread cannot be stopped.

        Raises:
            NoRoom: So many wait that this would take too long; the Deferred fails with it, now or later.
        """
        if self._running >= self._at_once and self._is_full and not self._make_room(place):
            return fail(_no_room())
        waiting: Deferred[T] = Deferred(partial(self._leave, place))
        self._queues.setdefault(place, deque()).append((waiting, work))
        self._next()
        return waiting

    @property
    def _is_full(self) -> bool:
        return sum(map(len, self._queues.values())) >= self._waiting

    def _make_room(self, place: str) -> bool:
        """Let the last one go of whoever has the most, if they still have as many as this place then has."""
        queues = self._queues
        busiest = max(queues, key=lambda each: len(queues[each]), default=place)
        if len(queues.get(busiest, ())) <= len(queues.get(place, ())) + 1:
            return False
        gone, _ = queues[busiest].pop()
        gone.errback(_no_room())
        return True

    def _leave(self, place: str, waiting: Deferred[Any]) -> None:
        left = deque(each for each in self._queues.get(place, ()) if each[0] is not waiting)
        if left:
            self._queues[place] = left
        else:
            self._queues.pop(place, None)

    def _next(self) -> None:
        if self._handing_on:  # work that is done at once: the loop below goes on, however many there are
            return
        self._handing_on = True
        try:
            while self._queues and self._running < self._at_once:
                waiting, work = self._take()
                self._running += 1
                maybeDeferred(work).addBoth(self._done, waiting)
        finally:
            self._handing_on = False

    def _take(self) -> _Waiting:
        place, queue = self._queues.popitem(last=False)
        taken = queue.popleft()
        if queue:
            self._queues[place] = queue  # behind the others
        return taken

    def _done(self, result: Any, waiting: Deferred[Any]) -> None:
        self._running -= 1
        if not waiting.called:
            waiting.callback(result)  # (which fails it with a Failure)
        elif isinstance(result, Failure) and not result.check(GatewayError):
            _log.failure("what nobody waited for any more failed", result)
        self._next()


def _no_room() -> NoRoom:
    return NoRoom("too many logins at once; try again later", retry_after=RETRY_AFTER)
