"""A wait that a filter can be cancelled out of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairouter.task import Promise

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime


def pause(clock: IReactorTime, seconds: float) -> Promise[None]:
    """Wait. Whoever is cancelled meanwhile leaves no delayed call behind."""

    def cancelled() -> None:
        call.cancel()

    promise: Promise[None] = Promise(cancelled)
    call = clock.callLater(seconds, promise.settle, None)
    return promise
