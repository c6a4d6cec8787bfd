"""Tests for `jairouter.filters.static_answer`: what is said, and to whom."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.sse import read_events
from jairouter.exchange import Answer
from jairouter.filters.static_answer import StaticAnswer
from tests.filters.inner import ROUTE, exchange, request

COMPLETION: dict[str, Any] = {
    "id": "x",
    "object": "chat.completion",
    "choices": [{"message": {"role": "assistant", "content": "sorry 東"}}],
    "usage": {"total_tokens": 0},
}


class Case(SynchronousTestCase):
    """One answer to one client."""

    def answer(
        self, text: Any, status: int = 200, *, stream: bool = False, suffix: str = "/chat/completions"
    ) -> Answer | None:
        asked = exchange(request(ROUTE[suffix]))
        asked.stream = stream
        return StaticAnswer(text if isinstance(text, str) else json.dumps(text), status).to(asked)

    def said(self, text: Any, status: int = 200) -> tuple[int, bytes, bytes]:
        answer = self.answer(text, status)
        assert answer is not None
        return answer.status, dict(answer.headers)[b"Content-Type"], answer.body.take()

    def chunk(self, text: Any, suffix: str = "/chat/completions") -> Any:
        answer = self.answer(text, stream=True, suffix=suffix)
        assert answer is not None
        self.assertTrue(answer.event_stream)
        self.assertEqual(dict(answer.headers)[b"Content-Type"], b"text/event-stream; charset=utf-8")
        chunk, done = read_events(answer.body.take())
        self.assertEqual(done.data, b"[DONE]")
        return json.loads(chunk.data)


class PlainTests(Case):
    """A client that asked for no stream."""

    def test_text(self) -> None:
        said = self.said("sorry, 東京")
        self.assertEqual(said, (200, b"text/plain; charset=utf-8", "sorry, 東京".encode()))

    def test_json(self) -> None:
        """To the letter."""
        self.assertEqual(self.said('{"a":  1.0}'), (200, b"application/json", b'{"a":  1.0}'))

    def test_status(self) -> None:
        self.assertEqual(self.said({"error": {}}, 503)[0], 503)

    def test_each_has_its_own(self) -> None:
        """A body is passed on once."""
        static = StaticAnswer("a", 200)
        for _ in range(2):
            answer = static.to(exchange())
            assert answer is not None
            self.assertEqual(answer.body.take(), b"a")


class StreamTests(Case):
    """A client that asked for one."""

    def test_completion(self) -> None:
        chunk = self.chunk(COMPLETION)
        choice = {"index": 0, "finish_reason": "stop", "delta": COMPLETION["choices"][0]["message"]}
        self.assertEqual(chunk, {"id": "x", "object": "chat.completion.chunk", "choices": [choice]})

    def test_finish_reason(self) -> None:
        choice = {"message": {}, "index": 5, "finish_reason": "length"}
        chunk = self.chunk({"choices": [choice]})
        self.assertEqual(chunk["choices"], [{"index": 5, "finish_reason": "length", "delta": {}}])

    def test_tool_calls_are_numbered(self) -> None:
        chunk = self.chunk({"choices": [{"message": {"tool_calls": [{"id": "a"}, {"id": "b"}]}}]})
        calls = chunk["choices"][0]["delta"]["tool_calls"]
        self.assertEqual(calls, [{"index": 0, "id": "a"}, {"index": 1, "id": "b"}])

    def test_completion_of_a_text(self) -> None:
        chunk = self.chunk({"choices": [{"text": "sorry"}], "usage": {}}, "/completions")
        choice = {"index": 0, "text": "sorry", "finish_reason": "stop"}
        self.assertEqual(chunk, {"object": "text_completion", "choices": [choice]})

    def test_what_the_client_could_not_read(self) -> None:
        """It would show nothing at all."""
        texts: Any = ("sorry", "7", "[]", {"error": {}}, {"choices": []}, {"choices": [7]}, {"choices": [{}]})
        for text in texts:
            self.assertIsNone(self.answer(text, stream=True), text)

    def test_completions_of_another_kind(self) -> None:
        text = {"choices": [{"text": "sorry"}]}
        self.assertIsNone(self.answer(text, stream=True))
        self.assertIsNone(self.answer(COMPLETION, stream=True, suffix="/completions"))
        self.assertIsNone(self.answer(COMPLETION, stream=True, suffix="/responses"))

    def test_an_error_is_an_answer_to_a_stream_as_well(self) -> None:
        answer = self.answer({"error": {}}, 503, stream=True)
        assert answer is not None
        self.assertEqual((answer.status, answer.event_stream), (503, False))
