"""Processes that are killed, or have no disk left, while they write: what was acknowledged is there."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from jairouter.control import Draft, Told
from jairouter.refusals import StoreUnavailable, VersionConflict
from jairouter.store.archive import make_archive, verify_archive
from jairouter.store.files import VersionFiles
from tests.integration.dying import Child, Dying

RANDOM_KILLS = 200


class KillTestCase(SynchronousTestCase):
    """A directory, and children that write to it."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        self.path = self.folder / "store"

    def open(self, max_versions: int = 0) -> VersionFiles:
        return VersionFiles(self.path, max_versions, 10.0, time.time)

    def check(self, acknowledged: list[int], max_versions: int = 0) -> int:
        """Find out whether the store is as it should be after a kill. Returns its current version."""
        files = self.open(max_versions)
        history = files.history()
        self.assertEqual([each.damage for each in history if each.damage], [])
        numbers = [each.number for each in history]
        kept = set(sorted({*acknowledged, *numbers})[-max_versions:] if max_versions else acknowledged)
        self.assertLessEqual(kept & set(acknowledged), set(numbers))
        for number in numbers:
            self.assertEqual(files.read(number).entry, history[numbers.index(number)])
        newest = max(numbers, default=0)
        self.assertEqual(files.add(draft(newest)).number, newest + 1)
        self.assertEqual(sorted(name for name in os.listdir(self.path) if name.endswith(".tmp")), [])
        return newest + 1


def draft(parent: int, who: str = "a child") -> Draft:
    """A version that is a few kilobytes large."""
    services = {f"service-{each}": {"weight": each, "note": "x" * 20} for each in range(50)}
    return Draft(parent, {"model": {"services": services, "parent": parent}}, Told(who, "test"))


class RandomKillTests(KillTestCase):
    """At any time."""

    def write(self, parent: int, max_versions: int, acknowledge: Callable[[int], None]) -> None:
        files = self.open(max_versions)
        while True:
            parent = files.add(draft(parent)).number
            acknowledge(parent)

    def test_killed_at_random(self) -> None:
        """Some hundred times in the same directory."""
        random, newest, seen = Random(5), 0, 0
        for _ in range(RANDOM_KILLS):
            child = Child(lambda acknowledge, parent=newest: self.write(parent, 30, acknowledge))  # type: ignore[misc] # bound now
            first = child.wait_for_one()
            time.sleep(random.random() * 0.01)
            child.kill()
            killed, acknowledged = child.end(first)
            self.assertTrue(killed)
            seen += len(acknowledged)
            newest = self.check(acknowledged, 30)
        self.assertGreaterEqual(seen, RANDOM_KILLS)
        self.assertGreaterEqual(newest, seen)


class StepTests(KillTestCase):
    """At each step of a write, one after the other."""

    def at_each_step(
        self, work: Callable[[Callable[[int], None]], None], power_cut: bool, prepare: Callable[[], None]
    ) -> int:
        """Do the same work until a child survives it. Returns how many were killed."""
        step, killed = 0, True
        while killed:
            self.path = self.folder / f"store-{step}"
            prepare()

            def dying(acknowledge: Callable[[int], None], step: int = step) -> None:
                Dying(step, power_cut)
                work(acknowledge)

            killed, acknowledged = Child(dying).end()
            self.check(acknowledged, self.max_versions)
            step += 1
        return step - 1

    max_versions = 0

    def write(self, first: int) -> Callable[[Callable[[int], None]], None]:
        def work(acknowledge: Callable[[int], None]) -> None:
            files = self.open(self.max_versions)
            for parent in range(first, first + 2):
                acknowledge(files.add(draft(parent)).number)

        return work

    def original(self) -> None:
        self.path.mkdir()
        (self.path / "model-router-config.json").write_text('{"services": {"chat": {"instances": []}}}')

    def full(self) -> None:
        files = self.open()
        for parent in range(3):
            files.add(draft(parent))

    def test_killed(self) -> None:
        self.assertGreater(self.at_each_step(self.write(0), False, lambda: None), 20)

    def test_power_cut(self) -> None:
        """What was not forced to disk by then is lost."""
        self.assertGreater(self.at_each_step(self.write(0), True, lambda: None), 20)

    def test_after_an_original(self) -> None:
        """Its only file stays version 1 throughout."""
        for power_cut in (False, True):
            self.folder = self.folder / "x"
            self.folder.mkdir()
            self.at_each_step(self.write(1), power_cut, self.original)
            for each in self.folder.iterdir():
                found = VersionFiles(each, 0, 1.0, time.time).read(1)
                self.assertEqual(found.changes, {"model": {"services": {"chat": {"instances": []}}}})

    def test_while_old_ones_are_deleted(self) -> None:
        self.max_versions = 2
        self.assertGreater(self.at_each_step(self.write(3), False, self.full), 20)

    def test_deleting(self) -> None:
        def work(acknowledge: Callable[[int], None]) -> None:
            self.open().delete(2)

        self.at_each_step(work, False, self.full)

    def test_archive(self) -> None:
        """It is there and good, or not there."""
        source, step, killed = self.folder / "source", 0, True
        source.write_bytes(b"x" * 100_000)
        while killed:
            archive = self.folder / f"{step}.tar.gz"

            def work(acknowledge: Callable[[int], None], step: int = step, archive: Path = archive) -> None:
                Dying(step, power_cut=True)
                make_archive(archive, {"x": source}, True, 0.0)
                acknowledge(1)

            killed, acknowledged = Child(work).end()
            if archive.exists() or acknowledged:
                self.assertEqual(list(verify_archive(archive).members), ["x"])
            step += 1
        self.assertGreater(step, 8)


class SeveralTests(KillTestCase):
    """Several processes at once."""

    def test_no_number_is_lost(self) -> None:
        """Each acknowledged version is there, with what its writer wrote."""

        def write(who: str, acknowledge: Callable[[int], None]) -> None:
            files, done = self.open(), 0
            while done < 40:
                newest = files.newest()
                with contextlib.suppress(VersionConflict):
                    acknowledge(files.add(draft(newest.number if newest else 0, who)).number)
                    done += 1

        writers = {
            who: Child(lambda acknowledge, who=who: write(who, acknowledge))  # type: ignore[misc] # bound now
            for who in ("first", "second", "third")
        }
        acknowledged = {who: child.end()[1] for who, child in writers.items()}
        history = self.open().history()
        self.assertEqual([each.number for each in history], list(range(1, 121)))
        self.assertEqual(
            {who: [each.number for each in history if each.told.who == who] for who in writers}, acknowledged
        )
        self.assertEqual({each.damage for each in history}, {""})


class FullTests(KillTestCase):
    """No room for another version."""

    def small_disk(self) -> bool:
        """Put a file system of 64 KB where the store is, if this process may."""
        self.path.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(self.path)]
        with contextlib.suppress(FileNotFoundError):
            if not subprocess.run(mount, capture_output=True, check=False).returncode:
                self.addCleanup(subprocess.run, ["umount", str(self.path)], check=True)
                return True
        return False

    def fill(self, acknowledge: Callable[[int], None]) -> None:
        files, parent = self.open(), 0
        while True:
            try:
                parent = files.add(draft(parent)).number
                acknowledge(parent)
            except StoreUnavailable as error:
                reasons = ("no space left on device", "file too large", "disk quota exceeded")
                assert str(error).endswith(reasons), error
                return

    def test_full(self) -> None:
        """Versions are refused from some number on, those before are there, and with room it goes on."""
        if self.small_disk():
            _, acknowledged = Child(self.fill).end()
            self.assertGreater(len(acknowledged), 3)
            self.assertEqual([each.number for each in self.open().history()], acknowledged)
            self.open().delete(1)
            self.check(acknowledged[1:])
        else:
            self.limited()

    def limited(self) -> None:
        before = self.open().add(draft(0)).number

        def work(acknowledge: Callable[[int], None]) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
            with contextlib.suppress(StoreUnavailable):
                acknowledge(self.open().add(draft(1)).number)

        self.assertEqual(Child(work).end(), (False, []))
        self.check([before])

    def test_limited(self) -> None:
        """A file may not become as large as it would have to; a part of it was written."""
        self.limited()
