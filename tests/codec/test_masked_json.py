"""Masking of whole documents, and of the arguments of tool calls."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.json_arguments import ArgumentsInPieces
from jairouter.codec.json_strings import Places
from jairouter.codec.masked_json import masked_json
from jairouter.codec.masking import Rule, Rules, applied
from jairouter.codec.patience import Patience, Unreadable
from jairouter.codec.strategies import (
    mask,
    replace,
)
from jairouter.codec.words import words

LONG = Patience(lambda: 0.0, 10.0)
RULES = Rules(
    [
        Rule("phone", "X", r"\d{11}", mask("*"), 1),
        Rule("words", "X", words(["key"]), replace('"\\'), 1),
        Rule("accent", "X", "é[ -~]x", replace("E"), 2),
    ]
)
TEXTS = st.lists(
    st.sampled_from(["13812345678", "key", "é", "x", " ", '"', "\\", "\n", "😀", "u00", "{", ":"]), max_size=5
).map("".join)
DOCUMENTS = st.recursive(
    TEXTS | st.integers() | st.just(13812345678) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def masked(text: str, *places: str) -> str:
    """A document, masked."""
    return masked_json(text, RULES, Places(places), LONG, Counter())


def expected(document: Any) -> Any:
    """The same, where it is decoded."""
    if isinstance(document, str):
        return RULES.masked(document, LONG, Counter())
    if isinstance(document, list):
        return [expected(each) for each in document]
    if isinstance(document, dict):
        return {name: expected(each) for name, each in document.items()}
    return document


class MaskedJsonTests(SynchronousTestCase):
    """Whole documents."""

    @settings(max_examples=100, deadline=None)
    @given(DOCUMENTS, st.booleans())
    def test_strings_are_masked_and_nothing_else(self, document: Any, ascii_only: bool) -> None:
        text = json.dumps(document, ensure_ascii=ascii_only)
        self.assertEqual(json.loads(masked(text)), expected(document))

    def test_all_other_bytes_stay(self) -> None:
        text = '{ "key":13812345678 ,"a":\t"\\u0041 13812345678\\/" , "n": 1.50e0}'
        self.assertEqual(masked(text), text.replace('"\\u0041 13812345678', '"\\u0041 ***********'))

    def test_a_data_url_is_no_text(self) -> None:
        picture = "data:image/png;base64," + "key/13812345678/key" * 14 + "="
        text = json.dumps([picture, "data:text/plain,13812345678", "data:;base64,13812345678"])
        texts = ["data:text/plain,***********", "data:;base64,***********"]
        self.assertEqual(json.loads(masked(text)), [picture, *texts])

    def test_arguments_of_tool_calls_stay_json(self) -> None:
        arguments = '{"key": "key", "phone": 13812345678, "text": "at 13812345678"}'
        call = json.loads(masked(json.dumps({"arguments": arguments})))
        after = json.loads(call["arguments"])
        self.assertEqual(after, {"key": '"\\', "phone": 13812345678, "text": "at ***********"})

    def test_arguments_that_are_no_json_are_a_text(self) -> None:
        self.assertEqual(masked('{"arguments": "call 13812345678"}'), '{"arguments": "call ***********"}')


class ArgumentsInPiecesTests(SynchronousTestCase):
    """The arguments of a tool call that come in pieces."""

    @settings(max_examples=100, deadline=None)
    @given(
        DOCUMENTS.filter(lambda each: isinstance(each, dict | list | str)), st.booleans(), st.integers(1, 7)
    )
    def test_the_pieces_do_not_matter(self, document: Any, ascii_only: bool, size: int) -> None:
        text = json.dumps(document, ensure_ascii=ascii_only)
        arguments = ArgumentsInPieces(RULES, Counter(), 10_000)
        for at in range(0, len(text), size):
            arguments.feed(text[at : at + size], LONG)
            self.assertLessEqual(arguments.settled, arguments.size)
        arguments.finish(LONG)
        self.assertEqual(arguments.settled, len(text))
        self.assertEqual(json.loads(applied(text, arguments.edits)), expected(json.loads(text)))

    def test_from_where_it_is_no_json_it_is_a_text(self) -> None:
        """Whoever reads the arguments may take more than JSON, and a person reads anything."""
        for text in (
            '{"a": call 13812345678}',
            "{'a': '13812345678'}",
            '{"a": 1} 13812345678',
            '"x" 13812345678',
            '["x"]\n// "13812345678", [13812345678',
        ):
            for size in (1, len(text)):
                arguments = ArgumentsInPieces(RULES, Counter())
                for at in range(0, len(text), size):
                    arguments.feed(text[at : at + size], LONG)
                arguments.finish(LONG)
                self.assertEqual(applied(text, arguments.edits), text.replace("13812345678", "*" * 11))

    def test_of_a_long_string_only_what_waits_is_remembered(self) -> None:
        arguments = ArgumentsInPieces(RULES, Counter())
        arguments.feed('{"a": "', LONG)
        for _ in range(100):
            arguments.feed("some words\\n 13812345678 ", LONG)
        self.assertLess(len(arguments._written), 300)
        self.assertEqual(len(arguments.edits), 100)

    def test_one_document_behind_another(self) -> None:
        text = '{"key": "key"} {"key": 13812345678}\n["key"]'
        arguments = ArgumentsInPieces(RULES, Counter())
        arguments.feed(text, LONG)
        arguments.finish(LONG)
        self.assertEqual(applied(text, arguments.edits).count("key"), 2)

    def test_structure_is_settled_at_once(self) -> None:
        arguments = ArgumentsInPieces(RULES, Counter())
        arguments.feed('{"key": 138123456', LONG)
        self.assertEqual(arguments.settled, arguments.size)

    def test_a_wrong_escape_is_told(self) -> None:
        arguments = ArgumentsInPieces(RULES, Counter())
        self.assertRaises(Unreadable, arguments.feed, '{"a": "\\uzzzz 13812345678"', LONG)
