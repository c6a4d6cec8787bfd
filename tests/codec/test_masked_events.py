"""Masking of event streams, in the dialects that backends speak."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.json_strings import Places
from jairouter.codec.masked_events import EventMasker
from jairouter.codec.masking import Rule, Rules
from jairouter.codec.patience import Patience, Unreadable
from jairouter.codec.sse import read_events
from jairouter.codec.strategies import (
    mask,
    replace,
)
from jairouter.codec.words import words

LONG = Patience(lambda: 0.0, 10.0)
RULES = Rules(
    [Rule("phone", "X", r"\d{11}", mask("*"), 1), Rule("words", "X", words(["key", "é😀"]), mask("#"), 1)]
)
PLACES = Places(("type", "role", "id", "name"), ("logprobs",))


def masker(strict: bool = False) -> EventMasker:
    """One for a stream."""
    return EventMasker(RULES, PLACES, Counter(), strict=strict)


def event(data: Any, name: str = "") -> bytes:
    """An event."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def chat(index: int = 0, finish: str | None = None, **delta: Any) -> bytes:
    """A chunk of a chat."""
    return event(
        {"id": "13812345678", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}
    )


def run(*events: bytes) -> tuple[list[bytes], bytes]:
    """What comes out after each event, and at the end."""
    stream = masker()
    return [stream.feed(each, LONG) for each in events], stream.finish(LONG)


def documents(stream: bytes) -> list[Any]:
    """The data of each event."""
    return [json.loads(each.data) for each in read_events(stream) if each.data != b"[DONE]"]


class ChatTests(SynchronousTestCase):
    """Chunks of chats and of completions."""

    @settings(max_examples=100, deadline=None)
    @examples(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.sampled_from(["content", "reasoning_content"]),
                st.sampled_from(
                    ["138", "12345678", "13812345678", "k", "ey", " ", "é", "\ud83d", "\ude00", '"\\']
                ),
            ),
            max_size=20,
        ),
        st.integers(1, 4),
    )
    def test_the_pieces_do_not_matter(self, pieces: list[tuple[int, str, str]], together: int) -> None:
        """The texts read as if each had been masked as a whole, and the order of the events stays."""
        events = [chat(index, **{name: text}) for index, name, text in pieces]
        given = [b"".join(events[at : at + together]) for at in range(0, len(events), together)]
        out, rest = run(*given)
        said: dict[tuple[int, str], str] = {}
        wanted: dict[tuple[int, str], str] = {}
        order = []
        for document in documents(b"".join(out) + rest):
            choice = document["choices"][0]
            for name, text in choice["delta"].items():
                order.append((choice["index"], name))
                said[choice["index"], name] = said.get((choice["index"], name), "") + text
        for index, name, text in pieces:
            wanted[index, name] = wanted.get((index, name), "") + text
        masked = {key: RULES.masked(text, LONG, Counter()) for key, text in wanted.items()}
        self.assertEqual(said, masked)
        self.assertEqual(order, [(index, name) for index, name, _ in pieces])

    def test_an_event_with_nothing_to_mask_is_the_same_object(self) -> None:
        given = chat(content="hello ")
        self.assertIs(run(given)[0][0], given)

    def test_ids_and_numbers_stay(self) -> None:
        given = event(
            {"id": "13812345678", "created": 13812345678, "choices": [], "usage": {"n": 13812345678}}
        )
        self.assertEqual(run(given), ([given], b""))

    def test_an_event_that_is_masked_keeps_its_other_bytes(self) -> None:
        given = (
            b'event:x\r\nid: 1\r\ndata:{ "choices":[{"index":0,"delta":{"content":"13812345678!"}}] }\r\n\r\n'
        )
        self.assertEqual(run(given)[0], [given.replace(b"13812345678", b"***********")])

    def test_what_waits_holds_up_what_comes_behind(self) -> None:
        first, done = chat(content="138"), b"data: [DONE]\n\n"
        out, rest = run(first, b": comment\n\n", chat(1, content="hello "), done)
        self.assertEqual(out[:3], [b"", b"", b""])
        self.assertEqual(out[3], first + b": comment\n\n" + chat(1, content="hello ") + done)
        self.assertEqual(rest, b"")

    def test_a_text_ends_with_its_choice(self) -> None:
        given = [chat(content="138"), chat(finish="stop")]
        self.assertEqual(run(*given)[0], [b"", b"".join(given)])

    def test_data_in_several_lines(self) -> None:
        given = b'data: {"choices":[{"index":0,\ndata: "delta":{"content":"13812345678."}}]}\n\n'
        self.assertEqual(run(given)[0], [given.replace(b"13812345678", b"***********")])

    def test_blanks_before_the_data_change_nothing(self) -> None:
        given = b'data:  {"key":[],"choices":[{"delta":{"content":"\\u0031\\u00338 13812345678."}}]}\n\n'
        self.assertEqual(run(given)[0], [given.replace(b"13812345678", b"***********")])
        given = b'data: "\\u003138\\u00312345678"\n\n'
        self.assertEqual(run(given)[0], [b'data: "***********"\n\n'])

    def test_a_field_that_begins_with_data_is_none(self) -> None:
        given = b'database: x\ndata: {"choices":[{"delta":{"content":"\\u003138\\u00312345678."}}]}\n\n'
        out = run(given)[0][0]
        self.assertEqual(documents(out)[0]["choices"][0]["delta"]["content"], "***********.")

    def test_what_is_left_out_may_take_several_lines(self) -> None:
        given = b'data: {"choices":[{"logprobs":{\ndata: "content":[]}}]}\n\n'
        self.assertEqual(run(given)[0], [b'data: {"choices":[{"logprobs":null}]}\n\n'])

    def test_what_stands_in_place_of_a_text_may_have_several_lines(self) -> None:
        """It must not end the event."""
        rules = Rules([Rule("x", "X", "key|a\nb", replace("1\n\n2"), 1)])
        stream = EventMasker(rules, PLACES, Counter())
        self.assertEqual(stream.feed(b"data: my key!\n\n", LONG), b"data: my 1\ndata: \ndata: 2!\n\n")
        self.assertEqual(stream.feed(b"data: a\ndata: b\n\n", LONG), b"data: 1\ndata: \ndata: 2\n\n")

    def test_arguments_of_tool_calls(self) -> None:
        def call(index: int, arguments: str) -> bytes:
            return chat(tool_calls=[{"index": index, "function": {"name": "key", "arguments": arguments}}])

        pieces = [call(0, '{"key": "138'), call(1, '{"n": 13812345678}'), call(0, '12345678", "x": 1}')]
        out, rest = run(*pieces, chat(finish="tool_calls"))
        said = {0: "", 1: ""}
        for document in documents(b"".join(out) + rest):
            for each in document["choices"][0]["delta"].get("tool_calls", ()):
                self.assertEqual(each["function"]["name"], "key")
                said[each["index"]] += each["function"]["arguments"]
        self.assertEqual(said, {0: '{"key": "***********", "x": 1}', 1: '{"n": 13812345678}'})

    def test_texts_of_completions(self) -> None:
        given = [event({"choices": [{"index": 0, "text": text}]}) for text in ("138", "12345678.")]
        said = [each["choices"][0]["text"] for each in documents(b"".join(run(*given)[0]))]
        self.assertEqual(said, ["***********", "."])

    def test_probabilities_of_tokens_are_left_out(self) -> None:
        """They would tell every character that was masked."""
        choice = {"index": 0, "delta": {"content": "x "}, "logprobs": {"content": [{"token": "138"}]}}
        self.assertEqual(
            documents(run(event({"choices": [choice]}))[0][0])[0]["choices"][0]["logprobs"], None
        )


class OtherDialectTests(SynchronousTestCase):
    """Events that say their type."""

    def test_the_responses_api(self) -> None:
        """The whole text, which is repeated at the end, reads as the pieces do."""
        place = {"item_id": "i", "output_index": 0, "content_index": 0}
        name = "response.output_text"
        given = [
            event({"type": f"{name}.delta", **place, "delta": "call 138"}, f"{name}.delta"),
            event({"type": f"{name}.delta", **place, "delta": "12345678"}, f"{name}.delta"),
            event({"type": f"{name}.done", **place, "text": "call 13812345678"}, f"{name}.done"),
        ]
        out, rest = run(*given)
        self.assertEqual((out[:2], rest), ([b"", b""], b""))
        one, two, whole = documents(out[2])
        self.assertEqual(one["delta"] + two["delta"], "call ***********")
        self.assertEqual(whole["text"], "call ***********")

    def test_arguments_of_the_responses_api(self) -> None:
        name = "response.function_call_arguments"
        given = [
            event({"type": f"{name}.delta", "item_id": "i", "delta": each}) for each in ('{"a":"k', 'ey"}')
        ]
        done = event({"type": f"{name}.done", "item_id": "i", "arguments": '{"a":"key"}'})
        said = documents(b"".join(run(*given, done)[0]))
        self.assertEqual(
            [each.get("delta") or each["arguments"] for each in said], ['{"a":"###', '"}', '{"a":"###"}']
        )

    def test_sounds_are_left_alone(self) -> None:
        given = event({"type": "response.audio.delta", "delta": "key/13812345678"})
        self.assertEqual(run(given)[0], [given])

    def test_content_blocks(self) -> None:
        def block(index: int, text: str) -> bytes:
            return event(
                {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}
            )

        stop = event({"type": "content_block_stop", "index": 0})
        out, rest = run(block(0, "138"), block(0, "12345678"), stop)
        self.assertEqual((out[:2], rest), ([b"", b""], b""))
        said = [each["delta"]["text"] for each in documents(out[2])[:2]]
        self.assertEqual(said, ["***********", ""])

    def test_errors_are_whole_texts(self) -> None:
        said = documents(run(event({"error": {"message": "no key 13812345678", "code": None}}))[0][0])
        self.assertEqual(said[0]["error"]["message"], "no ### ***********")


class UnreadableTests(SynchronousTestCase):
    """Events into which nobody can look."""

    def test_an_event_that_is_no_json_goes_on_as_it_is(self) -> None:
        stream = masker()
        for given in (b'data: {"a": \n\n', b"data: {\xff}\n\n"):
            self.assertEqual(stream.feed(given, LONG), given)
        self.assertEqual(stream.unread, 2)

    def test_unless_that_is_not_wanted(self) -> None:
        stream = masker(strict=True)
        given = [chat(content="138"), chat(content=" "), b"data: {\n\n", chat(content="x ")]
        self.assertRaises(Unreadable, stream.feed, b"".join(given), LONG)
        self.assertEqual(stream.give_up(), b"".join(given))
        self.assertFalse(stream.waiting)

    def test_members_given_twice_and_odd_numbers_do_no_harm(self) -> None:
        for data in (
            '{"choices":[{},{"delta":{"content":"key "}}],"choices":[{}]}',
            '{"choices":[{"index":[1],"delta":{"content":"key "},"finish_reason":"x"}]}',
            '{"choices":{"a":{"delta":"key "}}}',
            '{"type":"content_block_delta","index":{},"delta":{"text":"key "}}',
            '{"type":["x"],"delta":"key "}',
            '["key "]',
            '"key "',
            "key ",
        ):
            out, rest = run(f"data: {data}\n\n".encode())
            self.assertEqual(out[0] + rest, f"data: {data}\n\n".replace("key ", "### ").encode(), data)

    def test_each_event_has_all_of_the_time(self) -> None:
        """An answer that comes in one piece has thousands of them."""
        times = iter(range(10_000))
        patience = Patience(lambda: float(next(times)), 20.0)
        given = chat(content="x ") * 100
        self.assertEqual(masker().feed(given, patience), given)
