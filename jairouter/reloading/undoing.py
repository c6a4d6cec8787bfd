"""Watches a change for as long as it may be undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.logger import Logger

from jairouter.reloading.undo import State, Undo

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from jairouter.control import UndoRule
    from jairouter.reloading.error_rate import Counts, ErrorRate

LEAST_BEFORE = 60.0
"""Seconds before a change that it is compared with, at the least; else as many as it is watched for."""

LOOK_EVERY = 1.0
"""Seconds."""


class Undoing:
    """Looks at one version every second.

    Args:
        rule: When it is taken back.
        version: Its number.
        before: Requests before it.
        clock: Runs this, in the seconds of requests.
        rate: Counts requests. Only one version is counted apart at a time.
        take_back: Called, once, with the reason.
    """

    _log = Logger()

    def __init__(
        self,
        rule: UndoRule,
        version: int,
        before: Counts,
        clock: IReactorTime,
        rate: ErrorRate,
        take_back: Callable[[str], None],
    ) -> None:
        self.version = version
        self._clock = clock
        self._rate = rate
        self._take_back = take_back
        now = clock.seconds()
        self._undo = Undo(rule, before, now)
        rate.watch(now)
        self._call: IDelayedCall | None = clock.callLater(LOOK_EVERY, self._look)

    def stop(self, why: str = "") -> None:
        """Do not watch it any more.

        Args:
            why: For the log, if it was still watched.
        """
        if self._call is None:
            return
        self._call.cancel()
        self._end()
        if why:
            self._log.info("version {version} is not watched any more: {why}", version=self.version, why=why)

    def _end(self) -> None:
        self._call = None
        self._rate.unwatch()

    def _look(self) -> None:
        state = self._undo.judge(self._clock.seconds(), self._rate.watched)
        if state is State.WATCHING:
            self._call = self._clock.callLater(LOOK_EVERY, self._look)
            return
        if state is State.UNDONE:
            self._rate.disown()
        self._end()
        if state is State.UNDONE:
            self._take_back(self._undo.reason)
        else:
            text = "version {version} stays: {reason}"
            self._log.info(text, version=self.version, reason=self._undo.reason)


def counts_before(rate: ErrorRate, rule: UndoRule) -> Counts:
    """The requests that a change which is about to come into force will be compared with."""
    return rate.recent(max(LEAST_BEFORE, rule.within))
