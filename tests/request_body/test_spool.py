"""The place where the start of a form waits for its model."""

from __future__ import annotations

import io

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from jairouter.request_body.spool import BLOCK, Spool
from tests.request_body.rig import Threads


class SpoolTests(SynchronousTestCase):
    """In memory, then in a file."""

    def setUp(self) -> None:
        self.threads = Threads(at_once=True)
        self.spool = Spool(10, self.threads.run)

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
            (self.spool.length, self.read(0), self.read(7), self.read(10)), (10, b"abcdefghij", b"hij", b"")
        )
        self.assertEqual(self.threads.files, [])

    def test_no_room(self) -> None:
        self.spool.keep(b"abcde")
        self.assertFalse(self.spool.keep(b"fghijk"))
        self.assertEqual((self.spool.length, self.read(0)), (5, b"abcde"))

    def test_to_the_file(self) -> None:
        """What was in memory goes first, and does not stay in memory."""
        self.spool.keep(b"abc")
        self.write(b"d" * 10)
        self.write(b"e")
        self.assertEqual((self.spool.length, self.read_all()), (14, b"abc" + b"d" * 10 + b"e"))
        self.assertEqual(self.spool._chunks, [])
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

    def test_closed(self) -> None:
        self.write(b"x" * 11)
        self.spool.close()
        self.spool.close()
        self.assertEqual(len(self.threads.files), 1)
        self.assertTrue(self.threads.all_closed)

    def test_closed_in_memory(self) -> None:
        self.spool.keep(b"x")
        self.spool.close()
        self.assertEqual(self.read(0), b"")

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
        spool = Spool(0, threads.run)
        writing = Deferred.fromCoroutine(spool.write(b"x"))
        threads.fail(OSError("no space left"))
        self.failureResultOf(writing, OSError)
