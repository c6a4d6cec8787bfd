"""Tests for `jairouter.auth.bounds`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.bounds import exceeded, first_limit
from jairouter.auth.key_records import terms_of

_PATTERNS = st.text("ab*?[]!", min_size=1, max_size=5)


def limit(own: dict[str, Any], other: dict[str, Any]) -> str | None:
    """The limit of the first key that the second does not keep to."""
    return exceeded(terms_of("own", own), terms_of("other", other))


class NumberTests(SynchronousTestCase):
    """Limits of how much, and until when."""

    def test_each(self) -> None:
        """Less or the same keeps to it; more or none does not."""
        for name in ("requestsPerMinute", "maxConcurrent", "requestsPerDay", "expiresAt"):
            own = {name: 1_800_000_000}
            self.assertIsNone(limit(own, own))
            self.assertIsNone(limit(own, {name: 1_799_999_999}))
            self.assertEqual(limit(own, {name: 1_800_000_001}), name)
            self.assertEqual(limit(own, {}), name)
            self.assertIsNone(limit({}, {name: 5}), "who is not limited makes any")
            self.assertEqual(first_limit(terms_of("own", own)), name)

    def test_burst(self) -> None:
        """Where none is said, it is the number of requests per minute."""
        own = {"requestsPerMinute": 60, "burst": 2}
        self.assertIsNone(limit(own, {"requestsPerMinute": 60, "burst": 2}))
        self.assertIsNone(limit(own, {"requestsPerMinute": 2}))
        self.assertEqual(limit(own, {"requestsPerMinute": 60}), "burst")
        self.assertEqual(limit({"requestsPerMinute": 5}, {"requestsPerMinute": 5, "burst": 6}), "burst")

    def test_nobody_is_limited_without_a_key(self) -> None:
        self.assertIsNone(exceeded(None, terms_of("other", {})))
        self.assertIsNone(first_limit(None))
        self.assertIsNone(first_limit(terms_of("own", {"description": "x", "permissions": ["admin"]})))


class PlaceTests(SynchronousTestCase):
    """Where a key may be used from."""

    def test_networks(self) -> None:
        own = {"allowFrom": ["10.0.0.0/9", "10.128.0.0/9", "2001:db8::/32"]}
        for inside in (["10.0.0.0/8"], ["10.1.2.3", "2001:db8:1::/48"], ["::ffff:10.1.0.0/112"]):
            self.assertIsNone(limit(own, {"allowFrom": inside}), inside)
        for outside in ([], ["0.0.0.0/0"], ["10.0.0.0/7"], ["::/0"], ["10.1.2.3", "11.0.0.1"]):
            self.assertEqual(limit(own, {"allowFrom": outside}), "allowFrom", outside)


class ModelTests(SynchronousTestCase):
    """Which models a key may use."""

    def test_names_and_patterns(self) -> None:
        own = {"models": ["gpt-4*", "llama", "b[12]?"]}
        for inside in (["gpt-4*"], ["gpt-4"], ["gpt-4o*", "llama"], ["gpt-4?"], ["b1x"], ["b[12]?"]):
            self.assertIsNone(limit(own, {"models": inside}), inside)
        for outside in ([], ["*"], ["gpt*"], ["llama*"], ["gpt-4", "x"], ["b*"], ["b1*"], ["*gpt-4*"]):
            self.assertEqual(limit(own, {"models": outside}), "models", outside)
        self.assertIsNone(limit({"models": ["*"]}, {"models": ["[a]"]}))
        self.assertEqual(limit({"models": ["*b]"]}, {"models": ["x[ab]"]}), "models", "that fits xa, too")

    @settings(max_examples=60, deadline=None)
    @given(_PATTERNS, _PATTERNS, st.lists(st.text("ab*?[]!", max_size=4), max_size=8))
    def test_nothing_is_won(self, wide: str, narrow: str, names: list[str]) -> None:
        """What fits the narrower pattern, or is its very text, fits the wider one."""
        if limit({"models": [wide]}, {"models": [narrow]}) is None:
            for name in names:
                if fnmatchcase(name, narrow):
                    self.assertTrue(fnmatchcase(name, wide) or name == wide, (wide, narrow, name))
