"""The system refuses: nothing is stored, nothing is left, and the reason is told."""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from typing import Any

from jairouter.refusals import StoreUnavailable
from jairouter.store import durable
from tests.store.rig import REFUSALS, StoreTestCase, draft


class RefusedTests(StoreTestCase):
    """A store with two versions."""

    def setUp(self) -> None:
        super().setUp()
        self.before = self.fill(2)

    def refused(self, module: Any, function: str, error: int, when: Any = lambda *_: True) -> str:
        """Add a version while a function fails; afterwards all is as before, and works again."""
        names = self.names
        patched = self.patch(module, function, getattr(module, function))
        self.spoil(module, function, error, when)
        told = str(self.assertRaises(StoreUnavailable, self.files.add, draft(2)))
        patched.restore()
        self.assertEqual(self.names, names)
        self.assertEqual([self.files.read(number) for number in (1, 2)], self.before)
        self.assertEqual(self.files.newest(), self.before[1])
        self.assertEqual(self.slept, 0)
        self.assertEqual(self.files.add(draft(2)).number, 3)
        self.file(3).unlink()
        return told

    def test_reasons(self) -> None:
        for error, reason in REFUSALS.items():
            told = self.refused(os, "write", error)
            self.assertEqual(told, f"the store in {self.path} cannot be written: {reason}")

    def test_every_step(self) -> None:
        """The disk is full, or the file system is read-only, at whichever step that shows."""
        for module, function in (
            (tempfile, "mkstemp"),
            (os, "write"),
            (os, "fsync"),
            (os, "link"),
            (os, "open"),
            (fcntl, "flock"),
        ):
            for error in (errno.ENOSPC, errno.EROFS, errno.EIO):
                self.assertIn(REFUSALS[error], self.refused(module, function, error), function)

    def test_a_version_that_is_only_out_of_reach(self) -> None:
        """It is another user's, say: what it changes must not be lost for those who can read it."""
        for error in (errno.EACCES, errno.EMFILE):
            told = self.refused(os, "open", error, lambda path, *_: str(path).endswith("@2.json"))
            self.assertIn("version 2 cannot be read, so nothing can follow it: ", told)

    def test_a_version_that_the_disk_has_lost(self) -> None:
        self.spoil(os, "open", errno.EIO, lambda path, *_: str(path).endswith("@2.json"))
        self.assertEqual(self.files.add(draft(2)).number, 3)

    def test_name_cannot_be_forced_to_disk(self) -> None:
        """The version was there for a moment, and is gone: nobody was told that it is stored."""
        told = self.refused(os, "fsync", errno.EIO, lambda number: os.path.isdir(f"/proc/self/fd/{number}"))
        self.assertIn("input/output error", told)

    def test_part_of_it_fits(self) -> None:
        real, room = os.write, [100]

        def write(number: int, data: Any) -> int:
            if not room[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            taken = real(number, data[: room[0]])
            room[0] -= taken
            return taken

        self.patch(os, "write", write)
        self.assertRaises(StoreUnavailable, self.files.add, draft(2))
        self.assertEqual(self.names, {"model-router-config@1.json", "model-router-config@2.json"})

    def test_written_in_parts(self) -> None:
        real = os.write
        self.patch(os, "write", lambda number, data: real(number, data[:7]))
        version = self.files.add(draft(2))
        self.assertEqual(self.files.read(3), version)

    def test_delete(self) -> None:
        self.spoil(os, "unlink", errno.EROFS)
        told = str(self.assertRaises(StoreUnavailable, self.files.delete, 1))
        self.assertIn("read-only file system", told)

    def test_without_links(self) -> None:
        """Some file systems have none; there a rename does."""
        self.spoil(os, "link", errno.EPERM)
        self.assertEqual(self.files.add(draft(2)).number, 3)
        self.file(4).mkdir()
        self.assertRaises(FileExistsError, durable.write_new, self.path, self.file(4).name, [b"x"])
        self.assertEqual(len(self.names), 4)

    def test_directory_without_sync(self) -> None:
        self.spoil(os, "fsync", errno.EINVAL, lambda number: os.path.isdir(f"/proc/self/fd/{number}"))
        self.assertEqual(self.files.add(draft(2)).number, 3)

    def test_link_whose_answer_was_lost(self) -> None:
        """NFS asks again, and is told that the name is taken: by what was to have it."""
        real = os.link

        def link(path: str, final: str) -> None:
            real(path, final)
            raise FileExistsError(errno.EEXIST, "File exists")

        self.patch(os, "link", link)
        self.assertEqual(self.files.add(draft(2)), self.files.read(3))


class PlaceTests(StoreTestCase):
    """`store.path` is not what it should be."""

    def told(self, reason: str) -> None:
        for done, call in (("written", lambda: self.files.add(draft(0))), ("read", self.files.history)):
            told = str(self.assertRaises(StoreUnavailable, call))
            self.assertIn(reason, told)
            self.assertIn(str(self.path), told, done)

    def test_file(self) -> None:
        self.path.write_text("x")
        self.told("not a directory")

    def test_below_a_file(self) -> None:
        self.path.write_text("x")
        self.path = self.path / "below"
        self.files = self.open()
        self.told("not a directory")

    def test_link_to_nothing(self) -> None:
        self.path.symlink_to("nothing")
        self.told("no such file or directory")

    def test_link_to_a_directory(self) -> None:
        other = self.path.with_name("other")
        other.mkdir()
        self.path.symlink_to("other")
        self.fill(1)
        self.assertEqual(len(list(other.glob("*@1.json"))), 1)

    def test_unreadable(self) -> None:
        self.path.mkdir()
        self.spoil(os, "listdir", errno.EACCES)
        self.told("permission denied")

    def test_cannot_be_made(self) -> None:
        self.spoil(os, "mkdir", errno.EROFS)
        told = str(self.assertRaises(StoreUnavailable, self.files.add, draft(0)))
        self.assertIn("read-only file system", told)
        self.assertEqual(self.files.history(), ())

    def test_made_by_somebody_else_meanwhile(self) -> None:
        real = os.mkdir

        def mkdir(path: Any, mode: int) -> None:
            real(path, mode)
            raise FileExistsError(errno.EEXIST, "File exists")

        self.patch(os, "mkdir", mkdir)
        self.assertEqual(self.files.add(draft(0)).number, 1)
