"""Tests for `jairouter.web.channel`: ``Expect: 100-continue``."""

from __future__ import annotations

from jairouter.errors import MethodNotAllowed
from jairouter.web.errors import write_error
from tests.filters.inner import Sink
from tests.web.serving import GET, Echo, Later, Taker, answers, post
from tests.web.test_channel import CONTINUE, Case


class ExpectTests(Case):
    """``Expect: 100-continue``."""

    REQUEST = post(b"body", b"/", b"Expect: 100-continue")

    def test_told_to_go_on(self) -> None:
        """When somebody wants the body."""
        client = self.serving(Echo()).ask(self.REQUEST[:-4])
        self.assertEqual(bytes(client.received), CONTINUE)

    def test_then_answered(self) -> None:
        client = self.serving(Echo()).ask(self.REQUEST[:-4], self.REQUEST[-4:])
        self.assertEqual(answers(client.received[len(CONTINUE) :])[0].body, b"POST / body")
        self.assert_open(client)

    def test_not_before_it_is_wanted(self) -> None:
        """A resource that takes uploads may look at the head first."""
        root = Taker()
        client = self.serving(root).ask(self.REQUEST[:-4])
        self.assertEqual(bytes(client.received), b"")

    def test_not_in_an_answer(self) -> None:
        """Once an answer has begun, an interim one would be taken for a part of it."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(self.REQUEST[:-4])
        root.requests[0].write(b"begun")
        root.requests[0].upload.start(Sink())
        serving.run()
        self.assertNotIn(CONTINUE, client.received)

    def test_refusal(self) -> None:
        """The body is never asked for, and since it could come all the same, the connection ends."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(self.REQUEST[:-4])
        write_error(root.requests[0], MethodNotAllowed("no"))
        serving.run()
        [answer] = answers(client.received)
        self.assertEqual((answer.status, answer.headers["connection"]), (405, "close"))

    def test_body_came_without_waiting(self) -> None:
        """Nothing to wait for, nothing is said."""
        client = self.serving(Echo()).ask(self.REQUEST)
        self.assertNotIn(CONTINUE, client.received)

    def test_waits_for_its_turn(self) -> None:
        """Not in the middle of the answer before."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET + self.REQUEST[:-4])
        self.assertEqual(bytes(client.received), b"")
        root.answer(b"first")
        serving.run()
        self.assertTrue(client.received.endswith(b"first" + CONTINUE))
