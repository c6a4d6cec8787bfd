"""Tests for `jairouter.known_head`: which bytes are a head that came before, and which heads are kept."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.known_head import EAGER, LONGEST, MAX_DIGITS, SELDOM, KnownHead, Memory

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 12\r\nA: b\r\n\r\n"
PAIRS = ((b"Host", b"x"), (b"content-LENGTH", b"12"), (b"A", b"b"))
FIELDS = {b"host": b"x", b"content-length": b"12", b"a": b"b"}


def learned(head: bytes = HEAD) -> KnownHead | None:
    """What is made of a head when it comes for the second time."""
    memory = Memory()
    memory.learn(head, PAIRS, FIELDS)
    return memory.learn(head, PAIRS, FIELDS)


class MatchTests(SynchronousTestCase):
    """What begins with a head that is known."""

    def setUp(self) -> None:
        known = learned()
        assert known is not None
        self.known = known

    def test_same(self) -> None:
        """The same head, whatever follows it."""
        self.assertEqual(self.known.match(HEAD + b"body"), b"12")
        self.assertEqual(self.known.size + len(b"12"), len(HEAD))

    def test_another_length(self) -> None:
        """The length may have more digits or fewer, up to a limit."""
        for digits in (b"7", b"007", b"9" * MAX_DIGITS):
            self.assertEqual(self.known.match(HEAD.replace(b"12", digits)), digits)

    def test_no_length(self) -> None:
        """What is no plain number, or too long a one, is for the parser to judge."""
        for value in (
            b"",
            b" 7",
            b"7 ",
            b"+7",
            b"-7",
            b"7,7",
            b"0x7",
            b"1_0",
            b"\xb2",
            b"9" * (MAX_DIGITS + 1),
        ):
            self.assertIsNone(self.known.match(HEAD.replace(b"12", value)), value)

    def test_every_other_byte_counts(self) -> None:
        """One byte that differs, or is missing, makes it another head."""
        number = range(HEAD.index(b"12"), HEAD.index(b"12") + 2)
        for at in range(len(HEAD)):
            self.assertIsNone(self.known.match(HEAD[:at]))
            if at not in number:
                self.assertIsNone(self.known.match(HEAD[:at] + b"#" + HEAD[at + 1 :]), at)

    def test_headers(self) -> None:
        """They are the same objects as before, or say the new length."""
        pairs, fields = self.known.headers(b"12")
        self.assertIs(pairs, PAIRS)
        self.assertIs(fields, FIELDS)
        pairs, fields = self.known.headers(b"7")
        self.assertEqual(pairs, ((b"Host", b"x"), (b"content-LENGTH", b"7"), (b"A", b"b")))
        self.assertEqual(fields, {**FIELDS, b"content-length": b"7"})
        self.assertEqual(FIELDS[b"content-length"], b"12")


class MemoryTests(SynchronousTestCase):
    """Which heads are remembered."""

    def test_second(self) -> None:
        """The first one is not: the connection may never see another."""
        memory = Memory()
        self.assertIsNone(memory.learn(HEAD, PAIRS, FIELDS))
        self.assertIsNotNone(memory.learn(HEAD, PAIRS, FIELDS))

    def test_seldom(self) -> None:
        """Where none is like the one before, only some are tried."""
        memory = Memory()
        for _ in range(EAGER):
            memory.learn(HEAD, PAIRS, FIELDS)
        kept = [memory.learn(HEAD, PAIRS, FIELDS) is not None for _ in range(SELDOM)]
        self.assertEqual(sum(kept), 1)

    def test_seldom_until_it_helps(self) -> None:
        """A backend's heads are the same until the next second, when each is remembered anew."""
        memory = Memory()
        for _ in range(EAGER + 1):
            memory.learn(HEAD, PAIRS, FIELDS)
        self.assertIsNone(memory.learn(HEAD, PAIRS, FIELDS))
        memory.helped()
        self.assertIsNotNone(memory.learn(HEAD, PAIRS, FIELDS))

    def test_too_long(self) -> None:
        """Memory is limited by bytes."""
        for size, kept in ((LONGEST, True), (LONGEST + 1, False)):
            head = HEAD.replace(b"A: b", b"A: " + b"b" * (size - len(HEAD) + 1))
            self.assertEqual(len(head), size)
            self.assertEqual(learned(head) is not None, kept)

    def test_without_length(self) -> None:
        """There is nothing to be left open, and no telling where the body ends."""
        self.assertIsNone(learned(HEAD.replace(b"content-LENGTH", b"content-LENGTh2")))

    def test_odd_lines(self) -> None:
        """A head with more or fewer lines than it has headers could be read in more than one way."""
        self.assertIsNone(learned(HEAD.replace(b"A: b", b"A: b\r\n c")))
        self.assertIsNone(learned(HEAD.replace(b"A: b", b"A: b\n c")))
        self.assertIsNone(learned(HEAD.replace(b"A: b\r\n", b"")))

    def test_cut(self) -> None:
        """Of a head that is not all there nothing is known."""
        self.assertIsNone(learned(HEAD[:-1]))
        self.assertIsNone(learned(HEAD + b"x"))
