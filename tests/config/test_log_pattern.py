"""Tests for `jairouter.config.log_pattern` and `.log_date`: what is wrong is a fault, with its place."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.log_date import parse_date, zone_of
from jairouter.config.log_pattern import PatternFault, date_options, parse_pattern
from tests.config.reading import faults_of, read

GUIDE = "%d{yyyy-MM-dd HH:mm:ss.SSS} [%thread] %-5level [%X{traceId}] %logger{36} - %msg%n"


class FaultTests(SynchronousTestCase):
    """What is no pattern."""

    def refused(self, pattern: str) -> str:
        return str(self.assertRaises(PatternFault, parse_pattern, pattern))

    def test_unknown_word(self) -> None:
        self.assertEqual(
            self.refused("%d %mesage%n"),
            "there is no conversion word %mesage; did you mean %message? (at character 4)",
        )

    def test_nothing_like_a_word(self) -> None:
        self.assertEqual(self.refused("a %-5."), "a conversion word is missing behind % (at character 3)")

    def test_what_is_not_closed(self) -> None:
        self.assertEqual(self.refused("%-9(%d"), "this ( is not closed (at character 4)")
        self.assertEqual(self.refused("%d{HH"), "this { is not closed (at character 3)")

    def test_what_is_not_opened(self) -> None:
        self.assertEqual(self.refused("%d)"), "nothing is closed by this ) (at character 3)")

    def test_options(self) -> None:
        for pattern, text in {
            "%d{qq}": "a date has no 'q'",
            "%d{HH 'x}": "a quote in the date is not closed",
            "%logger{a}": "expected a number of characters in {}",
            "%ex{some}": "expected short, full or a number of lines in {}",
            "%replace(%m){a}": "expected %replace(...){expression, replacement}",
            "%replace(%m){'(', ''}": "missing ), unterminated subpattern",
            "%clr": "%clr is followed by what it applies to",
        }.items():
            self.assertIn(text, self.refused(pattern))

    def test_many_parentheses(self) -> None:
        """They would go as deep as Python's own stack."""
        self.assertIn("more than 20", self.refused("%(" * 5000))

    @settings(max_examples=60, deadline=None)
    @given(st.text("%(){}\\'\",-.59dmXcn ", max_size=12))
    def test_anything(self, pattern: str) -> None:
        """It is a pattern, or a fault; never an error."""
        try:
            parse_pattern(pattern)
        except PatternFault as fault:
            self.assertIn("(at character ", str(fault))


class SettingsTests(SynchronousTestCase):
    """A wrong pattern is a fault of the configuration."""

    def test_pattern(self) -> None:
        [fault] = faults_of("logging:\n  pattern:\n    console: '%d %what%n'")
        self.assertIn("a.yml:3: logging.pattern.console: there is no conversion word %what", fault)

    def test_date(self) -> None:
        [fault] = faults_of("logging.pattern.dateformat: foo")
        self.assertIn("logging.pattern.dateformat: a date has no 'f'", fault)

    def test_that_of_the_guide(self) -> None:
        self.assertEqual(read(f'logging.pattern.file: "{GUIDE}"').settings.logging.pattern.file, GUIDE)

    def test_names_of_members(self) -> None:
        [fault] = faults_of("logging.structured.fields: {traceID: x, levl: y}")
        self.assertIn("a line has no such member", fault)
        [fault] = faults_of("logging.structured.fields: {message: status}")
        self.assertIn("'status' is the name of another member, too", fault)

    def test_levels(self) -> None:
        """YAML's own idea of `off` is not ours."""
        level = read("logging.level: {root: off, a: ALL, b: trace}").settings.logging.level
        self.assertEqual(dict(level), {"root": "OFF", "a": "ALL", "b": "TRACE"})
        self.assertEqual(len(faults_of("logging.level: {root: LOUD}")), 1)


class DateTests(SynchronousTestCase):
    """What dates are made of."""

    def test_zone(self) -> None:
        for inside in ("HH:mm, UTC", "HH:mm}{UTC"):
            [part] = parse_pattern(f"%d{{{inside}}}")
            self.assertEqual(date_options(part.options), ("HH:mm", "UTC"))

    def test_comma(self) -> None:
        """It may be the date's own."""
        [part] = parse_pattern("%d{HH:mm:ss,SSS}")
        self.assertEqual(date_options(part.options), ("HH:mm:ss,SSS", None))

    def test_no_zone(self) -> None:
        for name in ("Nowhere/Atall", "../../etc/passwd", "", "/etc/passwd"):
            self.assertRaises(ValueError, zone_of, name)

    def test_wide(self) -> None:
        self.assertRaises(ValueError, parse_date, "y" * 10)
