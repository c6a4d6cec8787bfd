"""Tests for `jairouter.web.management.asking`."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.refusals import InvalidRequest
from jairouter.web.management.asking import read_parent, read_path, read_query
from jairouter.web.management.endpoint import Parameter, Reply
from tests.fuzz.examples import examples
from tests.web.management.examples import endpoint

INTEGER = {"type": "integer", "minimum": 1, "maximum": 10}
SHOW = endpoint(
    lambda call: Reply(),
    path="/api/{number}/{name}",
    parameters=(
        Parameter("number", "", INTEGER),
        Parameter("limit", "", INTEGER, default=5),
        Parameter("deleteOriginals", "", {"type": "boolean"}, default=False),
        Parameter("share", "", {"type": "number", "maximum": 1}),
        Parameter("sort", "", {"type": "string", "enum": ["up", "down"]}),
    ),
)
CHANGE = endpoint(lambda call: Reply(), "PUT", refusals=("VERSION_CONFLICT",))
NEEDY = endpoint(lambda call: Reply(), parameters=(Parameter("baseUrl", "", required=True),))


class QueryTests(SynchronousTestCase):
    """What a query says."""

    def refused(self, query: bytes, reason: str, asked: Any = SHOW) -> None:
        error = self.assertRaises(InvalidRequest, read_query, asked, query)
        self.assertIn(reason, error.message)

    def test_defaults(self) -> None:
        defaults = {"limit": 5, "deleteOriginals": False, "share": None, "sort": None}
        self.assertEqual(read_query(SHOW, b""), defaults)

    def test_types(self) -> None:
        asked = read_query(SHOW, b"limit=7&deleteOriginals=true&share=0.25&sort=up")
        self.assertEqual(asked, {"limit": 7, "deleteOriginals": True, "share": 0.25, "sort": "up"})

    def test_texts(self) -> None:
        for query, text in ((b"a+b%20c", "a b c"), (b"%C3%A4", "ä"), (b"a%2Bb%26c=d", "a+b&c=d"), (b"", "")):
            self.assertEqual(read_query(CHANGE, b"description=" + query)["description"], text)

    def test_empty_pieces(self) -> None:
        self.assertEqual(read_query(SHOW, b"&limit=7&&")["limit"], 7)

    def test_unknown(self) -> None:
        """A misspelled one must not silently do something else."""
        self.refused(b"deleteOriginal=true", "did you mean deleteOriginals?")
        self.refused(b"deleteoriginals=true", "did you mean deleteOriginals?")
        self.refused(b"zzzz=1", "there is limit, deleteOriginals")
        self.refused(b"%00=1", "control character")
        self.refused(b"=1", "no query parameter")

    def test_twice(self) -> None:
        self.refused(b"limit=1&limit=1", "given twice")

    def test_missing(self) -> None:
        self.refused(b"", "baseUrl is required", NEEDY)

    def test_wrong_values(self) -> None:
        for query, reason in (
            (b"limit=x", "an integer"),
            (b"limit=", "an integer"),
            (b"limit=1.0", "an integer"),
            (b"limit=+1", "an integer"),
            (b"limit=%D9%A1", "an integer"),
            (b"limit=" + b"9" * 5000, "longer than"),
            (b"limit=0", "1 or more"),
            (b"limit=11", "10 or less"),
            (b"deleteOriginals=True", "true or false"),
            (b"deleteOriginals", "true or false"),
            (b"deleteOriginals=1", "true or false"),
            (b"share=nan", "a number"),
            (b"share=1e999", "a number"),
            (b"share=2", "1 or less"),
            (b"sort=upp", "did you mean up?"),
        ):
            self.refused(query, reason)

    def test_description(self) -> None:
        """It is shown in the history, on terminals too."""
        for query in (b"a%0Ab", b"%1b[2J", b"%7f", b"%C2%85", b"%E2%80%A8", b"%E2%80%AE"):
            self.refused(b"description=" + query, "control character", CHANGE)
        self.refused(b"description=%ff", "not UTF-8", CHANGE)
        self.refused(b"description=" + b"a" * 501, "500", CHANGE)

    def test_too_many(self) -> None:
        self.refused(b"limit=1&" * 101, "too many")

    @examples(50)
    @given(st.binary(max_size=30) | st.text("limt=&%0123456789abcdef+", max_size=20).map(str.encode))
    def test_anything(self, query: bytes) -> None:
        try:
            asked = read_query(SHOW, query)
        except InvalidRequest:
            return
        self.assertEqual(set(asked), {"limit", "deleteOriginals", "share", "sort"})


class PathTests(SynchronousTestCase):
    """What stands in a path."""

    def test_values(self) -> None:
        self.assertEqual(read_path(SHOW, (b"7", b"a/b")), {"number": 7, "name": "a/b"})

    def test_wrong_values(self) -> None:
        for values in ((b"x", b"a"), (b"11", b"a"), (b"7", b"\xff"), (b"7", b"a\r\nb"), (b"7", b"a" * 2001)):
            self.assertRaises(InvalidRequest, read_path, SHOW, values)


class ParentTests(SynchronousTestCase):
    """Which version the editor has seen."""

    def test_spellings(self) -> None:
        for text in (b'"7"', b"7", b'W/"7"', b' "7" '):
            self.assertEqual(read_parent(CHANGE, b"PUT", text, None), 7)

    def test_whichever_is_current(self) -> None:
        self.assertIsNone(read_parent(CHANGE, b"PUT", None, None))
        self.assertIsNone(read_parent(CHANGE, b"PUT", b"*", None))

    def test_query(self) -> None:
        self.assertEqual(read_parent(CHANGE, b"PUT", None, 7), 7)
        self.assertEqual(read_parent(CHANGE, b"PUT", b"*", 7), 7)
        self.assertEqual(read_parent(CHANGE, b"PUT", b'"0"', 0), 0)

    def test_contradiction(self) -> None:
        self.assertRaises(InvalidRequest, read_parent, CHANGE, b"PUT", b'"7"', 8)

    def test_odd_ones(self) -> None:
        for text in (b"", b'"7', b'"a"', b'"7", "8"', b"-1", b'w/"7"', b"'7'", b"9" * 30):
            self.assertRaises(InvalidRequest, read_parent, CHANGE, b"PUT", text, None)

    def test_where_it_means_nothing(self) -> None:
        """An editor that relies on it must be told; one that reads is told anyway."""
        cleanup = endpoint(lambda call: Reply(), "DELETE")
        self.assertRaises(InvalidRequest, read_parent, cleanup, b"DELETE", b'"7"', None)
        self.assertIsNone(read_parent(SHOW, b"GET", b'"7"', None))
