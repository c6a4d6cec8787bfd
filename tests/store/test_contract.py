"""What every store does, whatever it keeps versions in."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.control import Changes, Draft, IConfigStore, Told
from jairouter.refusals import InvalidRequest, NotPossible, Refusal, VersionConflict, VersionNotFound
from jairouter.store.file import FileStore
from jairouter.store.files import VersionFiles
from jairouter.store.memory import MemoryStore
from tests.store.rig import ALICE, NOW, Today, draft, run_at_once


class ConfigStoreContract:
    """Mixed into a test case whose `make_store` makes an empty store."""

    def make_store(self, max_versions: int = 0) -> Any:
        raise NotImplementedError

    def now(self, deferred: Deferred[Any]) -> Any:
        return self.successResultOf(deferred)  # type: ignore[attr-defined] # of the test case

    def refused(self, deferred: Deferred[Any], kind: type[Refusal]) -> str:
        error: Refusal = self.failureResultOf(deferred, kind).value  # type: ignore[attr-defined] # likewise
        return error.message

    def setUp(self) -> None:
        self.store = self.make_store()

    def fill(self, count: int) -> list[Any]:
        return [self.now(self.store.add(draft(parent))) for parent in range(count)]

    def numbers(self) -> list[int]:
        return [each.number for each in self.now(self.store.history())]

    def test_interface(self) -> None:
        verifyObject(IConfigStore, self.store)

    def test_empty(self) -> None:
        self.equal(self.now(self.store.history()), ())
        self.equal(self.refused(self.store.read(1), VersionNotFound), "there is no version 1")

    def equal(self, first: object, second: object) -> None:
        self.assertEqual(first, second)  # type: ignore[attr-defined] # of the test case

    def test_first(self) -> None:
        """It has all that was said, and what the store adds; and it is read as it was returned."""
        changes = {"model": {"services": {"chat": {"instances": None, "weight": [1, 2.5, True, "ü"]}}}}
        version = self.now(self.store.add(Draft(0, changes, ALICE)))
        entry = version.entry
        self.equal((version.number, entry.parent, entry.told, entry.damage), (1, 0, ALICE, ""))
        self.equal((entry.created_at, len(entry.digest)), (NOW, 64))
        self.equal(version.changes, changes)
        self.equal(self.now(self.store.read(1)), version)
        self.equal(self.now(self.store.history()), (entry,))

    def test_in_order(self) -> None:
        self.fill(12)
        self.equal(self.numbers(), list(range(1, 13)))
        self.equal(self.now(self.store.read(10)).changes, {"model": {"adapter": "after-9"}})

    def test_frozen_changes(self) -> None:
        """Changes are mappings of any kind; what comes back is JSON."""
        frozen: Changes = MappingProxyType({"model": MappingProxyType({"list": (1, MappingProxyType({}))})})
        version = self.now(self.store.add(draft(0, frozen)))
        self.equal(version.changes, {"model": {"list": [1, {}]}})

    def test_not_shared(self) -> None:
        """Whoever changes what was given or returned does not change what is stored."""
        changes: dict[str, Any] = {"model": {}}
        version = self.now(self.store.add(draft(0, changes)))
        changes["model"]["x"] = 1
        version.changes["model"]["y"] = 2
        self.equal(self.now(self.store.read(1)).changes, {"model": {}})

    def test_conflict(self) -> None:
        """The text tells which is current, who made it, and when."""
        self.fill(2)
        told = self.refused(self.store.add(draft(1)), VersionConflict)
        self.equal(
            told,
            "version 1 is not the current one: that is version 2, made by alice at 2025-01-15T10:00:01.123Z",
        )
        self.equal(self.numbers(), [1, 2])

    def test_conflict_with_nothing(self) -> None:
        told = self.refused(self.store.add(draft(3)), VersionConflict)
        self.equal(told, "version 3 is not the current one: nothing is stored")

    def test_conflict_below_nothing(self) -> None:
        self.refused(self.store.add(draft(-1)), VersionConflict)

    def test_deleted(self) -> None:
        self.fill(3)
        self.equal(self.now(self.store.delete(2)), None)
        self.equal(self.numbers(), [1, 3])
        self.refused(self.store.read(2), VersionNotFound)
        self.refused(self.store.delete(2), VersionNotFound)

    def test_number_is_not_used_again(self) -> None:
        self.fill(3)
        self.now(self.store.delete(1))
        self.equal(self.now(self.store.add(draft(3))).number, 4)

    def test_current_is_not_deleted(self) -> None:
        self.fill(2)
        told = self.refused(self.store.delete(2), NotPossible)
        self.equal(told, "version 2 is the current one, which cannot be deleted")
        self.equal(self.numbers(), [1, 2])

    def test_oldest_go(self) -> None:
        self.store = self.make_store(max_versions=3)
        self.fill(7)
        self.equal(self.numbers(), [5, 6, 7])

    def test_only_the_current_stays(self) -> None:
        self.store = self.make_store(max_versions=1)
        self.fill(3)
        self.equal(self.numbers(), [3])

    def test_too_large(self) -> None:
        told = self.refused(self.store.add(draft(0, {"x": "ü" * 2_200_000})), InvalidRequest)
        self.equal(told, "this cannot be stored: 4400293 bytes are more than 4194304")
        self.equal(self.numbers(), [])

    def test_largest(self) -> None:
        """What is stored can be read."""
        self.now(self.store.add(draft(0, {"x": "y" * (4 * 1024 * 1024 - 400)})))
        self.equal(len(self.now(self.store.read(1)).changes["x"]), 4 * 1024 * 1024 - 400)

    def test_too_deep(self) -> None:
        deep: Any = 1
        for _ in range(65):
            deep = {"x": deep}
        self.refused(self.store.add(draft(0, deep)), InvalidRequest)
        self.equal(self.now(self.store.add(draft(0, deep["x"]))).changes, deep["x"])
        self.equal(self.now(self.store.read(1)).changes, deep["x"])

    def test_no_json(self) -> None:
        for value in (float("nan"), float("inf"), "\ud800", 10**5000, {1: 2}, {"a", "b"}, b"x"):
            self.refused(self.store.add(draft(0, {"x": value})), InvalidRequest)
        self.refused(self.store.add(draft(0, told=Told("\udcff", "x"))), InvalidRequest)
        self.equal(self.numbers(), [])


class FileStoreTests(ConfigStoreContract, SynchronousTestCase):
    """In files."""

    def make_store(self, max_versions: int = 0) -> FileStore:
        path = Path(self.mktemp()) / "store"
        return FileStore(VersionFiles(path, max_versions, 0, Today()), run_at_once)


class MemoryStoreTests(ConfigStoreContract, SynchronousTestCase):
    """In memory."""

    def make_store(self, max_versions: int = 0) -> MemoryStore:
        return MemoryStore(Today(), max_versions)
