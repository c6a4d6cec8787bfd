"""Heads that are known are forgotten while an answer takes its time: a stream is to cost little memory."""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase

from jairouter.known_head import KnownHead
from tests.world import World, post


class ForgottenHeadTests(SynchronousTestCase):
    """On a connection that has carried requests before, so that its heads are known on both sides."""

    def setUp(self) -> None:
        gc.freeze()  # what there is now need not be looked through
        self.addCleanup(gc.unfreeze)
        self.world = World()
        self.client = self.world.client()
        for _ in range(3):
            self.ask({"model": "m"})
            self.world.backend.last.answer(b"{}")
            self.world.run()

    def ask(self, payload: dict[str, object]) -> None:
        self.client.send(post(payload))
        self.world.run()

    def known(self) -> int:
        return sum(1 for each in gc.get_objects() if isinstance(each, KnownHead))

    def test_plain(self) -> None:
        before = self.known()
        self.assertGreaterEqual(before, 2, "nothing is remembered, so this test shows nothing")
        self.assertEqual(self.world.close(), [])

    def test_stream(self) -> None:
        before = self.known()
        self.ask({"model": "m", "stream": True})
        self.world.backend.last.begin_stream()
        self.world.backend.last.chunk(b'data: {"choices": []}\n\n')
        self.world.run()
        self.assertEqual(before - self.known(), 2)
        self.client.leave()
        self.world.run()
        self.assertEqual(self.world.close(), [])
