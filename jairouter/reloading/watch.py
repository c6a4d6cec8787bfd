"""Notices when files are others than before.

::

                     something happens in a directory
           RESTING -----------------------------------> SETTLING <--+ something happens: wait anew, but not
            ^   |                                          |    ----+ for ever
            |   | every `interval`                         | left alone for `debounce`
            |   +------------------> LOOKING <-------------+
            |                           |
            |  as before; or different, | different, but nobody knows for how long, or something
            |  and left alone: told     | has happened meanwhile: SETTLING
            +---------------------------+

What happens in a directory is no more than a reason to look. So other files in it do not matter, editors may
write, rename and delete as they like, and what the kernel does not tell (network file systems do not, and its
queue may overflow) is found at the next look in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from jairouter.reloading.looking import Looked, look
from jairouter.reloading.notices import CannotTell, Notices, OpenNotices

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from jairouter.reloading.looking import State

PATIENCE: Final = 10
"""Files that are never left alone are looked at after so many times the time for which they should be."""


class Watch:
    """Watches files, and directories for files in them. See the module's picture.

    Args:
        paths: Files and directories; they need not exist.
        counts: Which names in directories matter.
        changed: Called when they have changed, and once at the start: nobody knows what has happened since
            they were read. What it returns fires with False if it is to be called again in some time.
        clock: Runs this.
        run_in_thread: For what blocks.
        open_notices: Where notices come from.
        debounce: Seconds for which files have to be left alone.
        interval: Seconds between two looks in turn; 0 for none.
    """

    _log = Logger()

    def __init__(
        self,
        paths: Sequence[str | Path],
        counts: Callable[[str], bool],
        changed: Callable[[], Deferred[bool]],
        clock: IReactorTime,
        run_in_thread: Callable[..., Deferred[Any]],
        open_notices: OpenNotices,
        debounce: float,
        interval: float,
    ) -> None:
        self._paths = tuple(paths)
        self._counts = counts
        self._changed = changed
        self._clock = clock
        self._run_in_thread = run_in_thread
        self._open = open_notices
        self._debounce, self._interval = debounce, interval
        self._running = self._looking = False
        self._again = False  # something has happened while it was looked
        self._told: tuple[State, ...] | None = None
        self._places: dict[str, tuple[int, int]] = {}
        self._notices: Notices | None = None
        self._mute = False
        self._settling: IDelayedCall | None = None
        self._turn: IDelayedCall | None = None
        self._latest = 0.0

    def start(self) -> None:
        """Begin."""
        self._running = True
        self._look(settled=True)
        self._next_turn()

    def stop(self) -> None:
        """Leave nothing behind; a look that is under way ends without consequence."""
        self._running = False
        for call in (self._settling, self._turn):
            if call is not None and call.active():
                call.cancel()
        self._settling = self._turn = None
        self._disarm()

    def adapt(self, paths: Sequence[str | Path], debounce: float, interval: float) -> None:
        """Go on with other paths and times."""
        self._debounce = debounce
        if interval != self._interval:
            self._interval = interval
            self._next_turn()
        if tuple(paths) != self._paths:
            self._paths = tuple(paths)
            self._happened(False)

    def again(self) -> None:
        """Tell once more of what is there, even if nothing happens to it."""
        self._told = None
        self._happened(False)

    def _happened(self, gone: bool) -> None:
        """Something has."""
        if gone:
            self._disarm()
        if not self._running:
            return
        if self._looking:
            self._again = True
        elif self._settling is None:
            self._settle()
        elif self._clock.seconds() + self._debounce <= self._latest:
            self._settling.reset(self._debounce)

    def _settle(self) -> None:
        self._latest = self._clock.seconds() + PATIENCE * self._debounce
        self._settling = self._clock.callLater(self._debounce, self._left_alone)

    def _left_alone(self) -> None:
        self._settling = None
        self._look(settled=True)

    def _next_turn(self) -> None:
        if self._turn is not None and self._turn.active():
            self._turn.cancel()
        self._turn = None
        if self._running and self._interval > 0:
            self._turn = self._clock.callLater(self._interval, self._in_turn)

    def _in_turn(self) -> None:
        self._next_turn()
        if not self._looking and self._settling is None:
            self._look(settled=False)

    def _look(self, *, settled: bool) -> None:
        self._looking, self._again = True, False
        looking = self._run_in_thread(look, self._paths, self._counts)
        looking.addCallbacks(self._looked, self._failed, callbackArgs=(settled,))

    def _failed(self, failure: Failure) -> None:
        self._looking = False
        self._log.failure("looking at files failed", failure)

    def _looked(self, looked: Looked, settled: bool) -> None:
        self._looking = False
        if not self._running:
            return
        fresh = self._arm(looked.places)
        different = looked.signature != self._told
        if self._again or (different and not settled):
            self._settle()
            return
        if different:
            self._told = looked.signature
            maybeDeferred(self._changed).addCallbacks(self._was_told, self._not_told)
        if fresh and not self._looking and self._settling is None:
            self._look(settled=False)  # at what happened before it was watched

    def _was_told(self, done: bool) -> None:
        if not done:
            self._told = None

    def _not_told(self, failure: Failure) -> None:
        self._log.failure("telling of changed files failed", failure)

    def _arm(self, places: dict[str, tuple[int, int]]) -> bool:
        """Have the kernel tell of these directories. Returns whether it did not before."""
        if self._notices is not None and places == self._places:
            return False
        self._disarm()
        notices: Notices | None = None
        try:
            notices = self._open(self._happened)
            for place in sorted(places):
                notices.watch(place)
        except CannotTell as why:
            if notices is not None:
                notices.close()
            if not self._mute:
                self._mute = True
                text = (
                    "files are looked at every {interval:g} s, for the system does not tell of changes: {why}"
                )
                self._log.info(text, interval=self._interval, why=why)
            return False
        self._notices, self._places, self._mute = notices, places, False
        return True

    def _disarm(self) -> None:
        if self._notices is not None:
            self._notices.close()
            self._notices = None
