"""Copies that are made from time to time, of what is stored and of the configuration files in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger

from jairouter.store.backup_directory import BackupDirectory
from jairouter.store.durable import reason_of
from jairouter.store.manifest import ArchiveFault

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from jairouter.config.settings.store import StoreSettings

SOON: Final = 10.0
"""Seconds after a start or a change until a copy is made, if none was made within the interval."""

RunInThread = Callable[..., "Deferred[Any]"]


class Backups:
    """Makes a copy at every interval, in a thread, if anything is another than in the last one.

    A failure is logged when it begins and when its reason is another one, not each time.

    Args:
        clock: The reactor, or a fake clock.
        run_in_thread: Calls a function with its arguments in a thread.
        directory: Where copies are made.
        interval: Seconds from one to the next.
        files: Tells which configuration files are in force.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        run_in_thread: RunInThread,
        directory: BackupDirectory,
        interval: float,
        files: Callable[[], Iterable[Path]],
    ) -> None:
        self._clock = clock
        self._run = run_in_thread
        self._directory = directory
        self._interval = max(interval, SOON)
        self._files = files
        self._running = False
        self._made_at = float("-inf")
        self._timer: IDelayedCall | None = None
        self._under_way: Deferred[None] | None = None
        self._again = False
        self._reason = ""

    def start(self) -> None:
        """Begin; the first copy is made soon, if anything is stored. Does nothing when that has begun."""
        if not self._running:
            self._running = True
            if self._under_way is None:
                self._wait(SOON)

    def stop(self) -> Deferred[None]:
        """Make no further copies.

        Returns:
            Fires when the one under way, if there is one, is made.
        """
        self._running = False
        self._cancel()
        if self._under_way is None:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._under_way.addCallback(lambda _: stopped.callback(None))
        return stopped

    def changed(self) -> None:
        """Make a copy soon: a version was added. If one was made within the interval, wait for its end."""
        if self._under_way is not None:
            self._again = True
        elif self._running:
            since = self._clock.seconds() - self._made_at
            self._wait(max(SOON, self._interval - since))

    def _wait(self, seconds: float) -> None:
        """Make a copy after so many seconds, unless one is due before that."""
        if self._timer is not None:
            if self._timer.getTime() <= self._clock.seconds() + seconds:
                return
            self._cancel()
        self._timer = self._clock.callLater(seconds, self._begin)

    def _cancel(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _begin(self) -> None:
        self._timer = None
        self._under_way = Deferred()
        making = maybeDeferred(lambda: self._run(self._directory.make, tuple(self._files())))
        making.addCallbacks(self._made, self._failed)
        making.addErrback(lambda failure: self._log.failure("the backup", failure))
        making.addCallback(lambda _: self._ended())

    def _made(self, archive: Path | None) -> None:
        if archive is not None:
            self._made_at = self._clock.seconds()
            self._log.info("backup {archive} is made", archive=str(archive))
        elif self._reason:
            self._log.info("backups can be made again")
        self._reason = ""

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, OSError):
            reason = f"{reason_of(error)}: {error.filename}" if error.filename else reason_of(error)
        else:
            reason = str(error) or type(error).__name__
        if reason == self._reason:
            return
        self._reason = reason
        if isinstance(error, (OSError, ArchiveFault)):
            self._log.error("no backup was made: {reason}", reason=reason)
        else:
            self._log.failure("no backup was made", failure)

    def _ended(self) -> None:
        under_way, self._under_way = self._under_way, None
        again, self._again = self._again, False
        if self._running:
            self._wait(self._interval)
            if again:
                self.changed()
        assert under_way is not None
        under_way.callback(None)


def backup_directory(settings: StoreSettings, today: Callable[[], float]) -> BackupDirectory:
    """Where the settings want backups to be.

    Args:
        settings: Of the store; its type is not looked at.
        today: Seconds since the epoch.
    """
    asked, path = settings.file, Path(settings.path)
    where = Path(asked.backup_path) if asked.backup_path else path / "backups"
    return BackupDirectory(where, path, asked.max_backups, asked.compression, today)
