"""How many requests one connection may bring."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.site import ConnectionLimits
from tests.web.serving import GET, Echo, Later, Received, Serving, answers, post


class MaxRequestsTests(SynchronousTestCase):
    """Three of them."""

    def setUp(self) -> None:
        self.root = Echo()
        self.serving = Serving(self.root, ConnectionLimits(max_requests=3))
        self.client = self.serving.client()
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))

    def ask(self, request: bytes = GET) -> list[Received]:
        """One more request. Returns all answers so far."""
        self.client.send(request)
        self.serving.run()
        return answers(self.client.received)

    def test_before_the_last(self) -> None:
        self.ask()
        for answer in self.ask():
            self.assertNotIn("connection", answer.headers)
        self.assertIsNone(self.client.closed)

    def test_the_last(self) -> None:
        """Its answer says so, and is complete."""
        for _ in range(3):
            found = self.ask()
        self.assertEqual(found[-1].headers["connection"], "close")
        self.assertEqual((len(found), found[-1].body), (3, b"GET / "))
        assert self.client.closed is not None
        self.client.closed.trap(ConnectionDone)

    def test_the_last_with_a_body(self) -> None:
        self.ask()
        self.ask()
        self.assertEqual(self.ask(post(b"body"))[-1].body, b"POST / body")
        self.assertIsNotNone(self.client.closed)

    def test_more_than_the_last_at_once(self) -> None:
        """They are not answered; that they were sent must not cost the client the last answer."""
        self.client.send(GET * 10)
        found = self.ask(GET * 10)
        self.assertEqual([answer.headers.get("connection") for answer in found], [None, None, "close"])
        self.assertEqual(len(self.root.seen), 3)
        assert self.client.closed is not None
        self.client.closed.trap(ConnectionDone)  # no reset, which would have overtaken the answers

    def test_each_connection_by_itself(self) -> None:
        self.ask()
        self.ask()
        other = self.serving.ask(GET)
        self.assertNotIn("connection", answers(other.received)[0].headers)


class OnlyOneTests(SynchronousTestCase):
    """No connection is used twice."""

    def test_answered_later(self) -> None:
        root = Later()
        serving = Serving(root, ConnectionLimits(max_requests=1))
        client = serving.ask(GET)
        root.answer(b"late")
        serving.run()
        [answer] = answers(client.received)
        self.assertEqual((answer.body, answer.headers["connection"]), (b"late", "close"))
        self.assertIsNotNone(client.closed)
        self.assertEqual(serving.close(), [])
