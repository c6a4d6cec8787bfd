"""A wait that a filter can be cancelled out of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairouter.task import Promise

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime


def pause(clock: IReactorTime, seconds: float) -> Promise[None]:
    """Wait. Whoever is cancelled meanwhile leaves no delayed call behind."""
    calls: list[IDelayedCall] = []  # let go when it is over: a delayed call knows for ever what it has called

    def over() -> None:
        calls.clear()
        promise.settle(None)

    def cancelled() -> None:
        calls.pop().cancel()

    promise: Promise[None] = Promise(cancelled)
    calls.append(clock.callLater(seconds, over))
    return promise
