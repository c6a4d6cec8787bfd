"""The lock between writers."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import ExitStack

from jairouter.refusals import StoreUnavailable, VersionConflict
from jairouter.store.files import LOCK
from jairouter.store.lock import PAUSE, Held, locked
from tests.store.rig import StoreTestCase, draft


class LockTests(StoreTestCase):
    """Others hold it, or go while one waits."""

    def setUp(self) -> None:
        super().setUp()
        self.fill(1)
        self.lock = self.path / LOCK
        self.held = ExitStack()
        self.addCleanup(self.held.close)

    def hold(self) -> None:
        self.held.enter_context(locked(self.lock, 0, self.sleep))

    def test_held_for_too_long(self) -> None:
        self.hold()
        told = str(self.assertRaises(StoreUnavailable, self.files.add, draft(1)))
        self.assertIn("another process has been writing to it for more than 0.1 s", told)
        self.assertTrue(0.1 <= self.slept < 0.1 + 2 * PAUSE, self.slept)
        self.assertEqual(len(self.names), 1)

    def test_reading_needs_none(self) -> None:
        self.hold()
        self.assertEqual(self.files.read(1), self.files.newest())
        self.assertEqual((len(self.files.history()), self.slept), (1, 0))

    def test_late_editors_need_not_wait(self) -> None:
        self.hold()
        self.assertRaises(VersionConflict, self.files.add, draft(0))
        self.assertEqual(self.slept, 0)

    def test_given_back_meanwhile(self) -> None:
        self.hold()
        self.files = self.open()
        self.files._sleep = lambda seconds: self.held.close()
        self.assertEqual(self.files.add(draft(1)).number, 2)

    def test_added_while_one_waits(self) -> None:
        """The other was first; what it has added is seen."""
        other = self.open()
        self.hold()

        def sleep(seconds: float) -> None:
            self.held.close()
            other.add(draft(1))

        self.files._sleep = sleep
        told = str(self.assertRaises(VersionConflict, self.files.add, draft(1)))
        self.assertIn("that is version 2, made by alice", told)

    def test_lock_that_was_deleted(self) -> None:
        """A lock on a file that nobody else can see keeps nobody out."""
        real, deleted = fcntl.flock, [False]

        def flock(number: int, what: int) -> None:
            real(number, what)
            if not deleted[0]:
                deleted[0] = True
                os.unlink(self.lock)

        self.patch(fcntl, "flock", flock)
        with locked(self.lock, 1, self.sleep):
            self.assertRaises(Held, locked(self.lock, 0, self.sleep).__enter__)
        self.assertEqual(self.slept, PAUSE)

    def test_nothing_is_left_open(self) -> None:
        before = len(os.listdir("/proc/self/fd"))
        with locked(self.lock, 0, self.sleep):
            self.assertRaises(Held, locked(self.lock, 1, self.sleep).__enter__)
        self.spoil(fcntl, "flock", errno.ENOLCK)
        self.assertRaises(OSError, locked(self.lock, 1, self.sleep).__enter__)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_given_back_after_a_failure(self) -> None:
        with self.assertRaises(ZeroDivisionError), locked(self.lock, 0, self.sleep):
            raise ZeroDivisionError
        self.hold()

    def test_link_in_its_place(self) -> None:
        """It is not followed: what it leads to might be handed over by root."""
        (self.path.parent / "other").write_text("")
        (self.path / LOCK).unlink(missing_ok=True)
        (self.path / LOCK).symlink_to("../other")
        refusal = self.assertRaises(StoreUnavailable, self.files.add, draft(len(self.files.history())))
        self.assertIn("symbolic link", str(refusal))
