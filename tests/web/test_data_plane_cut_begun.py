"""Tests for `jairouter.web.data_plane`: cutting off clients that do not read, or were told 200 already."""

from __future__ import annotations

import json
from typing import Any

from jairouter.body import AnswerBody
from jairouter.exchange import Answer
from jairouter.web.relay import KeepAlive
from tests.fakes import Client
from tests.filters.inner import Source
from tests.web.serving import answers, post
from tests.web.test_data_plane_cut import EVENT, CutCase


class UnreadTests(CutCase):
    """The client does not read what it is sent."""

    def deaf(self, body: AnswerBody, *, stream: bool) -> Any:
        """The wire of a client that has asked and does not read its answer."""
        client = self.serving.client()
        wire: Any = client.transport
        wire.pauseProducing()
        client.send(post(b"{}"))
        self.serving.run()
        self.reply(Answer(200, (), body, stream))
        return wire

    def flood(self, *, stream: bool) -> tuple[AnswerBody, Source]:
        source = Source()
        body = AnswerBody(source)
        self.wire = self.deaf(body, stream=stream)
        while "pause" not in source.calls:
            body.chunk(EVENT * 1000)
            self.serving.run()
        body.chunk(b"data: held\n\n")
        return body, source

    def read(self) -> bytes:
        self.wire.resumeProducing()
        self.serving.run()
        return bytes(self.wire.protocol.received)

    def test_stream(self) -> None:
        """What is held for it is dropped; when it reads, it reads why."""
        _, source = self.flood(stream=True)
        self.cut()
        self.assertEqual(source.calls[-1], "abort")
        [answer] = answers(self.read())
        self.assertTrue(answer.complete)
        self.assertIn(b"shutting_down", answer.body)
        self.assertNotIn(b"held", answer.body)

    def test_stream_that_is_all_here(self) -> None:
        """The backend is done; the client is not."""
        body, source = self.flood(stream=True)
        body.end()
        self.cut()
        self.assertNotIn("abort", source.calls)
        [answer] = answers(self.read())
        self.assertIn(b"shutting_down", answer.body)

    def test_plain(self) -> None:
        """It may read up to the break."""
        _, source = self.flood(stream=False)
        self.cut()
        self.assertEqual(source.calls[-1], "abort")
        [answer] = answers(self.read())
        self.assertFalse(answer.complete)
        self.assertTrue(answer.body.endswith(EVENT))
        self.assertEqual(self.data_plane.open, 0)


class CommittedTests(CutCase):
    """The client was told 200 before there was an answer."""

    keep_alive = KeepAlive(interval=0, before_first_event=5)

    def commit(self) -> Client:
        client = self.ask()
        self.pipeline.exchanges[0].model = "m"
        self.pipeline.exchanges[0].stream = True
        self.network.run(5.3)
        self.serving.run()
        self.assertTrue(self.pipeline.exchanges[0].committed)
        return client

    def assert_told_in_band(self, client: Client) -> None:
        answer = self.received(client)
        self.assertEqual((answer.status, answer.complete), (200, True))
        comment, _, event = answer.body.partition(b"\n\n")
        self.assertEqual(comment, b": keep-alive")
        error = json.loads(event.strip().removeprefix(b"data: "))["error"]
        self.assertEqual(error["code"], "shutting_down")
        self.assertEqual(self.data_plane.open, 0)

    def test_waiting(self) -> None:
        client = self.commit()
        self.cut()
        self.assert_told_in_band(client)
        self.assertEqual(self.pipeline.cancelled, 1)

    def test_in_an_error_answer(self) -> None:
        """Half an error explains nothing."""
        client = self.commit()
        source = Source()
        body = AnswerBody(source)
        self.reply(Answer(500, (), body))
        body.chunk(b'{"error": {"mess')
        self.cut()
        self.assert_told_in_band(client)
        self.assertEqual(source.calls[-1], "abort")

    def test_in_a_stream(self) -> None:
        client = self.commit()
        body = AnswerBody(Source())
        self.reply(Answer(200, (), body, event_stream=True))
        body.chunk(EVENT)
        self.cut()
        answer = self.received(client)
        self.assertIn(EVENT + b"data: ", answer.body)
        self.assertIn(b"shutting_down", answer.body)
        self.assertTrue(answer.complete)
