"""Tests for `jairouter.web.channel`: how long a client may take, and how a connection ends."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from jairouter.web.site import ConnectionLimits
from tests.fakes import Client
from tests.filters.inner import Sink
from tests.web.serving import GET, Echo, Later, Serving, Taker, answers, post

LIMITS = ConnectionLimits(max_connections=3, header_timeout=10, body_timeout=30, keep_alive_timeout=75)


class Case(SynchronousTestCase):
    """Closes what it opened and leaves no timers."""

    def serving(self, root: Resource) -> Serving:
        serving = Serving(root, LIMITS)
        self.addCleanup(lambda: self.assertEqual(serving.close(), []))
        return serving

    def assert_open_until(self, serving: Serving, client: Client, seconds: float) -> None:
        """The connection is closed `seconds` from now, and not before."""
        serving.run(seconds - 0.5)
        self.assertIsNone(client.closed)
        serving.run(1)
        self.assertIsNotNone(client.closed)


class TimeTests(Case):
    """What a client owes it must bring in time."""

    def test_no_request(self) -> None:
        """A connection on which nothing comes is closed without a word."""
        serving = self.serving(Echo())
        client = serving.ask()
        self.assert_open_until(serving, client, 10)
        self.assertEqual(bytes(client.received), b"")

    def test_empty_lines_are_no_request(self) -> None:
        serving = self.serving(Echo())
        client = serving.ask(b"\r\n")
        serving.run(6)
        client.send(b"\r\n")
        self.assert_open_until(serving, client, 4)

    def test_slow_head(self) -> None:
        """However busily it drips."""
        serving = self.serving(Echo())
        client = serving.ask(GET[:1])
        for at in range(1, 10):
            serving.run(1)
            client.send(GET[at : at + 1])
        self.assert_open_until(serving, client, 1)
        self.assertEqual([answer.status for answer in answers(client.received)], [408])

    def test_slow_second_head(self) -> None:
        """Also on a connection that is kept alive, where the first head came in pieces."""
        serving = self.serving(Echo())
        client = serving.ask(GET[:10], GET[10:])
        serving.run(20)
        client.send(GET[:10])
        serving.run()
        self.assert_open_until(serving, client, 10)
        self.assertEqual([answer.status for answer in answers(client.received)], [200, 408])

    def test_head_in_time(self) -> None:
        serving = self.serving(Echo())
        client = serving.ask(GET[:10])
        serving.run(9)
        client.send(GET[10:])
        serving.run(20)
        self.assertEqual([answer.status for answer in answers(client.received)], [200])

    def test_idle(self) -> None:
        """Between requests it may take longer, counted from the last answer."""
        serving = self.serving(Echo())
        client = serving.ask(GET)
        serving.run(70)
        client.send(GET)
        serving.run()
        self.assert_open_until(serving, client, 75)

    def test_idle_after_a_slow_answer(self) -> None:
        """The time of an answer does not count, however long it takes."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET)
        serving.run(200)
        root.answer(b"")
        serving.run()
        self.assert_open_until(serving, client, 75)

    def test_slow_body(self) -> None:
        """A body may take as long as it likes while something comes."""
        serving = self.serving(Echo())
        client = serving.ask(post(b"x" * 10)[:-10])
        for _ in range(5):
            client.send(b"x")
            serving.run(25)
        self.assertIsNone(client.closed)
        serving.run(6)
        self.assertEqual([answer.status for answer in answers(client.received)], [408])
        self.assertIsNotNone(client.closed)

    def test_body_that_is_not_read(self) -> None:
        """A client that is kept waiting is not late; once it is read again it has its time."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(post(b"x" * 200_000)[:-1])
        serving.run(100)
        self.assertIsNone(client.closed)
        root.requests[0].upload.stop()
        serving.run(29)
        client.send(b"x")
        serving.run()
        self.assertTrue(root.requests[0].upload.complete)

    def test_body_that_is_not_asked_for(self) -> None:
        """A client that waits for 100 Continue is not late."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(post(b"body", b"/", b"Expect: 100-continue")[:-4])
        serving.run(100)
        self.assertIsNone(client.closed)
        root.requests[0].upload.start(Sink())
        serving.run(29)
        self.assertFalse(client.closed)
        client.send(b"body")
        serving.run()
        self.assertTrue(root.requests[0].upload.complete)

    def test_body_that_stays_away(self) -> None:
        """Once it is asked for, however late, it has its time and no more."""
        root = Taker()
        serving = self.serving(root)
        serving.ask(post(b"body", b"/", b"Expect: 100-continue")[:-4])
        serving.run(100)
        sink = Sink()
        root.requests[0].upload.start(sink)
        serving.run(29.5)
        self.assertEqual(sink.ends, [])
        serving.run(31)
        self.assertEqual([error.status for error in sink.ends], [408])

    def test_client_that_does_not_read_its_last_answer(self) -> None:
        """It is not waited for for ever."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET[:-2] + b"Connection: close\r\n\r\n")
        wire: Any = client.transport
        wire.pauseProducing()
        root.answer(b"x" * 1_000_000)
        serving.run(59)
        self.assertEqual(len(serving.site.channels), 1)
        serving.run(2)
        self.assertEqual(serving.site.channels, {})


class DrainTests(Case):
    """Draining: what is under way is finished, nothing new begins."""

    def test_idle(self) -> None:
        serving = self.serving(Echo())
        clients = [serving.ask(), serving.ask(GET)]
        serving.site.drain()
        serving.run()
        self.assertTrue(all(client.closed for client in clients))

    def test_being_answered(self) -> None:
        """The answer says that the connection ends with it."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET)
        serving.site.drain()
        serving.run(100)
        self.assertIsNone(client.closed)
        root.answer(b"late")
        serving.run()
        [answer] = answers(client.received)
        self.assertEqual((answer.body, answer.headers["connection"]), (b"late", "close"))
        self.assertIsNotNone(client.closed)

    def test_in_an_answer(self) -> None:
        """Whose head said nothing of it: the connection ends all the same."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET)
        root.requests[0].write(b"begun")
        serving.site.drain()
        root.requests.pop().finish()
        serving.run()
        self.assertTrue(answers(client.received)[0].complete)
        self.assertIsNotNone(client.closed)

    def test_being_sent(self) -> None:
        """A request of which a part has come is still answered."""
        serving = self.serving(Echo())
        clients = [serving.ask(GET[:10]), serving.ask(post(b"body")[:-4])]
        serving.site.drain()
        serving.run()
        clients[0].send(GET[10:])
        clients[1].send(b"body")
        serving.run()
        for client in clients:
            [answer] = answers(client.received)
            self.assertEqual((answer.status, answer.headers["connection"]), (200, "close"))
            self.assertIsNotNone(client.closed)

    def test_requests_waiting(self) -> None:
        """What waits behind the answer under way is not begun: the client sees that it was not answered."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET * 2)
        serving.site.drain()
        root.answer(b"first")
        serving.run()
        self.assertEqual(len(answers(client.received)), 1)
        self.assertEqual(root.requests, [])
        self.assertIsNotNone(client.closed)

    def test_closed(self) -> None:
        """It is known when the last connection is closed."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET)
        closed = serving.site.closed()
        serving.site.drain()
        self.assertNoResult(closed)
        root.answer(b"")
        serving.run()
        self.assertIsNotNone(client.closed)
        self.successResultOf(closed)

    def test_closed_at_once(self) -> None:
        self.successResultOf(self.serving(Echo()).site.closed())


class ConnectionTests(Case):
    """How many."""

    def test_more_than_the_limit(self) -> None:
        """While all are busy the next ones are closed as they come; when one leaves there is room again."""
        root = Later()
        serving = self.serving(root)
        clients = [serving.ask(GET) for _ in range(4)]
        self.assertIsNotNone(clients[3].closed)
        self.assertEqual(len(root.requests), 3)
        clients[0].leave()
        serving.run()
        serving.ask(GET)
        self.assertEqual(len(root.requests), 4)
