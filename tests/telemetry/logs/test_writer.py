"""Tests for `jairouter.telemetry.logs.writer` and `.queue`, without its thread: what a turn of it does."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.logs.queue import Queue
from jairouter.telemetry.logs.writer import Writer


class Target:
    """Takes lines, or fails."""

    name = "x.log"

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.calls: list[str] = []
        self.error: Exception | None = None
        self.rest = b""

    def write(self, data: bytes) -> None:
        self.rest += data
        if self.error is not None:
            raise self.error
        if self.rest:
            self.written.append(self.rest)
        self.rest = b""

    def reopen(self) -> None:
        self.calls.append("reopen")

    def close(self) -> None:
        self.calls.append("close")


class QueueTests(SynchronousTestCase):
    """What waits is bounded."""

    def test_order(self) -> None:
        queue = Queue()
        queue.put("a\n")
        queue.put("b\nc\n", 2)
        self.assertEqual(queue.waits, 3)
        self.assertEqual(queue.take(), ("a\nb\nc\n", 0))
        self.assertEqual(queue.take(), ("", 0))

    def test_full(self) -> None:
        """Lines are dropped and counted; told once."""
        queue = Queue(lines=10)
        for _ in range(12):
            queue.put("x\n")
        text, dropped = queue.take()
        self.assertEqual((text.count("x"), dropped, queue.dropped), (9, 3, 3))
        queue.put("y\n")
        self.assertEqual(queue.take(), ("y\n", 0))

    def test_full_of_long_ones(self) -> None:
        queue = Queue(characters=100)
        queue.put("x" * 60)
        queue.put("x" * 60, 5)
        self.assertEqual(queue.dropped, 5)

    def test_a_share_is_kept_for_what_is_important(self) -> None:
        queue = Queue(lines=10)
        for _ in range(20):
            queue.put("x\n")
        queue.put("error\n", important=True)
        self.assertIn("error", queue.take().text)


class WriterTests(SynchronousTestCase):
    """A writer that was not started writes at once."""

    def setUp(self) -> None:
        self.target, self.told = Target(), list[str]()
        self.queue = Queue(lines=10)
        self.writer = Writer(self.target, self.told.append, lambda text: f"({text})\n", self.queue)

    def test_writes(self) -> None:
        self.writer.put("a\n")
        self.assertEqual(self.target.written, [b"a\n"])

    def test_what_utf8_does_not_know(self) -> None:
        self.writer.put("\ud800\n")
        self.assertEqual(self.target.written, [b"\\ud800\n"])

    def test_says_how_many_were_dropped(self) -> None:
        for _ in range(11):
            self.queue.put("x\n")
        self.writer.turn()
        told = b"x\n(2 lines were dropped: they came faster than they were written)\n"
        self.assertIn(told, self.target.written[0])

    def test_failing(self) -> None:
        """It is said once, nothing is lost that there is room for, and that it works again is said, too."""
        self.target.error = OSError(28, "No space left on device")
        self.writer.put("a\n")
        self.writer.put("b\n")
        self.assertEqual(
            self.told, ["x.log cannot be written: no space left on device; it is tried again and again"]
        )
        self.target.error = None
        self.writer.turn()
        self.assertEqual(b"".join(self.target.written), b"a\nb\n")
        self.assertEqual(self.told[1:], ["x.log can be written again"])

    def test_failing_for_long(self) -> None:
        """What waits is bounded all the same."""
        self.target.error = OSError(28, "No space left on device")
        for _ in range(100):
            self.writer.put("a\n")
        self.assertEqual(len(self.told), 1)
        self.target.error = None
        self.writer.turn()
        lines = b"".join(self.target.written).splitlines()
        self.assertEqual(lines.count(b"a"), 10)
        self.assertIn(b"(90 lines were dropped", lines[-1])

    def test_any_error(self) -> None:
        """Whoever logs must not fail."""
        self.target.error = ValueError()
        self.writer.put("a\n")
        self.assertIn("valueerror", self.told[0])

    def test_reopens(self) -> None:
        self.writer.reopen()
        self.writer.close()
        self.assertEqual(self.target.calls, ["reopen", "close"])
