"""Random answers against the backend side: valid ones arrive as they are, spoilt ones are judged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.backend import BackendRig, judge_valid, try_answer
from tests.fuzz.corpus.answers import CASES
from tests.fuzz.examples import examples
from tests.fuzz.reference import Message, read_answer
from tests.fuzz.strategies import answers, in_pieces, spoiled

SEEDS = sorted(case.data for case in CASES if len(case.data) < 1000)


class AnswerTests(SynchronousTestCase):
    """Through the whole gateway, to one client, and another client after it."""

    def setUp(self) -> None:
        self.rig = BackendRig()
        self.addCleanup(lambda: self.assertEqual(self.rig.close(), []))

    @examples(75)
    @given(st.data(), answers())
    def test_valid(self, data: st.DataObject, made: tuple[bytes, Message]) -> None:
        """It reaches the client, and the connection is used again exactly when it may be."""
        wire, message = made
        reading = read_answer(wire, closed=True)
        self.assertEqual(reading.messages, [message])
        outcome = self.rig.answer(data.draw(in_pieces(wire)), hangs_up=not message.keeps)
        self.assertEqual(judge_valid(reading, outcome), [], wire)

    @examples(75)
    @given(st.data(), answers())
    def test_spoilt(self, data: st.DataObject, made: tuple[bytes, Message]) -> None:
        """What the client gets is valid and what the reference reads; the next client gets his own."""
        wire = data.draw(spoiled(made[0]))
        self.assertEqual(try_answer(wire, data.draw(in_pieces(wire)), self.rig), [], wire)

    @examples(75)
    @given(st.data(), st.sampled_from(SEEDS))
    def test_spoilt_tricks(self, data: st.DataObject, seed: bytes) -> None:
        """The same, beginning with known tricks."""
        wire = data.draw(spoiled(seed))
        self.assertEqual(try_answer(wire, data.draw(in_pieces(wire)), self.rig), [], wire)
