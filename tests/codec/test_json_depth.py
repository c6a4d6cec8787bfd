"""Tests for `jairouter.codec.json_depth`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec import json_depth
from jairouter.codec.json_depth import is_deeper
from tests.fuzz.examples import examples

TEXTS = st.text(st.sampled_from('[]{}"\\/ nub\u00fc\n'), max_size=6)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)


def depth_of(value: Any) -> int:
    """As a parser finds it."""
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(depth_of, value.values() if isinstance(value, dict) else value), default=0)


class DepthTests(SynchronousTestCase):
    """How deep a body is."""

    def at_most(self, limit: int, body: bytes) -> None:
        self.assertFalse(is_deeper(body, limit), (limit, body[:80]))
        self.assertTrue(is_deeper(body, limit - 1), (limit, body[:80]))

    @given(VALUES, st.integers(1, 9), st.booleans())
    @examples(60)
    def test_what_a_parser_finds(self, value: Any, piece: int, plain: bool) -> None:
        """However texts look like brackets, and wherever the pieces end."""
        self.patch(json_depth, "_PIECE", piece)
        body = json.dumps(value, ensure_ascii=plain).encode()
        depth = depth_of(value)
        for limit in range(1, depth + 2):
            self.assertEqual(is_deeper(body, limit), depth > limit, (body, limit))

    def test_brackets_in_texts_are_none(self) -> None:
        self.at_most(2, b'{"a": ["[[[[{{{{", "\\"[[[[", "\\\\", "[\\\\\\"[[[", "\\u005c", "]]]]"]}')

    def test_closing_brackets_in_texts_hide_nothing(self) -> None:
        self.at_most(5, b'["]]]]]]]]", ["]]]]]]", ["}}}}", [["\\"]", "\\\\"]]]]]')

    def test_many_beside_one_another(self) -> None:
        self.at_most(2, b"[" + b"[]," * 100_000 + b"{}]")

    def test_a_deep_end(self) -> None:
        """After much that is not deep, in another piece."""
        self.at_most(200, b"[" + b"[[[]]]," * 30_000 + b"[" * 199 + b"]" * 200)

    def test_what_never_closes(self) -> None:
        self.assertTrue(is_deeper(b'{"a":' * 1_000_000, 1000))
        self.assertTrue(is_deeper(b"[" * 129, 128))

    def test_what_is_no_json(self) -> None:
        """Is judged by whoever reads it; it must only not be a trap."""
        for body in (b"", b'"', b"\\", b"]]]]", b'"[[[', b"\xff[[", b"[[\\"):
            self.assertIsInstance(is_deeper(body, 1), bool)
