"""The official `openai` SDK, unmodified, through the gateway to a simulated backend."""

from __future__ import annotations

import asyncio
import hashlib
import io
from typing import Any

import openai
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionToolParam
from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.images import png
from jairouter.simulator.text import reply, reply_text, vector
from tests.integration.processes import shared_pair, wait_until

TOKENS = 12
PAIR = shared_pair("--tokens", str(TOKENS), "--name", "sim")
CHAT = "org/chat"
QUESTION: Any = [{"role": "user", "content": "Wie groß ist 東京?"}]
ANSWER = reply_text("Wie groß ist 東京?", TOKENS)
TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
]
ARGUMENTS = '{"city": "Wie gro\\u00df ist \\u6771\\u4eac?"}'
WAVE = bytes(range(256)) * 700
MASK = png("a mask")
IMAGE = png("an image")


def digest(data: bytes) -> str:
    """As the simulator tells it."""
    return hashlib.sha256(data).hexdigest()


class SdkTestCase(SynchronousTestCase):
    """Gives each test an SDK client with the base URL that users configure."""

    prefix = "/v1"

    def setUp(self) -> None:
        self.pair = PAIR.get()
        self.base_url = self.pair.gateway.url + self.prefix
        self.client = OpenAI(base_url=self.base_url, api_key="sk-test", max_retries=0, timeout=20)
        self.addCleanup(self.client.close)
        self.addCleanup(self.pair.gateway.wait_at_rest)


class ChatTests(SdkTestCase):
    """Text."""

    def test_chat(self) -> None:
        """A plain chat completion."""
        completion = self.client.chat.completions.create(model=CHAT, messages=QUESTION)
        self.assertEqual(completion.choices[0].message.content, ANSWER)
        self.assertEqual(completion.choices[0].finish_reason, "stop")
        self.assertEqual(completion.model, CHAT)
        assert completion.usage is not None
        self.assertEqual(completion.usage.completion_tokens, TOKENS)
        self.assertRegex(completion._request_id or "", r"^req_[0-9a-f]{32}$")

    def test_streamed_chat(self) -> None:
        """Every token is a chunk of its own, and usage is not shown unasked."""
        stream = self.client.chat.completions.create(model=CHAT, messages=QUESTION, stream=True)
        chunks = list(stream)
        texts = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices[0].delta.content]
        self.assertEqual("".join(texts), ANSWER)
        self.assertEqual(len(texts), TOKENS)
        self.assertEqual(chunks[-1].choices[0].finish_reason, "stop")
        self.assertEqual([chunk.usage for chunk in chunks if chunk.usage], [])

    def test_streamed_chat_with_usage(self) -> None:
        """The last chunk tells the usage and has no choices."""
        chunks = list(
            self.client.chat.completions.create(
                model=CHAT, messages=QUESTION, stream=True, stream_options={"include_usage": True}
            )
        )
        self.assertEqual(chunks[-1].choices, [])
        assert chunks[-1].usage is not None
        self.assertEqual(chunks[-1].usage.completion_tokens, TOKENS)
        self.assertEqual([chunk.usage for chunk in chunks[:-1] if chunk.usage], [])

    def test_streamed_chat_with_the_async_client(self) -> None:
        """AsyncOpenAI, over httpx's other transport."""

        async def ask() -> str:
            async with AsyncOpenAI(base_url=self.base_url, api_key="sk-test", max_retries=0) as client:
                stream = await client.chat.completions.create(model=CHAT, messages=QUESTION, stream=True)
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

        self.assertEqual(asyncio.run(ask()), ANSWER)

    def test_tool_call(self) -> None:
        """The model calls a function."""
        completion = self.client.chat.completions.create(model=CHAT, messages=QUESTION, tools=TOOLS)
        choice = completion.choices[0]
        self.assertEqual(choice.finish_reason, "tool_calls")
        assert choice.message.tool_calls is not None
        call = choice.message.tool_calls[0]
        assert call.type == "function"
        self.assertEqual((call.function.name, call.function.arguments), ("weather", ARGUMENTS))

    def test_streamed_tool_call(self) -> None:
        """The arguments arrive in pieces."""
        pieces, names = [], []
        for chunk in self.client.chat.completions.create(
            model=CHAT, messages=QUESTION, tools=TOOLS, stream=True
        ):
            for call in chunk.choices[0].delta.tool_calls or []:
                assert call.function is not None
                names += [call.function.name] if call.function.name else []
                pieces += [call.function.arguments] if call.function.arguments else []
        self.assertEqual((names, "".join(pieces)), (["weather"], ARGUMENTS))
        self.assertGreater(len(pieces), 1)

    def test_tool_result(self) -> None:
        """A conversation goes on after a tool's result."""
        call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
        messages: Any = [
            *QUESTION,
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
        ]
        completion = self.client.chat.completions.create(model=CHAT, messages=messages, tools=TOOLS)
        self.assertEqual(completion.choices[0].message.content, reply_text("rain", TOKENS))

    def test_completions(self) -> None:
        """The older route, plain and streamed."""
        plain = self.client.completions.create(model=CHAT, prompt="Once")
        self.assertEqual(plain.choices[0].text, reply_text("Once", TOKENS))
        chunks = self.client.completions.create(model=CHAT, prompt="Once", stream=True)
        self.assertEqual("".join(chunk.choices[0].text for chunk in chunks), reply_text("Once", TOKENS))

    def test_responses(self) -> None:
        """The newer route."""
        response = self.client.responses.create(model=CHAT, input="Once")
        self.assertEqual(response.output_text, reply_text("Once", TOKENS))
        self.assertEqual(response.status, "completed")

    def test_streamed_responses(self) -> None:
        """Its stream has named events and no [DONE]."""
        events = list(self.client.responses.create(model=CHAT, input="Once", stream=True))
        deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
        self.assertEqual("".join(deltas), reply_text("Once", TOKENS))
        self.assertEqual(events[-1].type, "response.completed")
        numbers = [event.sequence_number for event in events]
        self.assertEqual(numbers, list(range(len(events))))

    def test_moderations(self) -> None:
        """One text is flagged, the other is not."""
        verdict = self.client.moderations.create(model=CHAT, input=["harmless", "[flag]"])
        self.assertEqual([result.flagged for result in verdict.results], [False, True])


class OtherServiceTests(SdkTestCase):
    """Vectors, sounds and pictures."""

    def test_embeddings_by_default(self) -> None:
        """The SDK asks for base64 and unpacks it."""
        made = self.client.embeddings.create(model="embed", input=["one", "two"])
        self.assertEqual([item.embedding for item in made.data], [vector("one", 64), vector("two", 64)])

    def test_embeddings_as_numbers(self) -> None:
        """Numbers in JSON."""
        made = self.client.embeddings.create(
            model="embed", input="one", encoding_format="float", dimensions=7
        )
        self.assertEqual(made.data[0].embedding, vector("one", 7))

    def test_speech(self) -> None:
        """A binary answer, whole and as it comes."""
        request: Any = {"model": "speak", "voice": "alloy", "input": "hello", "response_format": "wav"}
        whole = self.client.audio.speech.create(**request).read()
        self.assertEqual(whole[:4] + whole[8:12], b"RIFFWAVE")
        with self.client.audio.speech.with_streaming_response.create(**request) as response:
            self.assertEqual(response.headers["content-type"], "audio/wav")
            self.assertEqual(b"".join(response.iter_bytes(1000)), whole)

    def test_transcription(self) -> None:
        """The backend heard exactly the file that was uploaded."""
        text = self.client.audio.transcriptions.create(
            model="hear", file=("spoken.wav", io.BytesIO(WAVE), "audio/wav")
        ).text
        self.assertEqual(text, f"heard spoken.wav of {len(WAVE)} bytes with sha256 {digest(WAVE)}")

    def test_streamed_transcription(self) -> None:
        """Events out of a form."""
        events = list(
            self.client.audio.transcriptions.create(model="hear", file=("a.wav", WAVE), stream=True)
        )
        deltas = [event.delta for event in events if event.type == "transcript.text.delta"]
        self.assertEqual(events[-1].type, "transcript.text.done")
        self.assertIn(digest(WAVE), "".join(deltas))

    def test_translation(self) -> None:
        """The sibling of transcriptions."""
        translated = self.client.audio.translations.create(model="hear", file=("a.wav", WAVE))
        self.assertIn(digest(WAVE), translated.text)

    def test_image_generation(self) -> None:
        """Pictures out of JSON."""
        made = self.client.images.generate(model="paint", prompt="a mill", n=2)
        assert made.data is not None
        self.assertEqual([each.revised_prompt for each in made.data], ["a mill 0", "a mill 1"])

    def received(self, answer: Any) -> dict[str, tuple[int, str]]:
        """What the backend says it was sent, as name: (bytes, digest)."""
        parts = answer.model_extra["received"]
        return {part["name"]: (part["size"], part["sha256"]) for part in parts}

    def test_image_edit_with_a_mask(self) -> None:
        """The backend got the very bytes of the image and of the mask."""
        made = self.client.images.edit(
            model="retouch", prompt="a boat", image=("image.png", IMAGE), mask=("mask.png", MASK)
        )
        assert made.data is not None
        self.assertEqual(made.data[0].revised_prompt, "a boat 0")
        received = self.received(made)
        self.assertEqual(received["mask"], (len(MASK), digest(MASK)))
        self.assertEqual(received["image"], (len(IMAGE), digest(IMAGE)))

    def test_image_edit_of_several_images(self) -> None:
        """The SDK calls them `image[]`."""
        made = self.client.images.edit(
            model="retouch", prompt="a boat", image=[("1.png", IMAGE), ("2.png", MASK)]
        )
        names = [part["name"] for part in (made.model_extra or {})["received"]]
        self.assertEqual(names.count("image[]"), 2)

    def test_image_variation(self) -> None:
        """The sibling of edits."""
        made = self.client.images.create_variation(model="retouch", image=("image.png", IMAGE))
        self.assertEqual(self.received(made)["image"], (len(IMAGE), digest(IMAGE)))

    def test_models(self) -> None:
        """All that is configured, and one whose name holds a slash."""
        names = {model.id for model in self.client.models.list()}
        self.assertEqual(names, {CHAT, "embed", "rank", "speak", "hear", "paint", "retouch"})
        model = self.client.models.retrieve(CHAT)
        self.assertEqual((model.id, model.object), (CHAT, "model"))


class ChatUnderTheOtherPrefixTests(ChatTests):
    """The same below /api/v1."""

    prefix = "/api/v1"


class OtherServicesUnderTheOtherPrefixTests(OtherServiceTests):
    """The same below /api/v1."""

    prefix = "/api/v1"


class ErrorTests(SdkTestCase):
    """Failures as the SDK raises them."""

    def calls(self, outcome: str) -> float:
        return self.pair.gateway.metric("jairouter_backend_calls_total", outcome=outcome)

    def ask(self, fault: str = "", model: str = CHAT, **more: Any) -> Any:
        return self.client.chat.completions.create(
            model=model, messages=QUESTION, extra_headers={"X-Simulate": fault}, **more
        )

    def test_unknown_model(self) -> None:
        """404 with OpenAI's code, the parameter and an id to ask about."""
        error = self.assertRaises(openai.NotFoundError, self.ask, model="none/such")
        self.assertEqual((error.code, error.param, error.status_code), ("model_not_found", "model", 404))
        self.assertRegex(error.request_id or "", r"^req_[0-9a-f]{32}$")
        missing = self.assertRaises(openai.NotFoundError, self.client.models.retrieve, "none/such")
        self.assertEqual(missing.code, "model_not_found")

    def test_model_of_another_service(self) -> None:
        """A chat model does not make vectors."""
        error = self.assertRaises(
            openai.NotFoundError, self.client.embeddings.create, model=CHAT, input="one"
        )
        self.assertEqual(error.code, "model_not_found")

    def test_throttled(self) -> None:
        """The backend's 429 comes through with its Retry-After and its body."""
        error = self.assertRaises(openai.RateLimitError, self.ask, "429;retry-after=7")
        self.assertEqual(error.response.headers["retry-after"], "7")
        self.assertEqual(error.code, "simulated")
        self.assertEqual(error.type, "rate_limit_error")

    def test_throttled_stream(self) -> None:
        """The same when a stream was asked for."""
        error = self.assertRaises(openai.RateLimitError, self.ask, "429;retry-after=7", stream=True)
        self.assertEqual(error.response.headers["retry-after"], "7")

    def test_the_sdk_tries_again(self) -> None:
        """Its own retry works through the gateway: it waits as told, then gets the same 429."""
        client = self.client.with_options(max_retries=1)
        before = self.calls("throttled")
        self.assertRaises(
            openai.RateLimitError,
            client.chat.completions.create,
            model=CHAT,
            messages=QUESTION,
            extra_headers={"X-Simulate": "429;retry-after=1"},
        )
        self.assertEqual(self.calls("throttled") - before, 2)

    def test_backend_fails(self) -> None:
        """A 500 in JSON keeps its status and body."""
        error = self.assertRaises(openai.InternalServerError, self.ask, "error;status=500;message=oh")
        self.assertEqual((error.status_code, error.code), (500, "simulated"))
        self.assertIn("oh", error.message)

    def test_backend_refuses(self) -> None:
        """A 400 of the backend is the caller's to see."""
        error = self.assertRaises(openai.BadRequestError, self.ask, "error;status=400;message=too long")
        self.assertIn("too long", error.message)

    def test_backend_unreachable(self) -> None:
        """No answer at all is 502."""
        error = self.assertRaises(openai.InternalServerError, self.ask, "reset")
        self.assertEqual((error.status_code, error.code), (502, "upstream_error"))

    def iterate(self, fault: str) -> tuple[str, openai.APIError]:
        """Read a stream until it breaks. Returns the text so far, and the error."""
        texts: list[str] = []

        def read() -> None:
            for chunk in self.ask(fault, stream=True):
                texts.extend(choice.delta.content or "" for choice in chunk.choices)

        error = self.assertRaises(openai.APIError, read)
        return "".join(texts), error

    def test_broken_stream(self) -> None:
        """A stream that breaks raises while it is read, after the text that came."""
        text, error = self.iterate("pace;tokens-per-second=50,reset-mid-body;after=5")
        self.assertEqual(error.code, "stream_interrupted")
        self.assertEqual(text, "".join(reply(QUESTION[0]["content"], 4)))

    def test_error_in_a_stream(self) -> None:
        """The backend's own error event is raised too, after the text that came."""
        text, error = self.iterate("pace;tokens-per-second=50,error-event;after=5;message=out of memory")
        self.assertIn("out of memory", error.message)
        self.assertEqual(text, "".join(reply(QUESTION[0]["content"], 4)))

    def test_error_as_the_first_event(self) -> None:
        """Nothing was sent yet, so it becomes an answer with a status."""
        error = self.assertRaises(
            openai.InternalServerError, self.ask, "error-event;after=0;message=no such adapter", stream=True
        )
        self.assertEqual(error.status_code, 502)
        self.assertIn("no such adapter", error.message)

    def test_leaving_a_stream(self) -> None:
        """Closing a stream half-way leaves nothing behind (checked when the test ends)."""
        stream = self.ask("pace;tokens=100000;tokens-per-second=200", stream=True)
        before = self.calls("abandoned")
        next(iter(stream))
        stream.close()
        wait_until(lambda: self.calls("abandoned") == before + 1, "the attempt is abandoned", 1)
