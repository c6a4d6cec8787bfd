"""The place where the start of a form waits for its model."""

from __future__ import annotations

import io

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from jairouter.request_body.spool import BLOCK, Spool, SpoolSpace
from tests.request_body.rig import Threads


class SpoolTests(SynchronousTestCase):
    """In memory, then in a file."""

    def setUp(self) -> None:
        self.threads = Threads(at_once=True)
        self.space = SpoolSpace(100, 1000)
        self.spool = Spool(10, self.threads.run, self.space)

    def write(self, data: bytes) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.spool.write(data)))

    def read(self, offset: int) -> bytes:
        return self.successResultOf(Deferred.fromCoroutine(self.spool.read(offset)))

    def read_all(self) -> bytes:
        whole = b""
        while block := self.read(len(whole)):
            whole += block
        return whole

    def test_in_memory(self) -> None:
        self.assertTrue(self.spool.keep(b"abcde"))
        self.assertTrue(self.spool.keep(b"fghij"))
        self.assertEqual(
            (self.space.in_memory, self.read(0), self.read(7), self.read(10)),
            (10, b"abcdefghij", b"hij", b""),
        )
        self.assertEqual(self.threads.files, [])

    def test_no_room(self) -> None:
        self.spool.keep(b"abcde")
        self.assertFalse(self.spool.keep(b"fghijk"))
        self.assertEqual((self.space.in_memory, self.read(0)), (5, b"abcde"))

    def test_to_the_file(self) -> None:
        """What was in memory goes first, and does not stay in memory."""
        self.spool.keep(b"abc")
        self.write(b"d" * 10)
        self.write(b"e")
        self.assertEqual(self.read_all(), b"abc" + b"d" * 10 + b"e")
        self.assertEqual((self.space.in_memory, self.space.on_disk), (0, 14))
        self.spool.close()

    def test_no_room_in_memory_once_there_is_a_file(self) -> None:
        """The order would be lost."""
        self.write(b"d" * 11)
        self.assertFalse(self.spool.keep(b"e"))
        self.spool.close()

    def test_read_in_blocks(self) -> None:
        self.write(b"x" * (BLOCK + 5))
        self.assertEqual([len(self.read(0)), len(self.read(BLOCK)), len(self.read(BLOCK + 5))], [BLOCK, 5, 0])
        self.spool.close()

    def test_written_after_it_was_read(self) -> None:
        """What comes goes to the end, wherever was read."""
        self.write(b"a" * BLOCK + b"b")
        self.read(0)
        self.write(b"c")
        self.assertEqual(self.read_all(), b"a" * BLOCK + b"bc")
        self.spool.close()

    def test_closed(self) -> None:
        """What it held is given back, once."""
        self.write(b"x" * 11)
        self.spool.close()
        self.spool.close()
        self.assertEqual((self.space.in_memory, self.space.on_disk), (0, 0))
        self.assertEqual(len(self.threads.files), 1)
        self.assertTrue(self.threads.all_closed)

    def test_closed_in_memory(self) -> None:
        self.spool.keep(b"x")
        self.spool.close()
        self.assertEqual((self.read(0), self.space.in_memory), (b"", 0))

    def test_disk_is_full_when_it_is_closed(self) -> None:
        """A file writes the rest of its buffer when it is closed; nobody wants that any more."""

        class Full(io.BytesIO):
            def close(self) -> None:
                super().close()
                raise OSError("no space left")

        file = Full()
        self.spool._file = file
        self.spool.close()
        self.assertTrue(file.closed)

    def test_write_fails(self) -> None:
        threads = Threads()
        spool = Spool(0, threads.run, self.space)
        writing = Deferred.fromCoroutine(spool.write(b"x"))
        threads.fail(OSError("no space left"))
        self.failureResultOf(writing, OSError)


class SpaceTests(SynchronousTestCase):
    """What several spools share."""

    def setUp(self) -> None:
        self.threads = Threads(at_once=True)
        self.space = SpoolSpace(10, 20)
        self.first, self.second = (Spool(10, self.threads.run, self.space) for _ in range(2))

    def write(self, spool: Spool, size: int) -> None:
        self.successResultOf(Deferred.fromCoroutine(spool.write(b"x" * size)))

    def test_memory(self) -> None:
        """What the one holds there is no more room for the other."""
        self.assertTrue(self.first.keep(b"x" * 8))
        self.assertFalse(self.second.keep(b"xyz"))
        self.assertTrue(self.second.keep(b"xy"))
        self.first.close()
        self.assertTrue(self.second.keep(b"xyz"))

    def test_what_goes_to_the_file_makes_room_in_memory(self) -> None:
        self.first.keep(b"x" * 10)
        self.write(self.first, 1)
        self.assertTrue(self.second.keep(b"x" * 10))
        self.first.close()

    def test_disk(self) -> None:
        """Crowded from half of it on, full from all of it on; a file that is closed makes room."""
        states = []
        for spool in (self.first, self.second, self.second):
            self.write(spool, 9 if spool is self.first else 6)
            states.append((self.first.crowded, self.second.full))
        self.assertEqual(states, [(False, False), (True, False), (True, True)])
        self.second.close()
        self.assertEqual((self.first.crowded, self.first.full), (False, False))
        self.first.close()
