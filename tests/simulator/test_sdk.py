"""The official OpenAI SDK against a simulator, over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from openai import APIConnectionError, APIError, OpenAI, RateLimitError
from twisted.internet import reactor as real_reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from jairouter.simulator.options import Options
from jairouter.simulator.simulator import Simulator
from jairouter.simulator.text import reply_text, vector
from tests.simulator.support import MESSAGES

reactor: Any = real_reactor


class SdkTests(TestCase):
    """What a simulator answers is what the SDK expects."""

    timeout = 20

    def setUp(self) -> None:
        self.simulator = Simulator(reactor, Random(1), Options(tokens_per_second=0))
        port = reactor.listenTCP(0, self.simulator.site(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.addCleanup(self.all_gone)
        self.url = f"http://127.0.0.1:{port.getHost().port}/v1"

    def call(self, work: Callable[[OpenAI], None]) -> Deferred[None]:
        """Run blocking SDK code in a thread, with a client that is closed after it."""

        def run() -> None:
            with OpenAI(base_url=self.url, api_key="none", max_retries=0) as client:
                work(client)

        return deferToThread(run)

    def test_texts(self) -> Deferred[None]:
        def work(client: OpenAI) -> None:
            messages: Any = MESSAGES
            chat = client.chat.completions
            plain = chat.create(model="m", messages=messages)
            self.assertEqual(plain.choices[0].message.content, reply_text("Good day"))
            with chat.stream(model="m", messages=messages) as stream:
                message = stream.get_final_completion().choices[0].message
            self.assertEqual(message.content, reply_text("Good day"))
            with client.responses.stream(model="m", input="Good day") as events:
                self.assertEqual(events.get_final_response().output_text, reply_text("Good day"))
            completion = client.completions.create(model="m", prompt="a")
            self.assertEqual(completion.choices[0].text, reply_text("a"))

        return self.call(work)

    def test_numbers_sounds_and_pictures(self) -> Deferred[None]:
        def work(client: OpenAI) -> None:
            embedding = client.embeddings.create(model="m", input=["a"]).data[0].embedding
            self.assertEqual(embedding, vector("a", 64))
            file = ("a.wav", b"sound", "audio/wav")
            heard = client.audio.transcriptions.create(model="m", file=file)
            self.assertIn("heard a.wav of 5 bytes", heard.text)
            speech = client.audio.speech.create(model="m", voice="v", input="hi", response_format="wav")
            self.assertTrue(speech.read().startswith(b"RIFF"))
            edited: Any = client.images.edit(
                model="m", prompt="p", image=[b"1", b"2"], mask=("mask.png", b"mask")
            )
            names = [part["name"] for part in edited.received]
            self.assertEqual(sorted(names), ["image[]", "image[]", "mask", "model", "prompt"])
            self.assertEqual([model.id for model in client.models.list()], ["simulated"])

        return self.call(work)

    def test_faults(self) -> Deferred[None]:
        def work(client: OpenAI) -> None:
            messages: Any = MESSAGES
            chat = client.chat.completions
            self.assertRaises(RateLimitError, chat.create, model="m!429", messages=messages)
            self.assertRaises(APIConnectionError, chat.create, model="m!reset", messages=messages)
            stream = chat.create(model="m!error-event", messages=messages, stream=True)
            self.assertRaises(APIError, list, stream)

        return self.call(work)

    def all_gone(self) -> Deferred[None]:
        """Wait until the simulator has learnt that the client's last connection is closed."""
        gone: Deferred[None] = Deferred()

        def look() -> None:
            if self.simulator.open_connections:
                reactor.callLater(0.01, look)
            else:
                gone.callback(None)

        look()
        return gone
