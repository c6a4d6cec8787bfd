"""Tests of the OpenAI dialect's texts."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.text import reply, reply_text
from tests.simulator.support import MESSAGES, Bench

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            },
        },
    }
]


class ChatTests(SynchronousTestCase):
    """`POST /v1/chat/completions`."""

    def test_a_plain_answer_is_decided_by_the_prompt(self) -> None:
        answer = Bench(name="a").chat().json()
        message = answer["choices"][0]["message"]
        self.assertEqual(message["content"], reply_text("Good day"))
        self.assertEqual((answer["model"], answer["system_fingerprint"]), ("m", "a"))
        self.assertEqual(answer["usage"]["completion_tokens"], 32)

    def test_every_answer_names_the_simulator_and_what_it_received(self) -> None:
        answer = Bench(name="a").chat()
        self.assertEqual(answer.headers["X-Simulator"], "a")
        length, digest = answer.headers["X-Simulator-Received"].split()
        self.assertEqual((length, len(digest)), ("69", 64))

    def test_a_stream_begins_with_the_role_and_ends_with_done(self) -> None:
        answer = Bench().chat(stream=True, max_tokens=3)
        first, *tokens, last, done = answer.events()
        self.assertEqual(answer.headers["Content-Type"], "text/event-stream; charset=utf-8")
        self.assertEqual(first["choices"][0]["delta"], {"role": "assistant", "content": ""})
        contents = [token["choices"][0]["delta"]["content"] for token in tokens]
        self.assertEqual(contents, reply("Good day", 3))
        self.assertEqual(last["choices"][0]["finish_reason"], "length")
        self.assertEqual(done, "[DONE]")
        self.assertEqual(len({event["id"] for event in (first, *tokens, last)}), 1)

    def test_usage_is_told_only_when_asked_for(self) -> None:
        bench = Bench()
        asked = bench.chat(stream=True, stream_options={"include_usage": True}).events()
        self.assertEqual(asked[-2]["choices"], [])
        self.assertEqual(asked[-2]["usage"]["completion_tokens"], 32)
        self.assertTrue(all(event["usage"] is None for event in asked[:-2]))
        self.assertFalse(any("usage" in event for event in bench.chat(stream=True).events()[:-1]))

    def test_echo_gives_the_prompt_back_exactly(self) -> None:
        prompt = 'Tab\there, "quotes", a backslash \\, é, 日本, 🙂 and\nlines\u2028  '
        bench = Bench(echo=True, tokens=1)
        messages = [{"role": "user", "content": prompt}]
        plain = bench.chat(messages=messages).json()
        self.assertEqual(plain["choices"][0]["message"]["content"], prompt)
        events = bench.chat(messages=messages, stream=True).events()[:-1]
        text = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
        self.assertEqual(text, prompt)

    def test_content_may_be_a_list_of_parts(self) -> None:
        parts = [{"type": "text", "text": "a "}, {"type": "image_url", "image_url": {}}]
        messages = [{"role": "user", "content": [*parts, {"type": "text", "text": "b"}]}]
        answer = Bench(echo=True).chat(messages=messages).json()
        self.assertEqual(answer["choices"][0]["message"]["content"], "a b")

    def test_several_choices(self) -> None:
        bench = Bench()
        self.assertEqual(len(bench.chat(n=2).json()["choices"]), 2)
        events = bench.chat(n=2, stream=True).events()[:-1]
        self.assertEqual({event["choices"][0]["index"] for event in events}, {0, 1})

    def test_offered_tools_are_called(self) -> None:
        choice = Bench().chat(tools=TOOLS).json()["choices"][0]
        call = choice["message"]["tool_calls"][0]
        self.assertEqual(choice["finish_reason"], "tool_calls")
        self.assertEqual(call["function"]["name"], "weather")
        self.assertEqual(call["function"]["arguments"], '{"city": "Good day", "days": 1}')

    def test_a_streamed_tool_call_comes_in_fragments(self) -> None:
        first, *rest = Bench().chat(tools=TOOLS, stream=True).events()[:-1]
        opening = first["choices"][0]["delta"]["tool_calls"][0]
        self.assertEqual(opening["function"], {"name": "weather", "arguments": ""})
        fragments = [event["choices"][0]["delta"] for event in rest[:-1]]
        arguments = [delta["tool_calls"][0]["function"]["arguments"] for delta in fragments]
        self.assertEqual("".join(arguments), '{"city": "Good day", "days": 1}')
        self.assertGreater(len(arguments), 1)
        self.assertEqual(rest[-1]["choices"][0]["finish_reason"], "tool_calls")

    def test_tools_are_not_called_when_forbidden_or_answered(self) -> None:
        answered: Any = [*MESSAGES, {"role": "tool", "tool_call_id": "1", "content": "rain"}]
        bench = Bench()
        for members in ({"tool_choice": "none"}, {"messages": answered}):
            choice = bench.chat(tools=TOOLS, **members).json()["choices"][0]
            self.assertEqual(choice["finish_reason"], "stop")

    def test_what_cannot_be_read_is_refused(self) -> None:
        bench = Bench()
        for messages in (None, [], "x", [1]):
            answer = bench.chat(messages=messages)
            self.assertEqual(answer.status, 400)
            self.assertEqual(answer.json()["error"]["type"], "invalid_request_error")
        bench.peer.request("POST", "/v1/chat/completions", b"{")
        self.assertEqual(bench.peer.answer().status, 400)


class CompletionTests(SynchronousTestCase):
    """`POST /v1/completions`."""

    def test_one_prompt_or_several(self) -> None:
        bench = Bench()
        one = bench.post("/v1/completions", {"prompt": "a"}).json()
        self.assertEqual([c["text"] for c in one["choices"]], [reply_text("a")])
        two = bench.post("/v1/completions", {"prompt": ["a", [1, 2]]}).json()
        texts = [choice["text"] for choice in two["choices"]]
        self.assertEqual(texts, [reply_text("a"), reply_text("1 2")])

    def test_a_stream(self) -> None:
        body = {"prompt": "a", "stream": True, "stream_options": {"include_usage": True}}
        *events, usage, done = Bench().post("/v1/completions", body).events()
        text = "".join(event["choices"][0]["text"] for event in events)
        self.assertEqual(text, reply_text("a"))
        self.assertEqual((usage["choices"], done), ([], "[DONE]"))


class ModelTests(SynchronousTestCase):
    """Which models there are."""

    def test_models_are_listed_and_found(self) -> None:
        bench = Bench(models=("a", "b/c"))
        listed = bench.get("/v1/models").json()["data"]
        self.assertEqual([model["id"] for model in listed], ["a", "b/c"])
        self.assertEqual(bench.get("/v1/models/b%2Fc").json()["id"], "b/c")
        self.assertEqual(bench.get("/v1/models/d").status, 404)

    def test_a_model_that_is_not_served_is_refused(self) -> None:
        bench = Bench(models=("a",))
        self.assertEqual(bench.chat("a").status, 200)
        self.assertEqual(bench.chat("a!error").status, 500)
        refused = bench.chat("b")
        self.assertEqual(refused.status, 404)
        self.assertEqual(refused.json()["error"]["code"], "model_not_found")


class RouteTests(SynchronousTestCase):
    """Paths and methods."""

    def test_health_is_told_at_once(self) -> None:
        bench = Bench(latency=9.0)
        for path in ("/", "/health"):
            self.assertEqual(bench.get(path).json()["status"], "ok")

    def test_unknown_paths_and_methods(self) -> None:
        bench = Bench()
        self.assertEqual(bench.get("/nowhere").status, 404)
        self.assertEqual(bench.get("/v1/chat/completions").status, 405)
