"""Tests for `jairouter.web.relay`: keep-alive comments, and what they commit to."""

from __future__ import annotations

from jairouter.errors import ShuttingDown, StreamCut
from jairouter.exchange import Exchange, Request
from jairouter.interfaces import Quota
from jairouter.request_body.held import HeldBody
from jairouter.web.relay import KeepAlive
from tests.filters.inner import CHAT
from tests.web.test_relay import EVENT, Case

COMMENT = b": keep-alive\n\n"


class KeepAliveTests(Case):
    """Comments in silent streams."""

    def setUp(self) -> None:
        super().setUp()
        self.answer(stream=True)
        self.body.chunk(EVENT)

    def test_interval(self) -> None:
        self.run_network(14.9)
        self.assertEqual(self.received().body, EVENT)
        self.run_network(0.4)
        self.assertEqual(self.received().body, EVENT + COMMENT)
        self.run_network(31)
        self.assertEqual(self.received().body, EVENT + COMMENT * 3)

    def test_counted_from_the_last_byte(self) -> None:
        self.run_network(10)
        self.body.chunk(EVENT)
        self.run_network(14.8)
        self.assertEqual(self.received().body, EVENT * 2)
        self.run_network(0.5)
        self.assertEqual(self.received().body, EVENT * 2 + COMMENT)

    def test_not_in_an_event(self) -> None:
        self.body.chunk(EVENT[:10], mid_event=True)
        self.run_network(40)
        self.assertEqual(self.received().body, EVENT + EVENT[:10])
        self.body.chunk(EVENT[10:])
        self.run_network(16)
        self.assertEqual(self.received().body, EVENT * 2 + COMMENT)

    def test_not_while_the_client_does_not_read(self) -> None:
        self.relay.pauseProducing()
        self.run_network(40)
        self.assertEqual(self.received().body, EVENT)
        self.relay.resumeProducing()
        self.run_network(16)
        self.assertEqual(self.received().body, EVENT + COMMENT)

    def test_not_after_the_end(self) -> None:
        self.body.end()
        self.run_network(40)
        self.assertEqual(self.received().body, EVENT)


class NoKeepAliveTests(Case):
    """Comments switched off."""

    keep_alive = KeepAlive(interval=0)

    def test_never(self) -> None:
        self.answer(stream=True)
        self.body.chunk(EVENT)
        self.run_network(100)
        self.assertEqual(self.received().body, EVENT)

    def test_plain_answers_get_none(self) -> None:
        self.answer()
        self.body.chunk(b"{")
        self.run_network(100)
        self.assertEqual(self.received().body, b"{")


class BeforeFirstEventTests(Case):
    """Comments before there is an answer, where that is switched on."""

    keep_alive = KeepAlive(interval=15, before_first_event=5)

    def setUp(self) -> None:
        super().setUp()
        request = Request("r1", CHAT, b"", (), b"", HeldBody(b""), "-")
        self.exchange = Exchange(request, 0.0, model="m")
        self.exchange.stream = True

    def commit(self) -> None:
        self.relay.wait_for(self.exchange)
        self.run_network(5.3)
        self.assertEqual(self.received().body, COMMENT)

    def test_stream_begins(self) -> None:
        self.relay.wait_for(self.exchange)
        self.run_network(4.9)
        self.assertEqual(bytes(self.client.received), b"")
        self.run_network(0.4)
        answer = self.received()
        self.assertEqual((answer.status, answer.body), (200, COMMENT))
        self.assertEqual(answer.headers["content-type"], "text/event-stream; charset=utf-8")
        self.assertEqual(answer.headers["x-accel-buffering"], "no")

    def test_what_is_known_by_then(self) -> None:
        """Such as the gateway's limits, which every answer tells."""
        self.exchange.added = ((b"x-ratelimit-remaining-requests", b"7"),)
        self.commit()
        self.assertEqual(self.received().headers["x-ratelimit-remaining-requests"], "7")

    def test_goes_on(self) -> None:
        self.commit()
        self.run_network(31)
        self.assertEqual(self.received().body, COMMENT * 3)

    def test_limits(self) -> None:
        """They are known by then, and there is no other place to tell them."""
        self.exchange.quota = Quota(5, 4, 1.0)
        self.commit()
        self.assertEqual(self.received().headers["x-ratelimit-remaining-requests"], "4")

    def test_only_for_streams(self) -> None:
        self.exchange.stream = False
        self.relay.wait_for(self.exchange)
        self.run_network(50)
        self.assertEqual(bytes(self.client.received), b"")
        self.relay.fail(StreamCut("late"))

    def test_not_known_yet(self) -> None:
        """While the request itself still arrives nobody knows what it wants; when they do, it gets it."""
        self.exchange.model, self.exchange.stream = "", False
        self.relay.wait_for(self.exchange)
        self.run_network(12)
        self.assertEqual(bytes(self.client.received), b"")
        self.exchange.model, self.exchange.stream = "m", True
        self.run_network(6)
        self.assertEqual(self.received().body, COMMENT)

    def test_answered_in_time(self) -> None:
        """The answer keeps its own status."""
        self.relay.wait_for(self.exchange)
        self.answer(429)
        self.body.end()
        self.run_network(50)
        self.assertEqual(self.received().status, 429)

    def test_stream_follows(self) -> None:
        """The comments become the beginning of it."""
        self.commit()
        self.answer(stream=True)
        self.body.chunk(EVENT)
        self.body.end()
        answer = self.received()
        self.assertEqual((answer.body, answer.complete), (COMMENT + EVENT, True))

    def test_error(self) -> None:
        """It is told in-band."""
        self.commit()
        self.relay.fail(ShuttingDown("stopping"))
        answer = self.received()
        self.assertTrue(answer.complete)
        self.assertEqual(self.error_in(answer.body)["code"], "shutting_down")

    def test_error_answer(self) -> None:
        """An error answer of the backend is told in-band too, as the backend wrote it."""
        self.commit()
        self.answer(429)
        self.body.chunk(b'{"error": {"message": "slow down",\n')
        self.body.chunk(b' "code": "rate_limit"}}')
        self.body.end()
        answer = self.received()
        self.assertTrue(answer.complete)
        self.assertIn(
            b'data: {"error": {"message": "slow down",\ndata:  "code": "rate_limit"}}\n\n', answer.body
        )

    def test_error_answer_breaks(self) -> None:
        self.commit()
        self.answer(500)
        self.body.chunk(b'{"error"')
        self.body.broke(StreamCut("cut"))
        self.assertEqual(self.error_in(self.received().body)["code"], "stream_interrupted")

    def test_client_leaves_in_an_error_answer(self) -> None:
        self.commit()
        self.answer(500)
        self.client.leave()
        self.run_network()
        self.assertEqual(self.source.calls, ["resume", "abort"])

    def test_answer_that_is_no_stream(self) -> None:
        """Plain JSON in the middle of a stream would be no event: it is given up, and the client is told."""
        self.commit()
        self.answer(200)
        answer = self.received()
        self.assertTrue(answer.complete)
        self.assertEqual(self.error_in(answer.body)["code"], "upstream_error")
        self.assertEqual(self.source.calls, ["abort"])
        self.assertEqual([error and error.status for error in self.done], [502])

    def test_client_leaves(self) -> None:
        self.commit()
        self.client.leave()
        self.run_network(60)
        self.assertEqual(self.serving.network.getDelayedCalls(), [])


class OnlyBeforeFirstEventTests(BeforeFirstEventTests):
    """Comments before the first event, and none after it."""

    keep_alive = KeepAlive(interval=0, before_first_event=5)

    def test_goes_on(self) -> None:
        self.commit()
        self.run_network(10.5)
        self.assertEqual(self.received().body, COMMENT * 3)
        self.answer(stream=True)
        self.body.chunk(EVENT)
        self.run_network(60)
        self.assertEqual(self.received().body, COMMENT * 3 + EVENT)
