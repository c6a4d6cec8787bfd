"""Masking of texts: what is found, what stands there instead, and texts in pieces."""

from __future__ import annotations

from collections import Counter

import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.masking import Rule, Rules, Strategy, applied
from jairouter.codec.patience import Patience, Unreadable
from jairouter.codec.strategies import (
    hash_with,
    keep_domain,
    keep_ends,
    mask,
    replace,
)
from jairouter.codec.text_in_pieces import (
    TextInPieces,
)
from jairouter.codec.words import words

LONG = Patience(lambda: 0.0, 10.0)
PATTERNS = (
    r"\d{11}",
    r"\d{18}",
    r"[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,}",
    r"\d{4}[- ]?\d{4}[- ]?\d{4}[- ]?\d{4}",
    r"ab\B.c",
    r"@\b\w+",
    r"ab$",
    r"(?m)ab$",
    r"ab",
    r"bcd",
    r"ab(c.*d)?",
    r"(?<=a )b+",
    r"(?<!b)a(?!b)",
    r"a{2,3}b?",
    r"(a|ab)(c|bcd)",
    r"a(?=.*b)",
    words(["ab", "c b", "cab", "密码"]),
)


def rule(pattern: str, strategy: Strategy | None = None, priority: int = 1, name: str = "r") -> Rule:
    """A rule; whatever is not given is ordinary."""
    return Rule(name, "X", pattern, strategy or mask("*"), priority)


def masked(text: str, *rules: Rule) -> str:
    """A whole text, masked."""
    return Rules(rules).masked(text, LONG, Counter())


def in_pieces(pieces: list[str], *rules: Rule, most: int = 10_000) -> str:
    """The same, when it comes in pieces."""
    text = TextInPieces(Rules(rules), Counter(), most)
    for piece in pieces:
        text.feed(piece, LONG)
    text.finish(LONG)
    assert text.settled == text.size
    return applied("".join(pieces), text.edits)


class StrategyTests(SynchronousTestCase):
    """What stands there instead."""

    def test_mask(self) -> None:
        self.assertEqual(mask("#")("abc"), "###")

    def test_the_ends_are_kept(self) -> None:
        self.assertEqual(keep_ends("*")("13812345678"), "138****5678")

    def test_of_short_texts_less_is_kept(self) -> None:
        self.assertEqual(
            [keep_ends("*")(each) for each in ("abcd", "abcde", "abcdefgh")], ["****", "a***e", "ab****gh"]
        )

    def test_the_domain_is_kept(self) -> None:
        self.assertEqual(keep_domain("*")("user@example.com"), "u***@example.com")
        self.assertEqual(keep_domain("*")("u@example.com"), "*@example.com")
        self.assertEqual(keep_domain("*")("nobody"), "******")

    def test_a_hash_depends_on_the_secret(self) -> None:
        """Without it nobody can find out a number by trying all."""
        one, two = hash_with(b"1" * 32), hash_with(b"2" * 32)
        self.assertRegex(one("13812345678"), r"^\[HASH:[0-9A-F]{8}\]$")
        self.assertEqual(one("x"), one("x"))
        self.assertNotEqual(one("x"), two("x"))


class RuleTests(SynchronousTestCase):
    """What is found."""

    def test_words_stand_alone_in_any_case(self) -> None:
        found = masked("my Key: monkey, keys, KEY.", rule(words(["key"])))
        self.assertEqual(found, "my ***: monkey, keys, ***.")

    def test_words_of_scripts_without_blanks(self) -> None:
        self.assertEqual(masked("我的密码是token吗", rule(words(["密码", "token"]))), "我的**是*****吗")

    def test_words_with_signs_at_their_ends(self) -> None:
        self.assertEqual(masked("c++ and xc++", rule(words(["c++"]))), "*** and xc++")

    def test_nothing_that_any_rule_finds_stays(self) -> None:
        """Of 18 digits, a rule for 11 leaves seven."""
        phone, identity = rule(r"\d{11}", replace("P")), rule(r"\d{18}", replace("I"))
        self.assertEqual(masked("110101199003078888", phone, identity), "I")
        self.assertEqual(masked("abcd", rule("abc", replace("1")), rule("bcd", replace("2"))), "1")

    def test_the_rule_with_the_lowest_number_counts(self) -> None:
        self.assertEqual(masked("abcd", rule("abcd", replace("1"), 2), rule("bc", replace("2"), 1)), "2")

    def test_a_rule_that_may_find_nothing_ends(self) -> None:
        self.assertEqual(masked("aabaa", rule("(b?)")), "aa*aa")

    def test_what_is_found_is_counted(self) -> None:
        counts: Counter[Rule] = Counter()
        one = rule("a")
        Rules([one]).masked("abca", LONG, counts)
        self.assertEqual(counts, {one: 2})

    def test_a_pattern_that_takes_for_ever_is_given_up(self) -> None:
        slow = Rules([rule(r"(a|aa)+$")])
        self.assertRaises(Unreadable, slow.masked, "a" * 60 + "b", Patience(lambda: 0.0, 0.01), Counter())

    def test_a_process_that_stood_still_for_a_moment_goes_on(self) -> None:
        times = iter([0.0, 0.1, 60.0, 60.1, 60.2, 120.0])
        patience = Patience(lambda: next(times), 1.0)
        self.assertAlmostEqual(patience.left(), 0.9)
        self.assertEqual(patience.left(), 1.0)
        self.assertAlmostEqual(patience.left(), 0.9)
        self.assertRaises(Unreadable, patience.left)

    def test_all_searches_of_a_body_share_its_time(self) -> None:
        times = iter(range(100))
        patience = Patience(lambda: float(next(times)), 3.0)
        error = self.assertRaises(Unreadable, Rules([rule("a")]).masked, "aaaaaaaa", patience, Counter())
        self.assertEqual(error.reason, "timeout")


class TextInPiecesTests(SynchronousTestCase):
    """Texts that come in pieces."""

    @settings(max_examples=150, deadline=None)
    @given(
        st.lists(st.text("abcd 12@.\n密码", max_size=4) | st.text("1234567890 -", max_size=9), max_size=9),
        st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique=True),
        st.booleans(),
    )
    def test_the_pieces_do_not_matter(self, pieces: list[str], patterns: list[str], alike: bool) -> None:
        rules = [
            rule(each, replace(f"<{place}>"), 1 if alike else place % 2)
            for place, each in enumerate(patterns)
        ]
        whole = masked("".join(pieces), *rules)
        self.assertEqual(in_pieces(pieces, *rules), whole)
        self.assertEqual(in_pieces([*"".join(pieces)], *rules), whole)

    def test_a_find_waits_for_another_one_that_may_reach_into_it(self) -> None:
        rules = rule("ab", replace("1")), rule("bcd", replace("2"))
        self.assertEqual(in_pieces(["abc", "d"], *rules), "2")
        self.assertEqual(in_pieces(["abc", "e"], *rules), "1ce")

    def test_what_cannot_become_a_match_is_settled(self) -> None:
        text = TextInPieces(Rules([rule(r"\d{11}")]), Counter())
        settled = []
        for piece in ("call ", "138", "1 or", " 13812345678", "."):
            text.feed(piece, LONG)
            settled.append(text.size - text.settled)
        self.assertEqual(settled, [0, 3, 0, 11, 0])

    def test_no_more_than_so_many_characters_wait(self) -> None:
        text = TextInPieces(Rules([rule(r"<.*>")]), Counter(), 10)
        text.feed("<123456789", LONG)
        self.assertEqual(text.settled, 0)
        text.feed("0", LONG)
        self.assertEqual(text.settled, 1)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.sampled_from(["a", "bcd", "138", "13812345678", "é", "@", "abc" * 7]), max_size=12),
        st.booleans(),
    )
    def test_a_short_find_is_not_cut_in_a_long_word(self, pieces: list[str], single: bool) -> None:
        """The word may be the beginning of something else, and does not wait for ever."""
        phone = rule(r"\d{11}", replace("P"))
        whole = "".join(pieces)
        given = [*whole] if single else pieces
        self.assertEqual(in_pieces(given, phone, rule("[a-d0-9]+!"), most=11), masked(whole, phone))

    def test_what_is_told_of_all_rules_at_once_is_what_each_would_tell(self) -> None:
        """An expression that cannot be part of another one has a look of its own."""
        for pattern in (r"(a)\1", "(?P<x>ab)(?P=x)", "(?-i:AB)", r"\(?ab", r"a\\(?:b)", r"(a)(?1)b", r"ab\b"):
            for text in ("aab", "abab", "AB ab", "(ab)", "a\\b", "ab"):
                rules = rule("(c)"), rule(pattern)
                expected = regex.sub(pattern, lambda found: "*" * len(found[0]), text, flags=regex.I)
                self.assertEqual(masked(text, *rules), expected, pattern)
                self.assertEqual(in_pieces([*text], *rules), expected, pattern)

    def test_of_a_long_text_only_the_end_is_kept(self) -> None:
        text = TextInPieces(Rules([rule(r"(?<=b)a")]), Counter())
        for _ in range(1000):
            text.feed("some words b", LONG)
        self.assertLess(len(text._text), 1000)
        text.feed("a!", LONG)
        self.assertEqual([each.start for each in text.edits], [12_000])
