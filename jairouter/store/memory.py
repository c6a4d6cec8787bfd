"""The store in memory, which forgets everything when the process ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import maybeDeferred
from zope.interface import implementer

from jairouter.control import IConfigStore
from jairouter.store.version_file import compose, parse
from jairouter.store.words import conflict, is_current, no_such

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from jairouter.control import Draft, Entry, Version


@implementer(IConfigStore)
class MemoryStore:
    """See `IConfigStore`. Versions are kept as the text that a file would hold, so that nobody shares them.

    Args:
        today: Seconds since the epoch.
        max_versions: How many are kept, the newest ones; 0 keeps all.
    """

    def __init__(self, today: Callable[[], float], max_versions: int = 0) -> None:
        self._today = today
        self._max_versions = max_versions
        self._texts: dict[int, bytes] = {}
        self._entries: dict[int, Entry] = {}

    def history(self) -> Deferred[tuple[Entry, ...]]:
        """See `IConfigStore.history`."""
        return maybeDeferred(lambda: tuple(self._entries.values()))

    def read(self, number: int) -> Deferred[Version]:
        """See `IConfigStore.read`."""
        return maybeDeferred(self._read, number)

    def add(self, draft: Draft) -> Deferred[Version]:
        """See `IConfigStore.add`."""
        return maybeDeferred(self._add, draft)

    def delete(self, number: int) -> Deferred[None]:
        """See `IConfigStore.delete`."""
        return maybeDeferred(self._delete, number)

    @property
    def _highest(self) -> int:
        return max(self._texts, default=0)

    def _read(self, number: int) -> Version:
        if number not in self._texts:
            raise no_such(number)
        return parse(self._texts[number], number)

    def _add(self, draft: Draft) -> Version:
        number = draft.parent + 1
        content = compose(draft, number, self._today())
        if draft.parent != self._highest:
            raise conflict(draft.parent, self._entries.get(self._highest))
        version = parse(content, number)
        self._texts[number], self._entries[number] = content, version.entry
        if self._max_versions:
            for each in list(self._texts)[: -self._max_versions]:
                self._forget(each)
        return version

    def _delete(self, number: int) -> Any:
        if number not in self._texts:
            raise no_such(number)
        if number == self._highest:
            raise is_current(number)
        self._forget(number)

    def _forget(self, number: int) -> None:
        del self._texts[number], self._entries[number]
