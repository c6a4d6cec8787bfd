"""A few timers, each with a name: one of a name at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime


class Alarms:
    """Calls functions later.

    Args:
        clock: Tells when.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._set: dict[str, IDelayedCall] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._set

    def set(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        """Call something once; whatever was to be called under the name before is not."""

        def due() -> None:
            del self._set[name]
            call()

        self.stop(name)
        self._set[name] = self._clock.callLater(max(0.0, seconds), due)

    def stop(self, name: str) -> None:
        """Do not call it."""
        waiting = self._set.pop(name, None)
        if waiting is not None:
            waiting.cancel()

    def stop_all(self) -> None:
        """Call nothing any more."""
        for name in tuple(self._set):
            self.stop(name)
