"""Response smuggling: what a backend sends reaches the client who asked, or nobody; never the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.backend import Answering, BackendRig
from tests.fuzz.corpus import answers
from tests.fuzz.corpus.answers import CASES, LENGTH, POISON, Answered, answer
from tests.fuzz.watching import bytewise, cut

SHORT = [case for case in CASES if len(case.data) < 3000]
"""Those for which every byte may be a read of its own."""

BROKEN = (0, 502)
"""Told so, or broken off: which of them depends on whether some of the body had come."""


def whole(data: bytes) -> Sequence[bytes]:
    """All in one read."""
    return [data]


def faults_of(case: Answered, outcome: Answering, *, cut_up: bool = False) -> list[str]:
    """In what the outcome differs from what it must be.

    Args:
        case: What was sent.
        outcome: What came of it.
        cut_up: It came in pieces, so what is wrong at its end may come too late for a status of its own.
    """
    faults = list(outcome.faults)
    if outcome.status != case.status and not (cut_up and {outcome.status, case.status} <= set(BROKEN)):
        faults.append(f"the client got {outcome.status}, not {case.status}")
    elif outcome.answer is not None and case.status not in BROKEN and outcome.answer.body != case.body:
        faults.append(f"the client got {outcome.answer.body!r}, not {case.body!r}")
    if case.reused is not None and outcome.reused is not case.reused:
        faults.append("used again" if outcome.reused else "not used again")
    return faults


class SmugglingTests(SynchronousTestCase):
    """Each case, and after it the request of another client, who must get his own answer to the byte."""

    def setUp(self) -> None:
        self.rig = BackendRig()
        self.addCleanup(lambda: self.assertEqual(self.rig.close(), []))

    def assert_outcomes(
        self,
        cases: Sequence[Answered],
        pieces: Callable[[bytes], Sequence[bytes]] = whole,
        *,
        cut_up: bool = False,
    ) -> None:
        """Play all, so that one run shows all that is wrong."""
        wrong = {}
        for case in cases:
            outcome = self.rig.answer(pieces(case.data), hangs_up=case.hangs_up)
            faults = faults_of(case, outcome, cut_up=cut_up)
            if faults:
                wrong[case.name] = faults
        self.assertEqual(wrong, {})

    def test_refused(self) -> None:
        """Status lines, fields and framing that are none, or two: the client is told 502."""
        self.assert_outcomes(answers.REFUSED)

    def test_broken_off(self) -> None:
        """Bodies that end before their end, and chunks that are none."""
        self.assert_outcomes(answers.BROKEN_OFF)

    def test_good(self) -> None:
        """What is valid is passed on, and the connection is kept only where nothing can follow on it."""
        self.assert_outcomes(answers.GOOD)

    def test_every_byte_by_itself(self) -> None:
        self.assert_outcomes(SHORT, bytewise, cut_up=True)

    def test_cut_anywhere(self) -> None:
        """Some cases, and every place in them; above all where one head ends and another begins."""
        behind_another = [case for case in SHORT if "100 first" in case.name or "behind 100" in case.name]
        self.assertGreater(len(behind_another), 2)
        for case in (*SHORT[::80], *behind_another):
            for place in range(1, len(case.data)):
                self.assert_outcomes([case], partial(cut, places=[place]), cut_up=True)

    def test_answer_to_nobody(self) -> None:
        """What comes while nothing was asked closes the connection, however it looks."""
        for data in (
            POISON,
            b"H",
            b"\r\n",
            b"\0",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 408 Late\r\n\r\n",
        ):
            outcome = self.rig.answer([answer(LENGTH), data])
            self.assertEqual((outcome.status, outcome.reused, outcome.faults), (200, False, []), data)

    def test_corpus(self) -> None:
        """The cases are many, and each has its name."""
        self.assertEqual(len({(case.name, case.status) for case in CASES}), len(CASES))
