"""The official `openai` SDK, unmodified, while the backends of the model that it asks for are gone."""

from __future__ import annotations

from typing import Any

from openai import OpenAI
from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.text import reply_text
from tests.integration.processes import Gateway, Shared, configuration, simulator, wait_until

TOKENS = 12
TEXT = "Wie groß ist 東京?"
QUESTION: Any = [{"role": "user", "content": TEXT}]
SORRY = {
    "id": "x",
    "object": "chat.completion",
    "created": 0,
    "model": "none",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "sorry"}, "finish_reason": "stop"}],
}
GONE = "http://127.0.0.1:1"
"""Nobody listens there."""


class _Pair:
    def __init__(self) -> None:
        # It takes no model but its own, so that an answer shows what it was asked
        self.simulator = simulator("--tokens", str(TOKENS), "--models", "llama3")
        tree = configuration(self.simulator.url)
        tree["model"]["services"]["chat"] = {
            "instances": [
                {"name": "gpt-4", "base-url": GONE},
                {"name": "gpt-5", "base-url": GONE},
                {"name": "llama3", "base-url": self.simulator.url},
            ],
            "fallback": {
                "enabled": True,
                "models": {"gpt-4": ["llama3"]},
                "strategy": "static",
                "response": SORRY,
            },
        }
        try:
            self.gateway = Gateway(tree)
        except BaseException:
            self.simulator.stop()
            raise

    def stop(self) -> None:
        """End both."""
        self.gateway.stop()
        self.simulator.stop()


PAIR = Shared(_Pair, _Pair.stop)


class FallbackTests(SynchronousTestCase):
    """When gpt-4 has nobody, llama3."""

    def setUp(self) -> None:
        self.gateway = PAIR.get().gateway
        self.client = OpenAI(base_url=f"{self.gateway.url}/v1", api_key="sk-test", max_retries=0, timeout=20)
        self.addCleanup(self.client.close)
        self.addCleanup(self.wait_at_rest)

    def wait_at_rest(self) -> None:
        wait_until(lambda: not any(self.gateway.outstanding().values()), "nothing is lent out", 5)

    def test_chat(self) -> None:
        raw = self.client.chat.completions.with_raw_response.create(model="gpt-4", messages=QUESTION)
        self.assertEqual(raw.headers["x-jairouter-fallback"], "model:llama3")
        completion = raw.parse()
        self.assertEqual(completion.model, "llama3")
        self.assertEqual(completion.choices[0].message.content, reply_text(TEXT, TOKENS))

    def test_streamed_chat(self) -> None:
        stream = self.client.chat.completions.create(model="gpt-4", messages=QUESTION, stream=True)
        self.assertEqual(stream.response.headers["x-jairouter-fallback"], "model:llama3")
        chunks = list(stream)
        self.assertEqual({chunk.model for chunk in chunks}, {"llama3"})
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        self.assertEqual(text, reply_text(TEXT, TOKENS))

    def test_the_model_itself(self) -> None:
        raw = self.client.chat.completions.with_raw_response.create(model="llama3", messages=QUESTION)
        self.assertNotIn("x-jairouter-fallback", raw.headers)

    def test_static(self) -> None:
        completion = self.client.chat.completions.create(model="gpt-5", messages=QUESTION)
        self.assertEqual(completion.choices[0].message.content, "sorry")

    def test_streamed_static(self) -> None:
        """Written as a completion, read as a stream."""
        stream = self.client.chat.completions.create(model="gpt-5", messages=QUESTION, stream=True)
        (chunk,) = stream
        self.assertEqual((chunk.choices[0].delta.content, chunk.choices[0].finish_reason), ("sorry", "stop"))
