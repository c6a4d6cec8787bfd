"""Tests for `jairouter.codec.prompt_prefix`."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.prompt_prefix import prompt_prefix
from tests.fuzz.examples import examples

MEMBERS = st.sampled_from(["messages", "prompt", "instructions", "input", "role", "content"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=3),
    max_leaves=8,
)

SYSTEM = {"role": "system", "content": "be brief"}
DEVELOPER = {"role": "developer", "content": "no lists"}
FIRST = {"role": "user", "content": "hello"}
ANSWER = {"role": "assistant", "content": "hi"}
SECOND = {"role": "user", "content": "and now?"}


def prefix(number: int = 1, /, **body: Any) -> list[Any] | None:
    """The parts, decoded."""
    found = prompt_prefix(json.dumps({"model": "m", **body, "stream": True}).encode(), number)
    return None if found is None else [json.loads(bytes(part)) for part in found]


class PromptPrefixTests(SynchronousTestCase):
    """What a prompt begins with."""

    def test_system_and_first_messages(self) -> None:
        talk = [SYSTEM, DEVELOPER, FIRST, ANSWER, SECOND]
        for messages in range(5):
            self.assertEqual(prefix(messages, messages=talk), talk[: 2 + messages])

    def test_no_system_prompt(self) -> None:
        """One that comes later is not the beginning."""
        self.assertEqual(prefix(messages=[FIRST, ANSWER, SYSTEM]), [FIRST])
        self.assertEqual(prefix(0, messages=[FIRST]), [])

    def test_only_a_system_prompt(self) -> None:
        self.assertEqual(prefix(messages=[SYSTEM]), [SYSTEM])

    def test_as_it_is_written(self) -> None:
        """Nothing is decoded: neither escapes, nor the parts of a message, nor what nobody knows."""
        message = rb'{ "content" : [{"type":"image_url","image_url":{"url":"data:\u0061"}}, 1e3] ,"x":1}'
        self.assertEqual(prompt_prefix(b'{"messages":[%b ]}' % message, 1), [message])

    def test_a_text(self) -> None:
        """Of the prompt of a completion, its beginning."""
        long = "x" * 5000
        for text in (long, [long, "y"], list(range(1000))):
            body = json.dumps({"prompt": text}).encode()
            self.assertEqual(prompt_prefix(body, 0), [body[len('{"prompt": ') :][:1024]])

    def test_responses(self) -> None:
        """Instructions, and input that is messages or a text."""
        self.assertEqual(
            prefix(instructions="be brief", input=[DEVELOPER, FIRST, SECOND]), ["be brief", DEVELOPER, FIRST]
        )
        self.assertEqual(prefix(instructions="be brief", input="hello"), ["be brief", "hello"])
        self.assertEqual(prefix(0, instructions="be brief", input="hello"), ["be brief"])
        self.assertEqual(prefix(input=["one", "two"]), [["one", "two"]])

    def test_odd_messages(self) -> None:
        """Whatever comes first counts as a message."""
        odd: list[Any] = [{}, {"role": 1}, {"role": ["system"]}, {"role": None}, {"x": SYSTEM}]
        for message in odd:
            self.assertEqual(prefix(messages=[message, SECOND]), [message])
        self.assertEqual(prefix(messages=[SYSTEM, 1, 2]), [SYSTEM, 1])

    def test_tokens(self) -> None:
        """Of a long list of numbers no list is made."""
        tokens = b"[ %b]" % b",".join([b"1"] * 100_000)
        self.assertLess(self.most_memory(b'{"input":%b}' % tokens, [tokens[:1024]]), 20_000)

    def test_very_many_messages(self) -> None:
        """Nobody makes much of little: neither of messages, nor of what stands for a role."""
        messages = b"[%b]" % b",".join([b"{}"] * 150_000)
        self.assertLess(self.most_memory(b'{"messages":%b}' % messages, [messages[:1024]]), 1_000_000)
        message = b'{"role":[%b]}' % b",".join([b"[]"] * 90_000)
        self.assertLess(self.most_memory(b'{"messages":[%b]}' % message, [message]), 1_000_000)

    def test_very_many_system_prompts(self) -> None:
        self.assertEqual(len(prefix(messages=[SYSTEM] * 1000) or ()), 65)

    def most_memory(self, body: bytes, expected: list[bytes]) -> int:
        """The most bytes that finding this takes at a time."""
        tracemalloc.start()
        try:
            found = prompt_prefix(body, 1)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            self.assertEqual(found, expected)

    def test_no_prompt(self) -> None:
        for body in (
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"model":"m"}',
            b'{"messages":[{]}',
            b"\xff",
            b'{"prompt":' + b"[" * 5000,
        ):
            self.assertIsNone(prompt_prefix(body, 1), body[:20])

    @examples(100)
    @given(st.binary(max_size=30) | ANY_JSON.map(lambda value: json.dumps(value).encode()), st.integers(0, 3))
    @example(b'{"messages":[{"role":"\\ud800"}]}', 1)
    @example(b'{"messages":[{"role":"\xff"}]}', 1)
    def test_never_raises(self, body: bytes, messages: int) -> None:
        found = prompt_prefix(body, messages)
        self.assertTrue(found is None or all(bytes(part) in body for part in found))
