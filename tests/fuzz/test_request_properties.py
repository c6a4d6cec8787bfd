"""Random requests against the client side: valid ones arrive as they are, spoilt ones are judged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.fuzz.channel import ChannelRig, judge_valid, try_requests
from tests.fuzz.corpus import chunks, framing, lines
from tests.fuzz.examples import examples
from tests.fuzz.reference import read_requests
from tests.fuzz.strategies import conversations, in_pieces, spoiled

SEEDS = sorted(case.data for case in (*framing.CASES, *chunks.CASES, *lines.CASES) if len(case.data) < 1000)


class RequestTests(SynchronousTestCase):
    """Against resources that wait for bodies, and resources that take them as they come."""

    def setUp(self) -> None:
        self.rigs = [ChannelRig(taking=False), ChannelRig(taking=True)]
        for rig in self.rigs:
            self.addCleanup(self.close, rig)

    def close(self, rig: ChannelRig) -> None:
        self.assertEqual(rig.close(), [])

    @examples(100)
    @given(st.data(), conversations())
    def test_valid(self, data: st.DataObject, made: tuple[bytes, list[object]]) -> None:
        """Every request arrives once, in order, to the byte; and the connection ends when it should."""
        wire, messages = made
        reading = read_requests(wire)
        self.assertEqual(reading.messages, messages)
        pieces = data.draw(in_pieces(wire))
        for rig in self.rigs:
            self.assertEqual(judge_valid(reading, rig.send(pieces)), [], pieces)

    @examples(150)
    @given(st.data(), conversations())
    def test_spoilt(self, data: st.DataObject, made: tuple[bytes, list[object]]) -> None:
        """What is accepted is valid, and is what the reference reads; however it was cut."""
        wire = data.draw(spoiled(made[0]))
        self.assertEqual(try_requests(wire, data.draw(in_pieces(wire)), self.rigs), [], wire)

    @examples(150)
    @given(st.data(), st.sampled_from(SEEDS))
    def test_spoilt_tricks(self, data: st.DataObject, seed: bytes) -> None:
        """The same, beginning with known tricks."""
        wire = data.draw(spoiled(seed))
        self.assertEqual(try_requests(wire, data.draw(in_pieces(wire)), self.rigs), [], wire)
