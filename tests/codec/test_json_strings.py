"""Where the strings of a JSON text stand."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.json_strings import Places, decoded, escaped, string_values
from jairouter.codec.patience import Unreadable

DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text('ab"\\/\né😀{}[],:', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "type", 'q"{', "é"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def found(text: str, *places: str, emptied: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
    """The values, decoded, with their paths."""
    return [
        (*each.path, each.empty or decoded(text[each.start : each.end])[0])
        for each in string_values(text, Places(places, emptied))
    ]


def strings_of(document: Any, left_alone: str) -> list[str]:
    """The strings of a document, in order."""
    if isinstance(document, str):
        return [document]
    if isinstance(document, list):
        return [text for each in document for text in strings_of(each, left_alone)]
    if isinstance(document, dict):
        return [
            t for name, each in document.items() if name != left_alone for t in strings_of(each, left_alone)
        ]
    return []


class StringValuesTests(SynchronousTestCase):
    """What is told of a document."""

    @settings(max_examples=150, deadline=None)
    @given(DOCUMENTS, st.booleans(), st.sampled_from([None, 1]))
    def test_every_string_is_found(self, document: Any, ascii_only: bool, indent: int | None) -> None:
        text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)
        self.assertEqual([each[-1] for each in found(text, "type")], strings_of(document, "type"))

    def test_what_is_left_alone_ends_with_its_object(self) -> None:
        """Also where it is no string, behind which nothing else would say that it has ended."""
        self.assertEqual(found('[{"a": 1, "type": null}, "x"]', "type"), [("x",)])
        self.assertEqual(found('{"b": {"type": 7}, "c": "x"}', "type"), [("c", "x")])

    def test_paths_count_what_stands_before(self) -> None:
        text = '{"choices": [{"x": "1"}, 5, {"y": ["2", ["3"]]}], "z": "4"}'
        expected = [
            ("choices", 0, "x", "1"),
            ("choices", 1, "y", "2"),
            ("choices", 1, "y", 0, "3"),
            ("z", "4"),
        ]
        self.assertEqual(found(text), expected)

    def test_a_member_that_is_left_alone_ends(self) -> None:
        """Whatever it is; what follows is looked at again."""
        for value in ("5", "null", '"s"', "[]", '{"x": "1"}', '[["1"], {"y": "2"}]'):
            self.assertEqual(found(f'{{"id": {value}, "x": "seen"}}', "id"), [("x", "seen")], value)

    def test_a_place_may_be_named_with_what_is_around_it(self) -> None:
        text = '{"source": {"data": "1"}, "data": "2"}'
        self.assertEqual(found(text, "source.data"), [("data", "2")])

    def test_a_name_may_be_written_with_escapes(self) -> None:
        self.assertEqual(found(r'{"i\u0064": "1"}', "id"), [])

    def test_members_are_emptied(self) -> None:
        text = '{"logprobs": {"content": [{"token": "1"}]}, "x": {"logprobs": [1], "y": "2"}}'
        self.assertEqual(found(text, emptied=("logprobs",)), [("null",), ("x", "[]"), ("x", "y", "2")])
        self.assertEqual(found('{"logprobs": null, "y": {"logprobs": []}}', emptied=("logprobs",)), [])

    def test_what_is_no_json_is_refused(self) -> None:
        for text in ('{"a": "b', '{"a": "b"', "{}}", "call 13812345678", '{"a": call}', '"a" b'):
            with self.assertRaises(Unreadable, msg=text):
                found(text)

    def test_a_deep_document_is_read(self) -> None:
        self.assertEqual(len(found("[" * 50_000 + '"a"' + "]" * 50_000)), 1)


class DecodedTests(SynchronousTestCase):
    """What a string means, and where."""

    def test_each_character_has_its_place(self) -> None:
        text, places = decoded(r"a\n\u00e9\ud83d\ude00b\ud83d")
        self.assertEqual(text, "a\né😀b\ud83d")
        self.assertEqual(list(places), [0, 1, 3, 9, 21, 22, 28])

    def test_what_is_no_escape_is_the_character_itself(self) -> None:
        """Some readers take it so; what stands there must not get by."""
        text, places = decoded(r"\1\q3\n4")
        self.assertEqual((text, list(places)), ("1q3\n4", [0, 2, 4, 5, 7, 8]))

    def test_places_are_told_in_any_order(self) -> None:
        _, places = decoded(r"a\n\u00e9b")
        self.assertEqual((places[3], places[1:3], places[4]), (9, [1, 3], 10))
        self.assertRaises(IndexError, places.__getitem__, 5)

    def test_what_is_escaped_can_be_decoded(self) -> None:
        for text in ('"', "\\", "é", "\ud83d", "\n"):
            self.assertEqual(decoded(escaped(text))[0], text)
