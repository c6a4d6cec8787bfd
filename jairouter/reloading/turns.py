"""One change of the configuration at a time, each in its turn; and whoever asked for it may leave."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from jairouter.refusals import Refusal

_T = TypeVar("_T")


class Turn:
    """One change, from its asking to its end."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = False

    def leave(self) -> None:
        """Whoever asked for it has left."""
        self._left = True

    def check(self) -> None:
        """Go on only if somebody still waits for it.

        Raises:
            CancelledError: Nobody does.
        """
        if self._left:
            raise CancelledError


class Turns:
    """Has changes done one after the other, in the order in which they were asked for.

    Cancelling the Deferred of one ends the waiting, never the work in the middle of a step: what runs in a
    thread cannot be stopped, and what is stored has to come into force. The work looks at its turn between
    steps, and ends there if nobody waits any more.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._lock = DeferredLock()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._lock.locked

    def take(self, work: Callable[[Turn], Coroutine[Any, Any, _T]]) -> Deferred[_T]:
        """Do it once all that was asked for before is done.

        Returns:
            Fires with what the work returns, or fails with what it raises.
        """
        turn = Turn()
        told: Deferred[_T] = Deferred(lambda _: turn.leave())

        def over(result: _T | Failure) -> None:
            if not told.called:
                told.callback(result)
            elif isinstance(result, Failure) and not result.check(CancelledError, Refusal):
                self._log.failure("what nobody waits for any more failed", result)

        Deferred.fromCoroutine(self._run(turn, work)).addBoth(over)
        return told

    async def _run(self, turn: Turn, work: Callable[[Turn], Coroutine[Any, Any, _T]]) -> _T:
        await self._lock.acquire()
        try:
            turn.check()
            return await work(turn)
        finally:
            self._lock.release()
