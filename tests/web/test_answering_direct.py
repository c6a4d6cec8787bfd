"""Tests for `jairouter.web.answering`: how answers go out under our own channel."""

from __future__ import annotations

from jairouter.web.answering import JOINED, answering
from tests.web.serving import GET, answers, post
from tests.web.test_answering import HEAD, JSON, OLD, OLD_KEPT, Case, answer


class WriteTests(Case):
    """As few writes as can be."""

    def test_head_waits_for_the_first_piece(self) -> None:
        request = self.ask()
        writes = self.writes_to(request)
        out = answering(request)
        out.head(200, JSON, 4)
        self.assertEqual(writes, [])
        out.write(b"some")
        [both] = writes
        self.assertTrue(both.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertTrue(both.endswith(b"\r\n\r\nsome"))

    def test_known_length(self) -> None:
        """Its end needs no bytes of its own."""
        request = self.ask()
        writes = self.writes_to(request)
        answer(request, b"some", length=4)
        self.assertEqual(len(writes), 1)

    def test_chunked(self) -> None:
        request = self.ask()
        writes = self.writes_to(request)
        answer(request, b"some", b"more")
        self.assertTrue(writes[0].endswith(b"\r\n\r\n4\r\nsome\r\n"))
        self.assertEqual(writes[1:], [b"4\r\nmore\r\n", b"0\r\n\r\n"])

    def test_no_pieces(self) -> None:
        """Whatever says that there is nothing goes out with the head."""
        for length in (0, None):
            request = self.ask()
            writes = self.writes_to(request)
            answer(request, length=length)
            self.assertEqual(len(writes), 1)

    def test_nothing_that_may_be_written(self) -> None:
        """Pieces that HEAD and 204 keep back are no writes either."""
        for data, status in ((HEAD, 200), (GET, 204)):
            request = self.ask(data)
            writes = self.writes_to(request)
            answer(request, b"some", b"more", status=status, length=8)
            self.assertEqual(len(writes), 1)

    def test_large_first_piece(self) -> None:
        """It is not copied only to save a write."""
        for size, sizes in ((JOINED, [JOINED]), (JOINED + 1, [0, JOINED + 1])):
            request = self.ask()
            writes = self.writes_to(request)
            answer(request, b"x" * size, length=size)
            self.assertEqual([write.count(b"x") for write in writes], sizes)
            self.assertTrue(writes[0].startswith(b"HTTP/1.1 "))
            self.serving.run()

    def test_large_first_chunk(self) -> None:
        """So it goes with a piece whose length stands before it."""
        request = self.ask()
        writes = self.writes_to(request)
        answer(request, b"x" * JOINED)
        self.assertTrue(writes[0].endswith(b"\r\n\r\n"))
        self.assertEqual(writes[1:], [b"10000\r\n" + b"x" * JOINED + b"\r\n", b"0\r\n\r\n"])


class ConnectionTests(Case):
    """What is said of the connection is what becomes of it."""

    def assert_connection(self, said: str | None, data: bytes, *pieces: bytes, length: int | None) -> None:
        answer(self.ask(data), *pieces, length=length)
        received = answers(self.received())[-1]
        self.assertEqual(received.headers.get("connection"), said)
        self.assertIs(self.client.closed is not None, said == "close")
        self.assertTrue(received.complete or self.client.closed)

    def test_goes_on(self) -> None:
        """In HTTP/1.1 that goes without saying, with any framing."""
        self.assert_connection(None, GET, b"some", length=4)
        self.assert_connection(None, GET, b"some", length=None)

    def test_client_wants_no_more(self) -> None:
        self.assert_connection("close", GET[:-2] + b"Connection: close\r\n\r\n", b"some", length=4)

    def test_old_client(self) -> None:
        self.assert_connection("close", OLD, b"some", length=4)

    def test_old_client_that_asks_for_more(self) -> None:
        self.assert_connection("keep-alive", OLD_KEPT, b"some", length=4)

    def test_old_client_that_cannot_tell_the_end(self) -> None:
        self.assert_connection("close", OLD_KEPT, b"some", length=None)

    def test_old_client_without_content(self) -> None:
        """It needs no length to know where 204 ends, nor an answer to HEAD."""
        answer(self.ask(OLD_KEPT), status=204)
        answer(self.ask(OLD_KEPT.replace(b"GET", b"HEAD")), b"some")
        self.assertEqual(self.received().count(b"\r\nConnection: keep-alive\r\n"), 2)
        self.assertIsNone(self.client.closed)

    def test_gateway_stops(self) -> None:
        request = self.ask()
        self.serving.site.drain()
        answer(request, b"some", length=4)
        self.assertEqual(
            (self.one_answer().headers["connection"], self.one_answer().body), ("close", b"some")
        )
        self.assertIsNotNone(self.client.closed)

    def test_gateway_stops_after_the_head(self) -> None:
        """Then it could not be said any more."""
        request = self.ask()
        out = answering(request)
        out.head(200, JSON, 4)
        out.write(b"so")
        self.serving.site.drain()
        out.write(b"me")
        out.finish()
        self.assertNotIn("connection", self.one_answer().headers)
        self.assertEqual(self.one_answer().body, b"some")
        self.assertIsNotNone(self.client.closed)

    def test_request_is_not_complete(self) -> None:
        """Whether the rest of it comes nobody knows."""
        answer(self.ask(post(b"body")[:-1]), b"some", length=4)
        self.assertEqual(self.one_answer().headers["connection"], "close")

    def test_request_is_complete_in_time(self) -> None:
        request = self.ask(post(b"body")[:-1])
        self.client.send(b"y")
        self.serving.run()
        answer(request, b"some", length=4)
        self.assertNotIn("connection", self.one_answer().headers)
        self.assertIsNone(self.client.closed)


class FramedTests(Case):
    """Whether an answer that was begun says where it ends: then ending it early says enough."""

    def test_framed(self) -> None:
        for data, status, length, framed in (
            (GET, 200, 4, True),
            (GET, 200, None, True),
            (GET, 204, None, True),
            (HEAD, 200, None, True),
            (OLD_KEPT, 200, 4, True),
            (OLD_KEPT, 200, None, False),
        ):
            request = self.ask(data)
            self.assertIs(request.framed, False)
            out = answering(request)
            out.head(status, JSON, length)
            self.assertIs(request.framed, framed, (data, status, length))
            out.write(b"some")
            out.finish()
            self.serving.run()

    def test_begun(self) -> None:
        """From the head on no other answer can be given."""
        request = self.ask()
        answering(request).head(200, JSON, 4)
        self.assertTrue(request.startedWriting)


class FinishTests(Case):
    """When all is written."""

    def test_who_waits_is_told(self) -> None:
        request = self.ask()
        told = request.notifyFinish()
        out = answering(request)
        out.head(200, JSON, 4)
        out.write(b"some")
        self.assertNoResult(told)
        out.finish()
        self.assertIsNone(self.successResultOf(told))
        self.assertTrue(request.finished)

    def test_not_counted(self) -> None:
        """Whoever writes past Twisted's API has recorders of his own."""
        answer(self.ask(), length=0)
        self.assertEqual(self.serving.counted, [])

    def test_waiting_request_follows(self) -> None:
        """It is begun within `finish`."""
        first = self.ask(GET + post(b"body", b"/next"))
        self.assertEqual(self.root.requests, [])
        answer(first, length=0)
        self.assertEqual([request.path for request in self.root.requests], [b"/next"])
        answer(self.root.requests.pop(), b"some", length=4)
        self.assertEqual([each.body for each in answers(self.received())], [b"", b"some"])
