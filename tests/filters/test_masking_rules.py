"""From settings to rules, and what is wrong with settings."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.patience import Patience
from jairouter.config.settings.sanitization import (
    MaskingSettings,
    RequestSanitizationRules,
    ResponseSanitizationRules,
    SanitizationSettings,
)
from jairouter.filters.masking_rules import Maskings, kind_of, masking_of, rules_of
from tests.config.reading import faults_of, read

LONG = Patience(lambda: 0.0, 10.0)
TEXT = "key 13812345678 bob@example.com 4111 1111 1111 1111 110101199003078888 x-7"


def masked(text: str = TEXT, **given: Any) -> str:
    """What settings make of a text."""
    return rules_of(MaskingSettings(**given), b"s").masked(text, LONG, Counter())


def told(settings: str) -> list[str]:
    """The faults of such settings."""
    return faults_of(f"security: {{sanitization: {{request: {settings}}}}}")


class RulesTests(SynchronousTestCase):
    """What is looked for, and what is done."""

    def test_what_is_masked_by_default(self) -> None:
        found = rules_of(RequestSanitizationRules(), b"s").masked(TEXT, LONG, Counter())
        self.assertEqual(found, "*** *********** *************** ******************* ****************** x-7")

    def test_each_kind_has_its_strategy(self) -> None:
        strategies = {
            "phone": "keep-prefix-suffix",
            "email": "keepDomain",
            "card": "replace:[CARD]",
            "default": "remove",
        }
        self.assertEqual(
            masked(strategies=strategies, sensitive_words=("key",)),
            " 138****5678 b**@example.com [CARD] [CARD]88 x-7",
        )

    def test_kinds_are_known_by_what_they_match(self) -> None:
        patterns = (r"1[3-9]\d{9}", r"[^@\s]+@\S+", r"\d{17}[\dX]", r"\d{4}( ?\d{4}){3}", r"\d+", "x")
        kinds = ["phone", "email", "id-card", "card", "", ""]
        self.assertEqual([kind_of(each) for each in patterns], kinds)

    def test_rules_of_ones_own(self) -> None:
        rules = {"staff": {"pattern": r"x-\d", "strategy": "replace"}}
        self.assertEqual(masked("see x-7", custom_rules=rules), "see [REDACTED]")

    def test_priorities(self) -> None:
        given = {"pii_patterns": ("abcd", "bc"), "strategies": {"pattern-1": "remove", "pattern-2": "hash"}}
        self.assertEqual(masked("abcd", **given), "")
        self.assertTrue(masked("abcd", **given, rule_priorities={"pattern-2": 1}).startswith("[HASH:"))

    def test_names_of_rules_are_their_own(self) -> None:
        rules = rules_of(MaskingSettings(pii_patterns=(r"\d{11}", r"1\d{10}", "y")), b"s")
        self.assertEqual([each.name for each in rules.all], ["phone", "phone-2", "pattern-3"])


class MaskingsTests(SynchronousTestCase):
    """Whether there is a filter at all."""

    def test_what_is_off_is_not_there(self) -> None:
        tools: Any = None
        settings = SanitizationSettings()
        self.assertIsNone(Maskings(tools, Random(0)).wrap(settings))
        self.assertIsNone(masking_of(settings.request, b"s"))

    def test_nothing_to_look_for_is_off(self) -> None:
        tools: Any = None
        request = RequestSanitizationRules(enabled=True, sensitive_words=(), pii_patterns=())
        self.assertIsNone(Maskings(tools, Random(0)).wrap(SanitizationSettings(request=request)))

    def test_the_secret_stays(self) -> None:
        """After a reload the same text has the same hash."""
        tools: Any = None
        response = ResponseSanitizationRules(enabled=True, strategies={"default": "hash"})
        maskings = Maskings(tools, Random(0))
        made: list[Any] = [maskings.wrap(SanitizationSettings(response=response)) for _ in range(2)]
        one, two = (each.keywords["response"].rules.masked("13812345678", LONG, Counter()) for each in made)
        self.assertEqual(one, two)


class DefaultTests(SynchronousTestCase):
    """What is looked for if nobody says otherwise."""

    def test_an_address_has_an_end(self) -> None:
        """Without one, a long word takes the square of its length, and whoever sends it is not masked."""
        self.assertEqual(masked("x" * 100 + "@example.com"), "x" * 36 + "*" * 76)

    def test_what_a_backend_says_of_an_error_is_looked_at(self) -> None:
        masking = masking_of(ResponseSanitizationRules(enabled=True), b"s")
        assert masking is not None
        self.assertFalse(masking.places.holds("detail", ()))


class FaultTests(SynchronousTestCase):
    """What is refused, and where."""

    def test_an_expression_that_does_not_compile(self) -> None:
        faults = told('{pii-patterns: ["a", "(b"]}')
        self.assertEqual(len(faults), 1)
        self.assertIn(
            "a.yml:1: security.sanitization.request.pii-patterns[1]: is no regular expression", faults[0]
        )

    def test_an_expression_of_ones_own(self) -> None:
        faults = told('{custom-rules: {x: {pattern: "*"}}}')
        self.assertIn("security.sanitization.request.custom-rules.x.pattern: is no regular", faults[0])

    def test_an_expression_that_matches_everywhere(self) -> None:
        self.assertIn("matches an empty text", told('{pii-patterns: ["a*"]}')[0])

    def test_an_expression_that_searches_backwards(self) -> None:
        self.assertIn("backwards", told('{pii-patterns: ["(?r)ab"]}')[0])

    def test_an_expression_that_stands_for_itself(self) -> None:
        self.assertIn("(?R)", told(r"""{pii-patterns: ['\((?:[^()]|(?R))*\)']}""")[0])

    def test_a_strategy_that_is_none(self) -> None:
        self.assertIn("expected one of mask, replace", told("{strategies: {phone: hide}}")[0])

    def test_an_address_that_is_none(self) -> None:
        self.assertIn("expected an IP address", told("{whitelist-ips: [here]}")[0])

    def test_forms_are_told_of(self) -> None:
        notices = read("security: {sanitization: {request: {enabled: true}}}").notices
        self.assertIn("does not look into forms", str(notices[0]))
        self.assertEqual(read("security: {sanitization: {response: {enabled: true}}}").notices, ())
