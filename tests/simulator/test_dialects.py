"""Tests of the responses API and of the Ollama and Anthropic dialects."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.text import reply_text, vector
from tests.simulator.support import MESSAGES, Bench
from tests.simulator.test_openai import TOOLS


class ResponsesTests(SynchronousTestCase):
    """`POST /v1/responses`."""

    def test_a_plain_answer(self) -> None:
        bench = Bench()
        for given in ("Good day", MESSAGES):
            answer = bench.post("/v1/responses", {"model": "m", "input": given}).json()
            self.assertEqual(answer["output"][0]["content"][0]["text"], reply_text("Good day"))
            self.assertEqual(answer["status"], "completed")

    def test_a_stream_counts_its_events(self) -> None:
        body = {"model": "m", "input": "Good day", "stream": True}
        answer = Bench().post("/v1/responses", body)
        events = answer.events()
        self.assertEqual([event["sequence_number"] for event in events], list(range(len(events))))
        self.assertEqual([event["type"] for event in events], answer.names())
        self.assertEqual(answer.names()[0], "response.created")
        self.assertEqual(answer.names()[-1], "response.completed")
        deltas = [event["delta"] for event in events if "delta" in event]
        self.assertEqual("".join(deltas), reply_text("Good day"))

    def test_an_answer_that_is_too_long_is_incomplete(self) -> None:
        body = {"model": "m", "input": "Good day", "max_output_tokens": 2}
        self.assertEqual(Bench().post("/v1/responses", body).json()["status"], "incomplete")

    def test_tokens_are_counted(self) -> None:
        answer = Bench().post("/v1/responses/input_tokens", {"input": "Good day"}).json()
        self.assertEqual(answer["input_tokens"], 2)


class OllamaTests(SynchronousTestCase):
    """Paths below `/api/`."""

    def test_chat_is_a_stream_of_lines_unless_told_otherwise(self) -> None:
        bench = Bench()
        body = {"model": "m", "messages": MESSAGES, "options": {"num_predict": 3}}
        answer = bench.post("/api/chat", body)
        *lines, last = answer.lines()
        self.assertEqual(answer.headers["Content-Type"], "application/x-ndjson")
        text = "".join(line["message"]["content"] for line in lines)
        self.assertEqual(text, reply_text("Good day", 3))
        self.assertEqual((last["done"], last["done_reason"]), (True, "length"))
        self.assertEqual(last["eval_count"], 3)
        whole = bench.post("/api/chat", {**body, "stream": False}).json()
        self.assertEqual(whole["message"]["content"], text)

    def test_generate(self) -> None:
        bench = Bench()
        *lines, _last = bench.post("/api/generate", {"model": "m", "prompt": "a"}).lines()
        self.assertEqual("".join(line["response"] for line in lines), reply_text("a"))
        whole = bench.post("/api/generate", {"model": "m", "prompt": "a", "stream": False}).json()
        self.assertEqual(whole["response"], reply_text("a"))

    def test_a_tool_call_has_its_arguments_as_an_object(self) -> None:
        body = {"model": "m", "messages": MESSAGES, "tools": TOOLS}
        first, last = Bench().post("/api/chat", body).lines()
        function = first["message"]["tool_calls"][0]["function"]
        self.assertEqual(function["arguments"], {"city": "Good day", "days": 1})
        self.assertTrue(last["done"])

    def test_embeddings_old_and_new(self) -> None:
        bench = Bench()
        new = bench.post("/api/embed", {"input": ["a", "b"]}).json()
        self.assertEqual(new["embeddings"], [vector("a", 64), vector("b", 64)])
        old = bench.post("/api/embeddings", {"prompt": "a"}).json()
        self.assertEqual(old["embedding"], vector("a", 64))

    def test_models_and_version(self) -> None:
        bench = Bench(models=("a",))
        self.assertEqual(bench.get("/api/tags").json()["models"][0]["name"], "a")
        self.assertIn("version", bench.get("/api/version").json())

    def test_errors_have_their_own_form(self) -> None:
        bench = Bench()
        self.assertIsInstance(bench.post("/api/chat", {}).json()["error"], str)
        body = {"model": "m!error-event;after=1", "messages": MESSAGES}
        self.assertIn("error", bench.post("/api/chat", body).lines()[1])


class AnthropicTests(SynchronousTestCase):
    """`POST /v1/messages`."""

    body = {"model": "m", "max_tokens": 100, "messages": MESSAGES}

    def test_a_plain_answer(self) -> None:
        answer = Bench().post("/v1/messages", self.body)
        message = answer.json()
        self.assertEqual(message["content"], [{"type": "text", "text": reply_text("Good day")}])
        self.assertEqual((message["stop_reason"], message["usage"]["output_tokens"]), ("end_turn", 32))
        self.assertTrue(str(answer.headers["request-id"]).startswith("req_"))

    def test_a_stream_of_named_events(self) -> None:
        answer = Bench().post("/v1/messages", {**self.body, "stream": True})
        names = answer.names()
        self.assertEqual(names[:3], ["message_start", "content_block_start", "ping"])
        self.assertEqual(names[-3:], ["content_block_stop", "message_delta", "message_stop"])
        deltas = [event["delta"] for event in answer.events()[3:-3]]
        self.assertEqual("".join(delta["text"] for delta in deltas), reply_text("Good day"))

    def test_a_tool_is_used(self) -> None:
        schema = {"type": "object", "properties": {"city": {"type": "string"}}}
        tools = [{"name": "weather", "input_schema": schema}]
        answer = Bench().post("/v1/messages", {**self.body, "tools": tools}).json()
        self.assertEqual(answer["content"][0]["input"], {"city": "Good day"})
        self.assertEqual(answer["stop_reason"], "tool_use")
        events = Bench().post("/v1/messages", {**self.body, "tools": tools, "stream": True}).events()
        fragments = [event["delta"]["partial_json"] for event in events[3:-3]]
        self.assertEqual("".join(fragments), '{"city": "Good day"}')

    def test_errors_have_their_own_form(self) -> None:
        bench = Bench()
        refused = bench.post("/v1/messages", {"messages": MESSAGES})
        self.assertEqual((refused.status, refused.json()["type"]), (400, "error"))
        body = {**self.body, "model": "m!error-event", "stream": True}
        self.assertEqual(bench.post("/v1/messages", body).names()[-1], "error")

    def test_tokens_are_counted(self) -> None:
        answer = Bench().post("/v1/messages/count_tokens", self.body).json()
        self.assertGreater(answer["input_tokens"], 1)
