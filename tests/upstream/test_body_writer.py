"""How a body that arrives piece by piece is written."""

from __future__ import annotations

from twisted.internet.interfaces import IConsumer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.upstream.body_writer import BodyWriter
from tests.upstream.rig import Phases, Producer, Wire


class BodyWriterTests(SynchronousTestCase):
    """A writer on a transport in memory."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.attempt = Phases()
        self.wrong: list[int] = []

    def writer(self, length: int | None) -> BodyWriter:
        """One with a producer."""
        writer = BodyWriter(self.wire, self.attempt, length, lambda: self.wrong.append(1))
        writer.registerProducer(Producer(), True)
        return writer

    def test_interface(self) -> None:
        verifyObject(IConsumer, self.writer(None))

    def test_as_it_is_when_the_length_was_said(self) -> None:
        writer = self.writer(4)
        writer.write(b"ab")
        writer.write(b"cd")
        writer.finish()
        self.assertEqual(self.wire.value(), b"abcd")
        self.assertEqual((self.wrong, self.attempt.moved), ([], 2))
        self.assertIsNone(self.wire.producer)

    def test_in_chunks_when_it_was_not(self) -> None:
        writer = self.writer(None)
        writer.write(b"x" * 17)
        writer.write(b"")
        writer.finish()
        self.assertEqual(self.wire.value(), b"11\r\n" + b"x" * 17 + b"\r\n0\r\n\r\n")

    def test_too_long(self) -> None:
        """Not a byte of what is too much goes out, nor anything after it; it is said once."""
        writer = self.writer(3)
        writer.write(b"ab")
        writer.write(b"cd")
        writer.write(b"e")
        writer.finish()
        self.assertEqual((self.wire.value(), self.wrong), (b"ab", [1]))
        self.assertIsNone(self.wire.producer)

    def test_too_short(self) -> None:
        writer = self.writer(3)
        writer.write(b"ab")
        writer.finish()
        self.assertEqual((self.wire.value(), self.wrong), (b"ab", [1]))

    def test_closed(self) -> None:
        """No last chunk: the backend must not take what came for the whole."""
        writer = self.writer(None)
        writer.close()
        writer.close()
        writer.write(b"a")
        writer.finish()
        self.assertEqual((self.wire.value(), self.wrong), (b"", []))
        self.assertIsNone(self.wire.producer)
