"""Tests for `jairouter.telemetry.logs.pattern`: what Logback would write."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.logs.line import Line
from jairouter.telemetry.logs.pattern import TextLines, abbreviated

TRACE = "0af7651916cd43dd8448eb211c80319c"
TIME = 1_800_000_000.0625  # 2027-01-15 08:00:00.0625 UTC, a Friday
LINE = Line(TIME, "WARN", "jairouter.filters.forward.Forward", "it failed", "main", TRACE, "b7ad6b7169203331")


class PatternTests(SynchronousTestCase):
    """One line for each conversion word."""

    def text(self, pattern: str, line: Line = LINE, **others: str) -> str:
        made = TextLines(pattern, TIME - 2, "gw", **others).write(line)
        self.assertTrue(made.endswith("\n"))
        return made[:-1]

    def test_that_of_the_guide(self) -> None:
        pattern = "%d{yyyy-MM-dd HH:mm:ss.SSS, UTC} [%thread] %-5level [%X{traceId}] %logger{36} - %msg%n"
        self.assertEqual(
            self.text(pattern),
            f"2027-01-15 08:00:00.062 [main] WARN  [{TRACE}] jairouter.filters.forward.Forward - it failed",
        )
        untraced = LINE._replace(trace_id="")
        self.assertIn(" WARN  [] jairouter", self.text(pattern, untraced))

    def test_words(self) -> None:
        for pattern, text in {
            "%t|%p|%le": "main|WARN|WARN",
            "%lo|%c{0}": "jairouter.filters.forward.Forward|Forward",
            "%m|%message": "it failed|it failed",
            "%r": "2000",
            "%X": f"traceId={TRACE}, spanId=b7ad6b7169203331",
            "%mdc{user:-nobody}|%X{spanId}": "nobody|b7ad6b7169203331",
            "%cn": "gw",
            "100%% \\(\\)": "100% ()",
            "%class.%method:%line": "?.?:?",
            "%clr(%5p){faint} %highlight(%m)": " WARN it failed",
            "%replace(%m){'it (\\w+)', '$1!'}": "failed!",
            "%-8(%p)|": "WARN    |",
            "": "",
        }.items():
            self.assertEqual(self.text(pattern), text, pattern)

    def test_default_of_a_trace(self) -> None:
        self.assertEqual(self.text("%X{traceId:--}", LINE._replace(trace_id="")), "-")

    def test_widths(self) -> None:
        """Padded left or right; cut from the beginning, or with a minus from the end."""
        line = LINE._replace(message="abcdef")
        for modifier, text in {
            "8": "  abcdef",
            "-8": "abcdef  ",
            ".4": "cdef",
            ".-4": "abcd",
            "-5.3": "def  ",
            "5.-3": "  abc",
            "0.0": "",
        }.items():
            self.assertEqual(self.text(f"%{modifier}m|", line), text + "|", modifier)

    def test_level_and_date_of_their_own(self) -> None:
        self.assertEqual(self.text("%d|%level|%-6level|", level="<%.-1p>", date="ss"), "00|<W>|WARN  |")

    def test_a_traceback_follows_as_indented_lines(self) -> None:
        """None of which can be taken for an event."""
        line = LINE._replace(traceback="Traceback\n  File x\nValueError: a\n2027-01-15 [main] forged \x1b[0m")
        self.assertEqual(
            self.text("%m%n", line).splitlines(),
            [
                "it failed",
                "    Traceback",
                "      File x",
                "    ValueError: a",
                "    2027-01-15 [main] forged \\x1b[0m",
            ],
        )

    def test_less_of_a_traceback(self) -> None:
        line = LINE._replace(traceback="Traceback\n  File x\nValueError: a")
        for pattern, lines in {
            "%m%nopex": 1,
            "%m%ex{0}": 1,
            "%m%ex{short}": 2,
            "%m%ex{2}": 3,
            "%m%ex": 4,
        }.items():
            self.assertEqual(len(self.text(pattern, line).splitlines()), lines, pattern)
        self.assertTrue(self.text("%m%ex{short}", line).endswith("    ValueError: a"))

    def test_it_ends_with_its_line(self) -> None:
        """A pattern without %n, too."""
        self.assertEqual(TextLines("%m").write(LINE), "it failed\n")


class DateTests(SynchronousTestCase):
    """Java's date patterns."""

    def test_letters(self) -> None:
        for pattern, text in {
            "yyyy/yy/M/MM/MMM/MMMM": "2027/27/1/01/Jan/January",
            "d/D/E/EEEE": "15/15/Fri/Friday",
            "H/HH/h/hh/K/k/a/m/s": "8/08/8/08/8/8/AM/0/0",
            "S/SSS/SSSSSS": "0/062/062500",
            "yyyy-MM-dd'T'HH:mm:ss.SSSXXX": "2027-01-15T08:00:00.062Z",
            "Z/ZZZZ/X/XX/xxx": "+0000/GMT+00:00/Z/Z/+00:00",
            "'o''clock' ''": "o'clock '",
            "ISO8601": "2027-01-15 08:00:00,062",
            "ABSOLUTE": "08:00:00,062",
        }.items():
            self.assertEqual(TextLines(f"%d{{{pattern}, UTC}}").write(LINE)[:-1], text, pattern)

    def test_zone(self) -> None:
        text = TextLines("%d{HH:mm XXX z, Asia/Kolkata}").write(LINE)
        self.assertEqual(text, "13:30 +05:30 IST\n")

    def test_the_second_is_not_kept_for_ever(self) -> None:
        lines = TextLines("%d{ss.SSS, UTC}")
        times = (TIME, TIME + 0.5, TIME + 1.25, TIME)
        texts = [lines.write(LINE._replace(time=time)) for time in times]
        self.assertEqual(texts, ["00.062\n", "00.562\n", "01.312\n", "00.062\n"])


class AbbreviationTests(SynchronousTestCase):
    """The examples of Logback's manual."""

    def test_examples(self) -> None:
        name = "mainPackage.sub.sample.Bar"
        for most, text in {
            0: "Bar",
            5: "m.s.s.Bar",
            10: "m.s.s.Bar",
            15: "m.s.sample.Bar",
            16: "m.sub.sample.Bar",
            26: "mainPackage.sub.sample.Bar",
        }.items():
            self.assertEqual(abbreviated(name, most), text, str(most))

    def test_a_name_that_is_none(self) -> None:
        self.assertEqual(abbreviated("..a", 1), "..a")
        self.assertEqual(abbreviated("", 0), "")
