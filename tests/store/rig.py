"""What the tests of the store share."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from jairouter.control import Changes, Draft, Told, Version
from jairouter.store.files import VersionFiles

ALICE = Told("alice", "add-instance", "more room")
NOW = 1_736_935_200.123
"""2025-01-15T10:00:00.123Z."""


def draft(parent: int, changes: Changes | None = None, told: Told = ALICE) -> Draft:
    """A version behind another; by default it says whose child it is."""
    return Draft(parent, {"model": {"adapter": f"after-{parent}"}} if changes is None else changes, told)


class Today:
    """What time it is; every look takes a second.

    Attributes:
        now: Seconds since the epoch.
    """

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        self.now += 1
        return self.now - 1


def run_at_once(function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
    """Stands in for `deferToThread`."""
    return maybeDeferred(function, *arguments)


class StoreTestCase(SynchronousTestCase):
    """A directory for a store, which is not there yet."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()) / "store"
        self.path.parent.mkdir(parents=True)
        self.today = Today()
        self.slept = 0.0
        self.files = self.open()

    def open(self, max_versions: int = 0, lock_timeout: float = 0.1) -> VersionFiles:
        """The store, as another process would see it."""
        return VersionFiles(self.path, max_versions, lock_timeout, self.today, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def fill(self, count: int) -> list[Version]:
        """Add so many versions to an empty store."""
        return [self.files.add(draft(parent)) for parent in range(count)]

    def file(self, number: int) -> Path:
        """Where a version is."""
        return self.path / f"model-router-config@{number}.json"

    @property
    def names(self) -> set[str]:
        """What is in the directory, the lock aside."""
        return set(os.listdir(self.path)) - {".lock"}

    def spoil(
        self, module: Any, function: str, error: int, when: Callable[..., bool] = lambda *_: True
    ) -> None:
        """Have a function of the system fail.

        Args:
            module: Where it is looked up.
            function: Its name.
            error: The number of the error.
            when: For which arguments; for all by default.
        """
        real = getattr(module, function)

        def failing(*arguments: Any, **named: Any) -> Any:
            if when(*arguments):
                raise OSError(error, os.strerror(error))
            return real(*arguments, **named)

        self.patch(module, function, failing)


REFUSALS = {
    errno.ENOSPC: "no space left on device",
    errno.EDQUOT: "disk quota exceeded",
    errno.EROFS: "read-only file system",
    errno.EACCES: "permission denied",
    errno.EIO: "input/output error",
    errno.ENOLCK: "no locks available",
}
"""Errors of the system, and how they are told."""
