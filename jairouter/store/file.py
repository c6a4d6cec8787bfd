"""The store in files, for the event loop: each operation runs in a thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from jairouter.control import IConfigStore

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from jairouter.control import Draft, Entry, Version
    from jairouter.store.files import VersionFiles


@implementer(IConfigStore)
class FileStore:
    """See `IConfigStore`.

    Args:
        files: Where versions are.
        run_in_thread: Calls a function with its arguments in a thread, such as `deferToThread`.
    """

    def __init__(self, files: VersionFiles, run_in_thread: Callable[..., Deferred[Any]]) -> None:
        self.files = files
        self._run = run_in_thread

    def history(self) -> Deferred[tuple[Entry, ...]]:
        """See `IConfigStore.history`."""
        return self._run(self.files.history)

    def read(self, number: int) -> Deferred[Version]:
        """See `IConfigStore.read`."""
        return self._run(self.files.read, number)

    def add(self, draft: Draft) -> Deferred[Version]:
        """See `IConfigStore.add`."""
        return self._run(self.files.add, draft)

    def delete(self, number: int) -> Deferred[None]:
        """See `IConfigStore.delete`."""
        return self._run(self.files.delete, number)
