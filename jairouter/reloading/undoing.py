"""Watches a change for as long as it may be undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.logger import Logger

from jairouter.reloading.undo import State, Undo

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from jairouter.control import Changes, UndoRule
    from jairouter.reloading.error_rate import Counts, ErrorRate

LEAST_BEFORE = 60.0
"""Seconds before a change that it is compared with, at the least; else as many as it is watched for."""

LOOK_EVERY = 1.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched, and what it is compared with.

    Attributes:
        rule: When it is taken back.
        version: Number of the version in force.
        first: Number of the first version that is watched: a change that is followed by another while it was
            watched is judged, and taken back, together with that one.
        changes: Those before it.
        before: Requests before it.
    """

    rule: UndoRule
    version: int
    first: int
    changes: Changes
    before: Counts

    def __str__(self) -> str:
        several = self.first != self.version
        return f"versions {self.first} to {self.version}" if several else f"version {self.version}"


class Undoing:
    """Looks at what is in force every second.

    Args:
        watched: What is in force.
        clock: Runs this, in the seconds of requests.
        rate: Counts requests. Only one version is counted apart at a time.
        take_back: Called, once, with what was watched, and the reason.

    Attributes:
        watched: As given.
    """

    _log = Logger()

    def __init__(
        self,
        watched: Watched,
        clock: IReactorTime,
        rate: ErrorRate,
        take_back: Callable[[Watched, str], None],
    ) -> None:
        self.watched = watched
        self._clock = clock
        self._rate = rate
        self._take_back = take_back
        now = clock.seconds()
        self._undo = Undo(watched.rule, watched.before, now)
        rate.watch(now)
        self._call: IDelayedCall | None = clock.callLater(LOOK_EVERY, self._look)

    @property
    def open(self) -> bool:
        """Whether it is not judged yet."""
        return self._call is not None

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
            self._log.info("{what}: not watched any more, for {why}", what=self.watched, why=why)

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
            self._take_back(self.watched, self._undo.reason)
        else:
            self._log.info("{what}: kept, for {reason}", what=self.watched, reason=self._undo.reason)


def counts_before(rate: ErrorRate, rule: UndoRule) -> Counts:
    """The requests that a change which is about to come into force will be compared with."""
    return rate.recent(max(LEAST_BEFORE, rule.within))
