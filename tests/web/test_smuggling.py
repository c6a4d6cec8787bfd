"""Request smuggling: every known trick, through the whole gateway, to a backend that counts the bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.corpus import chunks, framing, lines
from tests.fuzz.corpus.pieces import PROBE, PROBE_BODY, SMUGGLED_BODY, Case
from tests.fuzz.gateway import GatewayRig, Outcome
from tests.fuzz.watching import bytewise, cut

ALL = [*framing.CASES, *chunks.CASES, *lines.CASES]
SHORT = [case for case in ALL if len(case.data) < 3000]
"""Those for which every byte may be a read of its own."""


def whole(data: bytes) -> Sequence[bytes]:
    """All in one read."""
    return [data]


def faults_of(case: Case, outcome: Outcome) -> list[str]:
    """In what the outcome differs from what it must be."""
    faults = list(outcome.faults)
    if outcome.statuses != case.statuses:
        faults.append(f"answered {outcome.statuses}, not {case.statuses}")
    if outcome.bodies != case.forwarded:
        faults.append(f"forwarded {outcome.bodies}, not {case.forwarded}")
    if outcome.closed is not case.closes:
        faults.append("left open" if case.closes else "closed")
    if outcome.unfinished:
        faults.append(f"half a request was forwarded: {outcome.unfinished}")
    for name, value in case.fields:
        found = outcome.forwarded[0].values(name) if outcome.forwarded else []
        if found != ([] if value is None else [value]):
            faults.append(f"{name!r} is {found}, not {value!r}")
    return faults


def answered_early(case: Case, outcome: Outcome) -> bool:
    """Whether the answer came before the body, and the connection was closed because of it."""
    return case.early and outcome.statuses == case.statuses[:1] and outcome.closed and not outcome.forwarded


class SmugglingTests(SynchronousTestCase):
    """Each case, and behind it a request of somebody else on the same connection."""

    def setUp(self) -> None:
        self.rig = GatewayRig()
        self.addCleanup(lambda: self.assertEqual(self.rig.close(), []))

    def assert_outcomes(
        self,
        cases: Sequence[Case],
        pieces: Callable[[bytes], Sequence[bytes]] = whole,
        *,
        early: bool = False,
    ) -> None:
        """Play all, so that one run shows all that is wrong."""
        wrong = {}
        for case in cases:
            outcome = self.rig.send(pieces(case.data + PROBE))
            faults = faults_of(case, outcome)
            if faults and not (early and not outcome.faults and answered_early(case, outcome)):
                wrong[case.name] = faults
        self.assertEqual(wrong, {})

    def test_framing(self) -> None:
        """Content-Length and Transfer-Encoding, in every disguise, alone and together."""
        self.assert_outcomes(framing.REFUSED)

    def test_valid_framing(self) -> None:
        self.assert_outcomes(framing.VALID)

    def test_bodies(self) -> None:
        """CL.0, 0.CL, and bodies where none is wanted: they are not the next request."""
        self.assert_outcomes(framing.BODIES)

    def test_chunks(self) -> None:
        """Sizes, line ends, extensions and trailers that somebody could read in another way."""
        self.assert_outcomes(chunks.REFUSED + chunks.TOO_LARGE)

    def test_valid_chunks(self) -> None:
        self.assert_outcomes(chunks.VALID)

    def test_lines(self) -> None:
        """Request lines, targets, hosts and fields; CR, LF, NUL and blanks in every place."""
        self.assert_outcomes(lines.REFUSED)

    def test_valid_lines(self) -> None:
        self.assert_outcomes(lines.VALID)

    def test_hop_by_hop(self) -> None:
        """What concerns one connection stays on it, whatever ``Connection`` names."""
        self.assert_outcomes(lines.HOP_BY_HOP)

    def test_every_byte_by_itself(self) -> None:
        """What is refused or forwarded does not depend on packets."""
        self.assert_outcomes(SHORT, bytewise, early=True)

    def test_cut_anywhere(self) -> None:
        """Nor on where one of them ends: some cases, and every place in them."""
        for case in SHORT[::60]:
            for place in range(1, len(case.data) + 1):
                self.assert_outcomes([case], partial(cut, places=[place]), early=True)

    def test_behind_a_good_request(self) -> None:
        """What came before is answered, and does not make a bad request better."""
        wrong = {}
        for case in ALL:
            if case.closes and not case.forwarded and len(case.statuses) == 1:
                outcome = self.rig.send([PROBE + case.data + PROBE])
                if (outcome.statuses, outcome.bodies) != ((200, *case.statuses), (PROBE_BODY,)):
                    wrong[case.name] = (outcome.statuses, outcome.bodies)
                self.assertEqual(outcome.faults, [], case.name)
        self.assertEqual(wrong, {})

    def test_corpus(self) -> None:
        """The cases are many, each has its name, and those that are forwarded carry nobody else's request."""
        self.assertEqual(len({case.name for case in ALL}), len(ALL))
        carriers = [case for case in ALL if SMUGGLED_BODY in case.forwarded]
        self.assertEqual(len(carriers), 1)
