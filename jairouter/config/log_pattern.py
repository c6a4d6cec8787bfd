"""Patterns of log lines, in the notation of Logback.

See https://logback.qos.ch/manual/layouts.html. What is here reads them, so that a wrong one is a fault of the
configuration; `jairouter.telemetry.logs.pattern` makes lines of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from jairouter.config.log_date import parse_date, zone_of
from jairouter.config.naming import nearest

WORDS: Final = {
    **dict.fromkeys(("d", "date"), "date"),
    **dict.fromkeys(("t", "thread"), "thread"),
    **dict.fromkeys(("p", "le", "level"), "level"),
    **dict.fromkeys(("c", "lo", "logger"), "logger"),
    **dict.fromkeys(("X", "mdc"), "mdc"),
    **dict.fromkeys(("m", "msg", "message"), "message"),
    **dict.fromkeys(("ex", "exception", "throwable", "wEx", "wex", "xEx", "xException", "rEx"), "exception"),
    **dict.fromkeys(("rootException", "xThrowable"), "exception"),
    **dict.fromkeys(("nopex", "nopexception"), "no exception"),
    **dict.fromkeys(("r", "relative"), "relative"),
    **dict.fromkeys(("cn", "contextName"), "service"),
    **dict.fromkeys(("C", "class", "M", "method", "L", "line", "F", "file", "caller"), "unknown"),
    **dict.fromkeys(("marker", "kvp"), "nothing"),
    "n": "newline",
}
"""What conversion words mean here. Where in the program a line was made is not known (``?``, as in Java)."""

COLOURS: Final = frozenset(
    f"{bold}{name}"
    for bold, names in (
        ("", ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white", "gray")),
        ("bold", ("Red", "Green", "Yellow", "Blue", "Magenta", "Cyan", "White")),
    )
    for name in names
) | {"clr", "highlight"}
"""Words around a part of a line that is to be coloured. It is not: what reads logs is seldom a terminal."""

_LITERAL: Final = re.compile(r"[^%()\\]+")
_MODIFIER: Final = re.compile(r"(-?\d{1,4})?(?:\.(-?\d{1,4}))?")
_NAME: Final = re.compile(r"[A-Za-z]+")
_OPTION: Final = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'(?=\s*(?:,|$))|([^,]*?))\s*(?:,|$)""")
_DEPTH: Final = 20


class PatternFault(ValueError):
    """A pattern that is none; the text says what is wrong, and where."""

    def __init__(self, text: str, at: int) -> None:
        super().__init__(f"{text} (at character {at + 1})")


class Width(NamedTuple):
    """How wide a part is.

    Attributes:
        least: It is filled up with spaces to that many characters.
        left: Whether they stand behind it.
        most: It is cut to that many characters; None for never.
        keep_start: Whether its end is what is cut off.
    """

    least: int = 0
    left: bool = False
    most: int | None = None
    keep_start: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a pattern.

    Attributes:
        kind: ``literal``, ``group``, ``replace``, or one of the values of `WORDS`.
        text: What a literal says.
        width: How wide it is.
        options: What stands in braces.
        parts: Those of a group.
    """

    kind: str
    text: str = ""
    width: Width | None = None
    options: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


def parse_pattern(pattern: str) -> tuple[Part, ...]:
    """Take a pattern apart.

    Raises:
        PatternFault: It is none.
    """
    return _Reader(pattern).read()


class _Reader:
    """Reads one pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def read(self) -> tuple[Part, ...]:
        """All of it."""
        parts = self._parts(0)
        if self._at < len(self._pattern):
            raise PatternFault("nothing is closed by this )", self._at)
        return parts

    def _parts(self, depth: int) -> tuple[Part, ...]:
        if depth > _DEPTH:
            raise PatternFault(f"parentheses stand in more than {_DEPTH} others", self._at)
        found: list[Part] = []
        while self._at < len(self._pattern):
            first = self._pattern[self._at]
            if first == ")":
                if depth:
                    break
                raise PatternFault("nothing is closed by this )", self._at)
            if first == "%":
                found.append(self._conversion(depth))
            else:
                found.append(Part("literal", self._literal()))
        return tuple(found)

    def _literal(self) -> str:
        match = _LITERAL.match(self._pattern, self._at)
        if match is not None:
            self._at = match.end()
            return match[0]
        text = self._pattern[self._at]
        self._at += 1
        if text == "\\" and self._at < len(self._pattern):
            text = self._pattern[self._at]
            self._at += 1
            return {"t": "\t", "_": ""}.get(text, text)
        return text

    def _conversion(self, depth: int) -> Part:
        begun = self._at
        self._at += 1
        if self._pattern.startswith("%", self._at):  # (Logback has \% for that; many say %%)
            self._at += 1
            return Part("literal", "%")
        width = self._width()
        if self._pattern.startswith("(", self._at):
            return Part("group", width=width, parts=self._group(depth))
        match = _NAME.match(self._pattern, self._at)
        if match is None:
            raise PatternFault("a conversion word is missing behind %", begun)
        return self._word(match[0], width, begun, depth)

    def _word(self, name: str, width: Width | None, begun: int, depth: int) -> Part:
        self._at += len(name)
        if name in COLOURS:
            parts = self._group_of(name, begun, depth)
            self._options()
            return Part("group", width=width, parts=parts)
        if name == "replace":
            parts = self._group_of(name, begun, depth)
            return self._checked(Part("replace", "", width, self._options(), parts), begun)
        kind = WORDS.get(name)
        if kind is None:
            meant = nearest(name, (*WORDS, *COLOURS, "replace"))
            hint = f"; did you mean %{meant}?" if meant else ""
            raise PatternFault(f"there is no conversion word %{name}{hint}", begun)
        options = self._options()
        if kind == "date":  # whose zone may stand in braces of its own, as Log4j has it
            options += self._options()
        return self._checked(Part(kind, "", width, options), begun)

    def _group_of(self, name: str, begun: int, depth: int) -> tuple[Part, ...]:
        if not self._pattern.startswith("(", self._at):
            raise PatternFault(f"%{name} is followed by what it applies to, in parentheses", begun)
        return self._group(depth)

    def _group(self, depth: int) -> tuple[Part, ...]:
        opened = self._at
        self._at += 1
        parts = self._parts(depth + 1)
        if not self._pattern.startswith(")", self._at):
            raise PatternFault("this ( is not closed", opened)
        self._at += 1
        return parts

    def _width(self) -> Width | None:
        match = _MODIFIER.match(self._pattern, self._at)
        if match is None or not match[0]:
            return None
        self._at = match.end()
        least, most = match[1], match[2]
        return Width(
            abs(int(least or 0)),
            (least or "").startswith("-"),
            None if most is None else abs(int(most)),
            (most or "").startswith("-"),
        )

    def _options(self) -> tuple[str, ...]:
        if not self._pattern.startswith("{", self._at):
            return ()
        end = self._end_of_options()
        text = self._pattern[self._at + 1 : end]
        self._at = end + 1
        found: list[str] = []
        at = 0
        while at < len(text):
            match = _OPTION.match(text, at)
            if match is None:  # a quote in the midst of it
                return (*found, text[at:].strip())
            found.append(next(each for each in match.groups() if each is not None))
            at = match.end()
        return tuple(found)

    def _end_of_options(self) -> int:
        """Where the brace is closed. One in quotes, as a regular expression may have it, does not count."""
        quote, inside = "", 0
        for at in range(self._at + 1, len(self._pattern)):
            each = self._pattern[at]
            if quote:
                quote = "" if each == quote else quote
            elif each == '"' or (each == "'" and self._pattern[self._at + 1 : at].strip() == ""):
                quote = each
            elif each == "{":
                inside += 1
            elif each == "}":
                if not inside:
                    return at
                inside -= 1
        raise PatternFault("this { is not closed", self._at)

    def _checked(self, part: Part, begun: int) -> Part:
        try:
            _check(part)
        except (ValueError, re.error) as error:
            raise PatternFault(str(error), begun) from None
        return part


def date_options(options: tuple[str, ...]) -> tuple[str, str | None]:
    """Pattern and time zone of a date, from what stands in its braces.

    A pattern may hold commas (``HH:mm:ss,SSS``), so that it is the end that tells a zone.
    """
    if len(options) > 1:
        try:
            zone_of(options[-1])
        except ValueError:
            return ",".join(options), None
        return ",".join(options[:-1]), options[-1]
    return (options[0] if options else ""), None


def _check(part: Part) -> None:
    """Refuse options that mean nothing."""
    options = part.options
    if part.kind == "date":
        parse_date(date_options(options)[0])
    elif part.kind == "logger" and options and not re.fullmatch(r"\d{1,4}", options[0]):
        raise ValueError(f"expected a number of characters in {{}}, not {options[0]!r}")
    elif part.kind == "replace":
        if len(options) != 2:
            raise ValueError("expected %replace(...){expression, replacement}")
        re.compile(options[0])
    elif part.kind == "exception" and options and not re.fullmatch(r"\d{1,4}|short|full", options[0]):
        raise ValueError(f"expected short, full or a number of lines in {{}}, not {options[0]!r}")
