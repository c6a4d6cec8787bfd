"""Tests for `jairouter.telemetry.audit.chain` and `jairouter.telemetry.audit.reconciling`."""

from __future__ import annotations

import hmac
from hashlib import sha256

from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.audit.chain import KEYED, START, Chain, Link, Seal, holds_without_key, seal_of
from jairouter.telemetry.audit.reconciling import reconciled
from jairouter.telemetry.audit.tail import Tail
from tests.telemetry.audit.recording import KEY


def sealed(number: int, chain: Chain | None = None) -> list[Seal]:
    """The seals of so many lines."""
    link, found = Link(), []
    for each in range(number):
        line, link = (chain or Chain()).sealed(f'{{"n":{each}', link, json=True)
        seal = seal_of(line[:-1])
        assert seal is not None
        found.append(seal)
    return found


class ChainTests(SynchronousTestCase):
    """How lines are bound together."""

    def test_a_line_covers_the_line_before(self) -> None:
        first, second = sealed(2)
        self.assertEqual((first.seq, first.prev), (1, START))
        self.assertEqual((second.seq, second.prev), (2, first.digest))

    def test_the_digest_can_be_made_with_other_tools(self) -> None:
        """All up to ``,"hash":`` is covered, as docs/audit.md says."""
        line, link = Chain().sealed('{"n":0', Link(), json=True)
        covered = line[: line.index(b',"hash":')]
        self.assertEqual(link.digest, sha256(covered).hexdigest())
        keyed, link = Chain(KEY).sealed('{"n":0', Link(), json=True)
        covered = keyed[: keyed.index(b',"hash":')]
        self.assertEqual(link.digest, KEYED + hmac.new(KEY, covered, "sha256").hexdigest())

    def test_another_line_does_not_hold(self) -> None:
        for chain in (Chain(), Chain(KEY)):
            (seal,) = sealed(1, chain)
            self.assertTrue(chain.holds(seal))
            self.assertFalse(chain.holds(seal._replace(body=seal.body.replace(b"0", b"1", 1))))

    def test_a_key_makes_a_difference(self) -> None:
        (keyed,), (plain,) = sealed(1, Chain(KEY)), sealed(1)
        self.assertFalse(Chain().holds(keyed))
        self.assertFalse(Chain(KEY).holds(plain))
        self.assertFalse(Chain(b"x" * 16).holds(keyed))
        self.assertTrue(holds_without_key(plain))
        self.assertFalse(holds_without_key(keyed))

    def test_a_mark_is_not_the_digest_of_any_line(self) -> None:
        chain, link = Chain(KEY), Link(1, "x")
        self.assertNotEqual(KEYED + chain.mark(link), chain.digest(b'{"seq":1}'))
        self.assertNotEqual(chain.mark(link), chain.mark(Link(2, "x")))
        self.assertEqual(Chain().mark(link), "")


class ReconcilingTests(SynchronousTestCase):
    """Where a chain goes on after a start."""

    def going_on(self, tail: list[Seal], head: Link | None, strange: int = 0) -> tuple[Link, list[str]]:
        link, wrong = reconciled(Tail(tuple(tail), strange), head, "there is none", Chain())
        return link, [each[0] for each in wrong]

    def test_the_first_start(self) -> None:
        self.assertEqual(self.going_on([], None), (Link(), []))

    def test_a_clean_stop(self) -> None:
        seals = sealed(3)
        self.assertEqual(self.going_on(seals, seals[-1].link), (seals[-1].link, []))

    def test_a_crash_before_the_end_was_noted(self) -> None:
        seals = sealed(3)
        self.assertEqual(self.going_on(seals, seals[0].link), (seals[-1].link, []))

    def test_lines_are_missing_at_the_end(self) -> None:
        """The chain goes on behind what is missing, so that the gap stays."""
        seals = sealed(3)
        head = seals[-1].link
        self.assertEqual(self.going_on(seals[:1], head), (head, ["AUDIT_TRUNCATED"]))
        self.assertEqual(self.going_on([], head), (head, ["AUDIT_TRUNCATED"]))

    def test_the_last_line_is_another_one(self) -> None:
        seals = sealed(2)
        link, wrong = self.going_on(seals, Link(2, "f" * 64))
        self.assertEqual((link, wrong), (seals[-1].link, ["AUDIT_FILE_CHANGED"]))

    def test_a_line_does_not_hold(self) -> None:
        seals = sealed(2)
        seals[0] = seals[0]._replace(body=b"other")
        self.assertEqual(self.going_on(seals, seals[-1].link)[1], ["AUDIT_FILE_CHANGED"])

    def test_lines_that_are_none(self) -> None:
        seals = sealed(1)
        self.assertEqual(self.going_on(seals, seals[-1].link, 1)[1], ["AUDIT_FILE_CHANGED"])
        self.assertEqual(self.going_on([], None, 1), (Link(), ["AUDIT_HEAD_MISSING"]))

    def test_the_note_is_missing(self) -> None:
        seals = sealed(2)
        self.assertEqual(self.going_on(seals, None), (seals[-1].link, ["AUDIT_HEAD_MISSING"]))

    def test_a_key_that_is_new(self) -> None:
        """Lines from before there was a key are no reason to say anything."""
        seals = sealed(2)
        link, wrong = reconciled(Tail(tuple(seals), 0), seals[-1].link, "", Chain(KEY))
        self.assertEqual((link, wrong), (seals[-1].link, []))
