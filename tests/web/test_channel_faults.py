"""Tests for `jairouter.web.channel`: requests that are no requests, and clients that leave."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from jairouter.errors import GatewayError, RouteNotFound
from jairouter.web.errors import write_error
from jairouter.web.site import ConnectionLimits
from tests.fakes import Client
from tests.web.serving import GET, Echo, Later, Serving, Taker, answers, chunked, post
from tests.web.test_request_parser import NOT_HTTP

FAULTY_HEADS = {
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "HTTP/2.0 in an HTTP/1 head": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "a star for another method": b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    "a fragment": b"GET /a?b#c HTTP/1.1\r\nHost: x\r\n\r\n",
    "another scheme": b"GET ftp://x/y HTTP/1.1\r\nHost: x\r\n\r\n",
    "a coding that is not ours": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    "two Content-Types": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\ncontent-type: c/d\r\n\r\n",
    "two Content-Encodings": b"GET / HTTP/1.1\r\nHost: x\r\n"
    + b"Content-Encoding: identity\r\n" * 2
    + b"\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


class Case(SynchronousTestCase):
    """Closes what it opened and leaves no timers."""

    def serving(self, root: Resource, limits: ConnectionLimits | None = None) -> Serving:
        serving = Serving(root, limits)
        self.addCleanup(lambda: self.assertEqual(serving.close(), []))
        return serving

    def assert_refused(self, client: Client, status: int, name: str = "") -> None:
        """The last answer is a refusal in OpenAI's shape, and the connection ends with it."""
        answer = answers(client.received)[-1]
        self.assertEqual((answer.status, answer.headers["connection"]), (status, "close"), name)
        self.assertEqual(answer.headers["content-type"], "application/json", name)
        error = json.loads(answer.body)["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"}, name)
        self.assertIsNotNone(client.closed, name)


class MalformedTests(Case):
    """What is not HTTP/1.1 is refused, and reaches no resource."""

    def test_refused(self) -> None:
        for name, data in {**NOT_HTTP, **FAULTY_HEADS}.items():
            root = Echo()
            self.assert_refused(self.serving(root).ask(data), 400, name)
            self.assertEqual(root.seen, [], name)

    def test_faulty_framing_reaches_nobody(self) -> None:
        """Not even a resource that would look at the head only."""
        framing = {name: data for name, data in NOT_HTTP.items() if "coding" in name or "length" in name}
        for name, data in framing.items():
            root = Taker()
            self.assert_refused(self.serving(root).ask(data), 400, name)
            self.assertEqual(root.requests, [], name)

    def test_version_of_the_refusal(self) -> None:
        """One that is spoken here, whatever was asked in."""
        head = b"POST / HTTP/%b\r\nHost: x\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n"
        for asked, spoken in ((b"2.0", b"1.1"), (b"0.9", b"1.1"), (b"1.1", b"1.1"), (b"1.0", b"1.0")):
            client = self.serving(Echo()).ask(head % asked)
            self.assertTrue(client.received.startswith(b"HTTP/%b 400 " % spoken), client.received)

    def test_too_large(self) -> None:
        head = b"GET / HTTP/1.1\r\nHost: x\r\n"
        cases = (
            (414, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
            (431, head + b"A: " + b"b" * 40_000 + b"\r\n\r\n"),
            (431, head + b"A: b\r\n" * 101 + b"\r\n"),
        )
        for status, data in cases:
            root = Echo()
            self.assert_refused(self.serving(root).ask(data), status)
            self.assertEqual(root.seen, [])

    def test_counted(self) -> None:
        """Under labels that no client can choose."""
        serving = self.serving(Echo())
        serving.ask(b"\x00/evil\r\n\r\n")
        self.assertEqual(serving.counted, [("UNKNOWN", "UNKNOWN", 400)])

    def test_behind_a_good_request(self) -> None:
        """The good one is answered first."""
        client = self.serving(Echo()).ask(GET + NOT_HTTP["garbage"])
        self.assertEqual([answer.status for answer in answers(client.received)], [200, 400])
        self.assert_refused(client, 400)

    def test_behind_a_slow_good_request(self) -> None:
        """However long that takes."""
        root = Later()
        serving = self.serving(root)
        for data in (GET + NOT_HTTP["garbage"], GET):
            client = serving.ask(data, NOT_HTTP["garbage"])
            self.assertEqual(bytes(client.received), b"")
            root.answer(b"good")
            serving.run()
            self.assertEqual([answer.status for answer in answers(client.received)], [200, 400])
            self.assert_refused(client, 400)

    def test_what_follows_is_dropped(self) -> None:
        """Bytes behind a fault are not kept, whatever is still answered before it."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET + NOT_HTTP["garbage"], b"x" * 1_000_000)
        self.assertEqual(serving.unread(client), 0)
        root.answer(b"good")
        serving.run()
        self.assert_refused(client, 400)


class BrokenBodyTests(Case):
    """A fault in the body of a request that is being answered."""

    BROKEN = chunked(b"abc")[:-5] + b"nonsense\r\n"

    def test_who_reads_it_is_told(self) -> None:
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(self.BROKEN[:-10])
        told: list[GatewayError] = []

        class Sink:
            def chunk(self, data: bytes) -> None:
                pass

            def end(self) -> None:
                raise AssertionError("it is not complete")

            def broke(self, error: GatewayError) -> None:
                told.append(error)

        root.requests[0].upload.start(Sink())
        client.send(self.BROKEN[-10:])
        serving.run()
        self.assertEqual([error.status for error in told], [400])

    def test_ordinary_resource(self) -> None:
        """It is never rendered."""
        root = Echo()
        for pieces in ([self.BROKEN], [self.BROKEN[:-10], self.BROKEN[-10:]]):
            self.assert_refused(self.serving(root).ask(*pieces), 400)
        self.assertEqual(root.seen, [])

    def test_of_a_request_that_waits(self) -> None:
        """The one before is answered, then this one is refused without having reached its resource."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(GET + self.BROKEN)
        root.answer(b"good")
        serving.run()
        self.assertEqual([answer.status for answer in answers(client.received)], [200, 400])
        self.assertEqual(root.requests, [])

    def test_answer_under_way(self) -> None:
        """An answer that has begun is not disturbed; the connection ends after it."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(self.BROKEN[:-10])
        root.requests[0].write(b"begun")
        client.send(self.BROKEN[-10:])
        serving.run()
        root.requests.pop().finish()
        serving.run()
        [answer] = answers(client.received)
        self.assertEqual((answer.status, answer.body, answer.complete), (200, b"begun", True))
        self.assertIsNotNone(client.closed)


class LeavingTests(Case):
    """A client that leaves is noticed at once, and nothing stays behind."""

    def leave(self, serving: Serving, client: Client) -> None:
        client.leave()
        serving.run()
        self.assertEqual(serving.site.channels, {})

    def test_before_a_request(self) -> None:
        serving = self.serving(Echo())
        self.leave(serving, serving.ask())

    def test_in_a_head(self) -> None:
        serving = self.serving(Echo())
        self.leave(serving, serving.ask(GET[:10]))

    def test_in_a_body(self) -> None:
        """The resource, which waits for the whole of it, is never rendered."""
        root = Echo()
        serving = self.serving(root)
        self.leave(serving, serving.ask(post(b"body")[:-1]))
        self.assertEqual(root.seen, [])

    def test_before_its_answer(self) -> None:
        root = Later()
        serving = self.serving(root)
        self.leave(serving, serving.ask(GET))
        self.assertEqual(root.gone, root.requests)

    def test_in_its_answer(self) -> None:
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET)
        root.requests[0].write(b"begun")
        self.leave(serving, client)
        self.assertEqual(root.gone, root.requests)

    def test_with_requests_waiting(self) -> None:
        """They never reach their resource."""
        root = Later()
        serving = self.serving(root)
        self.leave(serving, serving.ask(GET * 3))
        self.assertEqual(len(root.requests), 1)

    def test_after_a_body_that_nobody_kept_up_with(self) -> None:
        """Reading was paused; it goes on with the last byte, so that leaving is noticed."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(post(b"x" * 70_000)[:60_000], post(b"x" * 70_000)[60_000:])
        self.leave(serving, client)
        self.assertEqual(root.gone, root.requests)


class EarlyAnswerTests(Case):
    """An answer that comes before the request is complete."""

    def refuse(self, root: Taker, serving: Serving) -> None:
        write_error(root.requests.pop(), RouteNotFound("no"))
        serving.run()

    def test_client_still_sending(self) -> None:
        """The client can read why although it sends a megabyte before it looks."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(post(b"x" * 1_000_000)[:200_000])
        self.assertGreater(serving.unread(client), 0)  # nobody takes it
        wire: Any = client.transport
        wire.pauseProducing()
        self.refuse(root, serving)
        for _ in range(80):
            client.send(b"x" * 10_000)
            serving.run()
        self.assertEqual(serving.unread(client), 0)
        wire.resumeProducing()
        serving.run()
        [answer] = answers(client.received)
        self.assertEqual((answer.status, answer.headers["connection"]), (404, "close"))

    def test_ends_with_the_client(self) -> None:
        """When the client has read it and closes, so do we."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(post(b"body")[:-1])
        self.refuse(root, serving)
        wire: Any = client.transport
        wire.loseConnection()
        serving.run()
        self.assertEqual(serving.site.channels, {})

    def test_does_not_wait_for_ever(self) -> None:
        """A client that goes on and on is cut off."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(post(b"x" * 1_000_000)[:1000])
        wire: Any = client.transport
        wire.pauseProducing()
        self.refuse(root, serving)
        serving.run(4)
        self.assertEqual(len(serving.site.channels), 1)
        serving.run(60)
        self.assertEqual(serving.site.channels, {})

    def test_complete_after_all(self) -> None:
        """The last bytes came while it was answered: the connection is announced to close, and does."""
        root = Taker()
        serving = self.serving(root)
        client = serving.ask(post(b"body")[:-1])
        root.requests[0].write(b"")
        client.send(b"y")
        serving.run()
        root.requests.pop().finish()
        serving.run()
        self.assertIn(b"Connection: close", client.received)
        self.assertIsNotNone(client.closed)
