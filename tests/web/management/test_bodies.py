"""Tests for `jairouter.web.management.bodies`."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.refusals import InvalidRequest
from jairouter.web.management.bodies import LARGEST_INTEGER, MOST_DEPTH, media_type, parse_json, parse_yaml
from jairouter.web.management.envelope import UnsupportedMediaType
from tests.fuzz.examples import examples

CHARACTERS = st.characters(exclude_categories=["Cs"])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-LARGEST_INTEGER, LARGEST_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CHARACTERS, max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(CHARACTERS, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


class JsonTests(SynchronousTestCase):
    """Strict JSON."""

    def refused(self, data: bytes, reason: str) -> None:
        error = self.assertRaises(InvalidRequest, parse_json, data)
        self.assertIn(reason, error.message)

    @examples(40)
    @given(VALUES)
    def test_json(self, value: Any) -> None:
        self.assertEqual(parse_json(json.dumps(value).encode()), value)

    @examples(60)
    @given(st.binary(max_size=20) | st.text('{}[]",:0123\\u.eE-+tNI ', max_size=20).map(str.encode))
    def test_anything(self, data: bytes) -> None:
        """It is read or refused, and never anything else."""
        try:
            parse_json(data)
        except InvalidRequest as error:
            self.assertNotIn("\n", error.message)

    def test_byte_order_mark(self) -> None:
        self.assertEqual(parse_json(b"\xef\xbb\xbf1"), 1)

    def test_where_it_is_wrong(self) -> None:
        self.refused(b'{"a": 1,\n oops}', "line 2, column 2")

    def test_not_utf_8(self) -> None:
        self.refused(b'{"a": "\xff"}', "not UTF-8 (byte 8)")
        self.refused('{"a": 1}'.encode("utf-16"), "not UTF-8")

    def test_member_that_comes_twice(self) -> None:
        self.refused(b'[{"a": {"weight": 1, "b": 2, "weight": 3}}]', "'weight' comes twice")

    def test_numbers_that_are_none(self) -> None:
        for text in (b"NaN", b"Infinity", b"-Infinity"):
            self.refused(b"[%b]" % text, "no number")
        for text in (b"1e999", b"-1e999"):
            self.refused(text, "too large")

    def test_integers_beyond_64_bits(self) -> None:
        self.assertEqual(parse_json(b"-9223372036854775807"), -LARGEST_INTEGER)
        for text in (b"9223372036854775808", b"-9223372036854775808", b"9" * 10_000):
            self.refused(text, "64 bits")

    def test_depth(self) -> None:
        self.assertEqual(parse_json(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH) is None, False)
        for depth in (MOST_DEPTH + 2, 100_000):
            self.refused(b"[" * depth + b"]" * depth, "deep")
            self.refused(b'{"a":' * depth + b"1" + b"}" * depth, "deep")

    def test_half_characters(self) -> None:
        """They cannot be written to a file or an answer."""
        for text in (b'"\\ud800"', b'{"\\udfff": 1}', b'[["\\ud800x"]]'):
            self.refused(text, "surrogate")
        self.assertEqual(parse_json(b'"\\ud83d\\ude00"'), "\U0001f600")

    def test_too_many_values(self) -> None:
        self.refused(b"[" + b"0," * 200_000 + b"0]", "more than")


class YamlTests(SynchronousTestCase):
    """YAML as files have it."""

    def test_types(self) -> None:
        text = b"""
a: 1
b: 1.5
c: true
d: null
e: ~
f:
g: "1"
h: yes
i: 0o7
j: 012
k: ${PORT:8080}
l: [1e3, -0, .5]
m: 'true'
"""
        values: dict[str, Any] = {
            "a": 1,
            "b": 1.5,
            "c": True,
            "d": None,
            "e": None,
            "f": None,
            "g": "1",
            "h": "yes",
        }
        values |= {"i": "0o7", "j": "012", "k": "${PORT:8080}", "l": [1000.0, 0, ".5"], "m": "true"}
        self.assertEqual(parse_yaml(text), values)

    def test_json_is_yaml(self) -> None:
        self.assertEqual(parse_yaml(b'{"a": [1, "b"]}'), {"a": [1, "b"]})

    def test_nothing(self) -> None:
        self.assertIsNone(parse_yaml(b"# nothing\n"))

    def test_refused(self) -> None:
        for text in (b"a: 1\n---\nb: 2\n", b"a: 1\na: 2\n", b"!!python/object:os.system x", b"a: [", b"\xff"):
            self.assertRaises(InvalidRequest, parse_yaml, text)

    def test_faults_say_where(self) -> None:
        error = self.assertRaises(InvalidRequest, parse_yaml, b"a: 1\na: 2\n")
        self.assertEqual(str(error.faults[0].origin), "the body:2")

    def test_infinity(self) -> None:
        self.assertRaises(InvalidRequest, parse_yaml, b"a: 1e999")
        self.assertEqual(parse_yaml(b"a: .inf"), {"a": ".inf"})
        self.assertFalse(math.isinf(parse_yaml(b"1e99")))


class MediaTypeTests(SynchronousTestCase):
    """Which bodies are taken."""

    def test_json(self) -> None:
        for name in (
            b"application/json",
            b"Application/JSON; charset=UTF-8",
            b'application/json;charset="utf-8"',
            b"application/merge-patch+json",
            b"application/vnd.api+json ; q=1",
        ):
            self.assertEqual(media_type(name, b"", yaml=False), "json", name)

    def test_yaml(self) -> None:
        for name in (b"text/yaml", b"application/yaml", b"application/x-yaml; charset=utf-8"):
            self.assertEqual(media_type(name, b"identity", yaml=True), "yaml", name)
            self.assertRaises(UnsupportedMediaType, media_type, name, b"", yaml=False)

    def test_others(self) -> None:
        for name in (
            b"",
            b";",
            b"application/json5",
            b"application/+json",
            b"text/json",
            b"application/json, text/a",
        ):
            self.assertRaises(UnsupportedMediaType, media_type, name, b"", yaml=True)

    def test_other_character_sets(self) -> None:
        name = b"application/json; charset=latin-1"
        self.assertRaises(UnsupportedMediaType, media_type, name, b"", yaml=False)

    def test_compressed(self) -> None:
        self.assertRaises(UnsupportedMediaType, media_type, b"application/json", b"gzip", yaml=False)
