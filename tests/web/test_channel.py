"""Tests for `jairouter.web.channel`: requests that are what they should be."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from tests.codec.properties import PROPERTY, split_at
from tests.fakes import Client
from tests.web.serving import GET, Echo, Later, Serving, answers, chunked, post

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: h2c"


class Mixed(Later):
    """Answers at once, except at ``/slow``."""

    def render(self, request: Any) -> Any:
        return super().render(request) if request.path == b"/slow" else b"fast"


class Case(SynchronousTestCase):
    """Closes what it opened and leaves no timers."""

    def serving(self, root: Resource) -> Serving:
        serving = Serving(root)
        self.addCleanup(lambda: self.assertEqual(serving.close(), []))
        return serving

    def assert_open(self, client: Client) -> None:
        self.assertIsNone(client.closed)

    def bodies(self, client: Client) -> list[bytes]:
        return [answer.body for answer in answers(client.received)]


class RequestTests(Case):
    """One request."""

    def test_get(self) -> None:
        client = self.serving(Echo()).ask(b"GET /a%20b?c=d HTTP/1.1\r\nHost: x\r\n\r\n")
        [answer] = answers(client.received)
        self.assertEqual((answer.status, answer.body), (200, b"GET /a%20b "))
        self.assertIn("date", answer.headers)
        self.assert_open(client)

    def test_post(self) -> None:
        self.assertEqual(self.bodies(self.serving(Echo()).ask(post(b"body"))), [b"POST / body"])

    def test_length_of_many_digits(self) -> None:
        """More than Python reads, all of them zeros but the last."""
        request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %b4 \r\n\r\nbody" % (b"0" * 5000)
        self.assertEqual(self.bodies(self.serving(Echo()).ask(request)), [b"POST / body"])

    def test_chunks(self) -> None:
        """Chunks are put together, trailers dropped."""
        client = self.serving(Echo()).ask(chunked(b"a", b"bc", trailer=b"T: x\r\n"), GET)
        self.assertEqual(self.bodies(client), [b"POST / abc", b"GET / "])

    @PROPERTY
    @given(st.lists(st.integers(0), max_size=5))
    def test_any_split(self, cuts: list[int]) -> None:
        """However the bytes arrive, the answers are the same."""
        serving = Serving(Echo())
        client = serving.ask(*split_at(post(b"one") + chunked(b"t", b"wo") + GET, cuts))
        self.assertEqual(self.bodies(client), [b"POST / one", b"POST / two", b"GET / "])
        self.assertEqual(serving.close(), [])

    def test_every_byte_by_itself(self) -> None:
        data = post(b"one") + chunked(b"t", b"wo") + GET
        client = self.serving(Echo()).ask(*(data[at : at + 1] for at in range(len(data))))
        self.assertEqual(self.bodies(client), [b"POST / one", b"POST / two", b"GET / "])

    def test_head(self) -> None:
        """The headers of GET, and no body."""
        client = self.serving(Echo()).ask(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b"Content-Length: 7\r\n", client.received)
        self.assertTrue(client.received.endswith(b"\r\n\r\n"))
        self.assert_open(client)

    def test_options_of_the_server(self) -> None:
        """``OPTIONS *`` asks whether anybody is there."""
        client = self.serving(Echo()).ask(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(answers(client.received)[0].status, 200)

    def test_absolute_form(self) -> None:
        """As proxies write it; the path is what counts."""
        root = Echo()
        serving = self.serving(root)
        for target in (b"http://x/a/b?c", b"HTTP://x/a/b?c", b"https://x:443/a/b?c"):
            serving.ask(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)
        self.assertEqual([path for _, path, _ in root.seen], [b"/a/b"] * 3)

    def test_absolute_form_without_path(self) -> None:
        root = Later()
        serving = self.serving(root)
        for target in (b"http://x", b"http://x?a=/b"):
            serving.ask(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % target)
        self.assertEqual([request.uri for request in root.requests], [b"/", b"/?a=/b"])

    def test_percent_encoding(self) -> None:
        """A path is taken apart before it is decoded, so a slash in a name stays in it."""
        root = Later()
        self.serving(root).ask(b"GET /a%2Fb/%C3%A9?x=%20 HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(root.requests[0].postpath, [b"a/b", b"\xc3\xa9"])
        self.assertEqual(root.requests[0].args, {b"x": [b" "]})

    def test_addresses(self) -> None:
        """A resource learns who asks and where."""
        root = Later()
        serving = self.serving(root)
        serving.ask(GET)
        request = root.requests[0]
        self.assertIsInstance(request.client, IPv4Address)
        self.assertEqual(request.getClientAddress(), request.client)
        self.assertEqual(request.isSecure(), serving.secure)

    def test_upgrade_is_ignored(self) -> None:
        """An offer to change the protocol is answered in HTTP/1.1, with the body intact."""
        for request in (
            post(b"body", b"/", UPGRADE),
            chunked(b"body").replace(b"\r\n", b"\r\n%b\r\n" % UPGRADE, 1),
        ):
            client = self.serving(Echo()).ask(request + GET)
            self.assertEqual(self.bodies(client), [b"POST / body", b"GET / "])

    def test_connect_is_refused(self) -> None:
        """And nothing behind it is taken for a request."""
        root = Echo()
        client = self.serving(root).ask(b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n" + GET)
        [answer] = answers(client.received)
        self.assertEqual((answer.status, answer.headers["connection"]), (405, "close"))
        self.assertIn("GET", answer.headers["allow"])
        self.assertEqual(root.seen, [])
        self.assertIsNotNone(client.closed)


class KeepAliveTests(Case):
    """Whether the connection stays open."""

    def ask(self, version: bytes, *headers: bytes) -> tuple[Any, Client]:
        lines = [b"GET / HTTP/" + version, b"Host: x", *headers]
        client = self.serving(Echo()).ask(b"\r\n".join(lines) + b"\r\n\r\n")
        return answers(client.received)[0], client

    def test_1_1(self) -> None:
        answer, client = self.ask(b"1.1")
        self.assertNotIn("connection", answer.headers)
        self.assert_open(client)

    def test_1_1_close(self) -> None:
        answer, client = self.ask(b"1.1", b"Connection: close")
        self.assertEqual(answer.headers["connection"], "close")
        self.assertIsNotNone(client.closed)

    def test_1_0(self) -> None:
        answer, client = self.ask(b"1.0")
        self.assertEqual(answer.headers["connection"], "close")
        self.assertIsNotNone(client.closed)

    def test_1_0_keep_alive(self) -> None:
        answer, client = self.ask(b"1.0", b"Connection: keep-alive")
        self.assertEqual(answer.headers["connection"], "keep-alive")
        self.assert_open(client)

    def test_1_0_without_length(self) -> None:
        """HTTP/1.0 knows no chunks: the end of the connection is the end of the answer."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        root.requests[0].write(b"some")
        root.requests[0].finish()
        root.requests.clear()
        serving.run()
        self.assertNotIn(b"chunked", client.received)
        self.assertIn(b"Connection: close", client.received)
        self.assertTrue(client.received.endswith(b"some"))
        self.assertIsNotNone(client.closed)

    def test_1_0_gets_no_interim_answer(self) -> None:
        """HTTP/1.0 knows none."""
        request = post(b"body", b"/", b"Expect: 100-continue").replace(b"HTTP/1.1", b"HTTP/1.0")
        client = self.serving(Echo()).ask(request[:-4], request[-4:])
        self.assertNotIn(CONTINUE, client.received)
        self.assertEqual(self.bodies(client), [b"POST / body"])


class PipelineTests(Case):
    """Several requests on one connection without waiting."""

    def test_in_order(self) -> None:
        """One at a time: the second reaches its resource when the first is answered."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(post(b"1", b"/one") + post(b"2", b"/two"))
        self.assertEqual([request.path for request in root.requests], [b"/one"])
        root.answer(b"first")
        self.assertEqual([request.path for request in root.requests], [b"/two"])
        root.answer(b"second")
        serving.run()
        self.assertEqual(self.bodies(client), [b"first", b"second"])

    def test_bodies_stay_apart(self) -> None:
        root = Later()
        serving = self.serving(root)
        serving.ask(post(b"first") + chunked(b"sec", b"ond") + post(b"third"))
        bodies = []
        for _ in range(3):
            bodies.append(root.requests[0].content.read())
            root.answer(b"")
            serving.run()
        self.assertEqual(bodies, [b"first", b"second", b"third"])

    def test_behind_a_slow_answer(self) -> None:
        """Requests that arrive meanwhile, in pieces, wait."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET, post(b"second")[:30], post(b"second")[30:], post(b"third"))
        self.assertEqual(len(root.requests), 1)
        for index in range(3):
            root.answer(b"%d" % index)
            serving.run()
        self.assertEqual(self.bodies(client), [b"0", b"1", b"2"])

    def test_five_hundred(self) -> None:
        """Answered at once, one after the other, in a loop and not in each other."""
        for request in (GET, post(b""), GET[:-2] + UPGRADE + b"\r\n\r\n"):
            client = self.serving(Echo()).ask(request * 500)
            self.assertEqual(len(answers(client.received)), 500)

    def test_five_hundred_behind_a_slow_answer(self) -> None:
        root = Mixed()
        serving = self.serving(root)
        client = serving.ask(GET.replace(b"/ ", b"/slow ", 1) + GET, GET * 500)
        root.answer(b"slow")
        serving.run()
        self.assertEqual(self.bodies(client), [b"slow"] + [b"fast"] * 501)

    def test_backlog_is_bounded(self) -> None:
        """Behind a slow answer the client is read only so far, and goes on when it is answered."""
        root = Later()
        serving = self.serving(root)
        client = serving.client()
        wire: Any = client.transport
        serving.network.piece = 60_000
        client.send(GET + post(b"x" * 400_000))
        serving.run()
        self.assertGreater(serving.unread(client), 200_000)
        root.answer(b"first")
        serving.run()
        self.assertEqual(len(root.requests[0].content.read()), 400_000)
        self.assertIsNone(wire.lost)

    def test_backlog_of_requests_is_bounded(self) -> None:
        """Also where each of them is small; in the end all of them are answered."""
        root = Mixed()
        serving = self.serving(root)
        client = serving.ask(GET.replace(b"/ ", b"/slow "), GET * 7_000)
        self.assertGreater(serving.unread(client), 100_000)
        root.answer(b"slow")
        serving.run()
        self.assertEqual(len(answers(client.received)), 7_001)

    def test_large_backlog_that_ends_within_a_head(self) -> None:
        """A backlog of many small requests is not one large head."""
        root = Later()
        serving = self.serving(root)
        request = GET[:-2] + b"A: " + b"x" * 1000 + b"\r\n\r\n"
        client = serving.ask(GET, (request * 60)[:-5], (request * 50)[-40_000:])
        root.answer(b"")
        for _ in range(20):
            serving.run()
            if root.requests:
                root.answer(b"")
        self.assertEqual({answer.status for answer in answers(client.received)}, {200})

    def test_nothing_after_close(self) -> None:
        """What follows a request that ends the connection is not answered."""
        root = Echo()
        client = self.serving(root).ask(GET[:-2] + b"Connection: close\r\n\r\n" + GET)
        self.assertEqual(len(answers(client.received)), 1)
        self.assertEqual(len(root.seen), 1)
