"""Real files, as editors, Kubernetes and administrators change them, and what the kernel tells of it."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from jairouter.reloading.following import is_configuration
from jairouter.reloading.looking import look
from jairouter.reloading.notices import CannotTell, Notices, kernel_notices
from jairouter.reloading.watch import Watch
from tests.integration.processes import PATIENCE

DEBOUNCE = 0.05
NEVER = 1000.0
_clock: Any = reactor


class Volume:
    """A directory as Kubernetes mounts ConfigMaps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.number = 0
        self.exchange("one")
        (path / "application.yml").symlink_to("..data/application.yml")

    def exchange(self, text: str) -> None:
        """Write another version of the file, exchange the link, delete the one before."""
        self.number += 1
        data, link, old = self.path / f"..{self.number}", self.path / "..data_tmp", self.path / "..data"
        data.mkdir()
        (data / "application.yml").write_text(text)
        before = self.path / os.readlink(old) if old.is_symlink() else None
        link.symlink_to(data.name)
        link.rename(old)
        if before is not None:
            shutil.rmtree(before)


class Temporary(SynchronousTestCase):
    """A directory of its own."""

    def setUp(self) -> None:
        self.root = Path(os.path.realpath(tempfile.mkdtemp(prefix="jairouter-test-")))
        self.addCleanup(shutil.rmtree, self.root, True)
        self.directory = self.root / "etc"
        self.directory.mkdir()
        self.file = self.directory / "application.yml"
        self.file.write_text("one")


class LookingTests(Temporary):
    """What a look tells."""

    def differs(self, change: Callable[[], object], *paths: Path) -> bool:
        """Whether something looks different after a change."""
        before = look(paths or (self.directory,), is_configuration)
        change()
        return look(paths or (self.directory,), is_configuration).signature != before.signature

    def places(self, *paths: Path) -> list[str]:
        """Which directories tell of changes, from the temporary one on."""
        found = look(paths, is_configuration).places
        return sorted(os.path.relpath(each, self.root) for each in found)

    def test_nothing(self) -> None:
        self.assertFalse(self.differs(lambda: None))

    def test_changes(self) -> None:
        for change in (
            lambda: self.file.write_text("two"),
            lambda: self.file.chmod(0o600),
            lambda: (self.directory / "application-security.yml").write_text(""),
            self.file.unlink,
            lambda: shutil.rmtree(self.directory),
            self.directory.mkdir,
        ):
            self.assertTrue(self.differs(change))

    def test_other_files(self) -> None:
        self.assertFalse(self.differs(lambda: (self.directory / "a.log").write_text("")))

    def test_link(self) -> None:
        """To a file elsewhere."""
        elsewhere = self.root / "srv"
        elsewhere.mkdir()
        (elsewhere / "a.yml").write_text("one")
        self.file.unlink()
        self.file.symlink_to("../srv/a.yml")
        self.assertTrue(self.differs(lambda: (elsewhere / "a.yml").write_text("two")))
        self.assertEqual(self.places(self.directory), ["etc", "srv"])
        self.assertEqual(self.places(self.file), ["etc", "srv"])

    def test_volume(self) -> None:
        self.file.unlink()
        volume = Volume(self.directory)
        self.assertEqual(self.places(self.directory), ["etc", "etc/..1"])
        self.assertTrue(self.differs(lambda: volume.exchange("two")))
        self.assertEqual(self.places(self.directory), ["etc", "etc/..2"])

    def test_not_there(self) -> None:
        """The last directory on the way that is."""
        self.assertEqual(self.places(self.root / "no" / "such" / "a.yml"), ["."])
        self.assertEqual(self.places(self.directory / "b.yml"), ["etc"])

    def test_links_in_a_circle(self) -> None:
        (self.root / "a").symlink_to("b")
        (self.root / "b").symlink_to("a")
        self.assertEqual(self.places(self.root / "a" / "c.yml"), ["."])

    def test_linked_directory(self) -> None:
        link = self.root / "link"
        link.symlink_to("etc")
        self.assertEqual(self.places(link), [".", "etc"])

    def test_exchanged_directory(self) -> None:
        """One of the same name is another place."""
        before = look((self.directory,), is_configuration).places
        self.directory.rename(self.root / "old")
        self.directory.mkdir()
        self.assertNotEqual(look((self.directory,), is_configuration).places, before)


class WatchTests(TestCase):
    """Changes are noticed by what the kernel tells: the looks in turn are too far apart."""

    timeout = PATIENCE

    def setUp(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="jairouter-test-"))
        self.addCleanup(shutil.rmtree, self.root, True)
        self.directory = self.root / "etc"
        self.directory.mkdir()
        self.file = self.directory / "application.yml"
        self.told = 0
        self.opened: list[int] = []
        self.descriptors = len(os.listdir("/proc/self/fd"))

    def watch(self, *paths: Path, interval: float = NEVER, cannot: bool = False) -> Watch:
        notices = kernel_notices(reactor)

        def opened(told: Callable[[bool], None]) -> Notices:
            if cannot:
                raise CannotTell("not here")
            return notices(told)

        watch = Watch(
            paths or (self.directory,),
            is_configuration,
            self.changed,
            _clock,
            deferToThread,
            opened,
            DEBOUNCE,
            interval,
        )
        self.addCleanup(self.stopped, watch)
        return watch

    def stopped(self, watch: Watch) -> None:
        watch.stop()
        self.assertEqual(len(os.listdir("/proc/self/fd")), self.descriptors, "a descriptor is left")

    def changed(self) -> Deferred[bool]:
        self.told += 1
        return succeed(True)

    async def until(self, told: int) -> None:
        """Wait until changes were told of so often."""
        while self.told < told:
            await deferLater(_clock, 0.01)

    async def started(self, watch: Watch) -> None:
        watch.start()
        await self.until(1)
        await deferLater(_clock, 3 * DEBOUNCE)
        self.assertEqual(self.told, 1)
        # The reactor's own and the threads' are there by now
        self.descriptors = len(os.listdir("/proc/self/fd")) - 1

    async def test_written(self) -> None:
        self.file.write_text("one")
        await self.started(self.watch())
        self.file.write_text("two")
        await self.until(2)

    async def test_renamed(self) -> None:
        """As editors write."""
        self.file.write_text("one")
        await self.started(self.watch(self.file))
        for told, text in enumerate(("two", "three"), 2):
            temporary = self.directory / ".application.yml.tmp"
            temporary.write_text(text)
            temporary.rename(self.file)
            await self.until(told)

    async def test_new(self) -> None:
        await self.started(self.watch())
        (self.directory / "application-security.yml").write_text("one")
        await self.until(2)

    async def test_volume(self) -> None:
        volume = Volume(self.directory)
        await self.started(self.watch())
        for told in (2, 3, 4):
            volume.exchange(str(told))
            await self.until(told)

    async def test_gone_and_back(self) -> None:
        self.file.write_text("one")
        await self.started(self.watch())
        shutil.rmtree(self.directory)
        await self.until(2)
        self.directory.mkdir()
        self.file.write_text("two")
        await self.until(3)
        self.file.write_text("three")
        await self.until(4)

    async def test_renamed_directory(self) -> None:
        self.file.write_text("one")
        await self.started(self.watch())
        self.directory.rename(self.root / "old")
        self.directory.mkdir()
        await self.until(2)
        self.file.write_text("two")
        await self.until(3)

    async def test_comes_into_being(self) -> None:
        """As the directory of a store does with its first version."""
        store = self.root / "var" / "store"
        await self.started(self.watch(store))
        store.mkdir(parents=True)
        (store / "application.yml").write_text("one")
        await self.until(2)

    async def test_touched(self) -> None:
        """What touching a file changes is the time; its reader finds that nothing else has."""
        self.file.write_text("one")
        await self.started(self.watch())
        os.utime(self.file)
        await self.until(2)

    async def test_without_the_kernel(self) -> None:
        self.file.write_text("one")
        await self.started(self.watch(interval=0.05, cannot=True))
        self.descriptors += 1
        self.file.write_text("two")
        await self.until(2)
