"""Makes text lines by a pattern in the notation of Logback; see `jairouter.config.log_pattern`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final

from jairouter.config.log_pattern import Part, Width, date_options, parse_pattern
from jairouter.telemetry.logs.dates import date_writer
from jairouter.telemetry.logs.escaping import indented
from jairouter.telemetry.logs.line import Line
from jairouter.telemetry.logs.logger_names import ACCESS
from jairouter.telemetry.logs.requests import LEVEL, texts_of

if TYPE_CHECKING:
    from jairouter.telemetry.logs.line import Writes
    from jairouter.telemetry.logs.requests import Batch

CONSOLE: Final = "%d{yyyy-MM-dd HH:mm:ss.SSS} [%thread] %-5level [%X{traceId}] %logger{36} - %msg%n"
"""What lines look like where nobody says so."""

_NAMES: Final = 1000


class TextLines:
    """Makes lines that are texts.

    Args:
        pattern: What they look like.
        began: When the gateway was started, in seconds since the epoch.
        service: What it calls itself.
        level: The part of the pattern that stands for ``%level`` (`logging.pattern.level`).
        date: What stands for a date that says no pattern of its own (`logging.pattern.dateformat`).

    Attributes:
        write: See `Writes`.

    Raises:
        PatternFault: A pattern is wrong.
    """

    def __init__(
        self,
        pattern: str,
        began: float = 0.0,
        service: str = "",
        level: str | None = None,
        date: str | None = None,
    ) -> None:
        parts = _with(parse_pattern(pattern), parse_pattern(level) if level else None, date)
        parts = parts if _ends(parts) else (*parts, Part("newline"))
        if not _tells(parts, "exception"):
            parts = (*parts[:-1], Part("exception"), parts[-1])
        self._parts, self._began, self._service = parts, began, service
        self.write: Writes = _written(parts, began, service)

    def requests(self, batch: Batch, thread: str) -> str:
        """See `Form.requests`. What is the same for all is made once, and a date once a millisecond."""
        if self._fast is None:
            return "".join([self.write(line) for line in batch.lines(thread)])
        head, middle, end, date = self._fast(Line(0.0, LEVEL, ACCESS, "", thread, _TRACE, _SPAN))
        no_trace = middle.replace(_TRACE, "").replace(_SPAN, "")
        last, moment, found, ahead = 0, "", [], batch.ahead
        for row, text in zip(batch.rows, texts_of(batch.rows), strict=True):
            time = row[0] + ahead
            if int(time * 1000) != last:
                last, moment = int(time * 1000), date(time)
            trace = row[-1]
            ids = middle.replace(_TRACE, trace[0]).replace(_SPAN, trace[1]) if trace else no_trace
            found.append(f"{head}{moment}{ids}{text}{end}")
        return "".join(found)

    @cached_property
    def _fast(self) -> Callable[[Line], _Fast] | None:
        """Makes what stands around dates and messages, for lines of the same level, logger and thread.

        None where a line is no date, then perhaps a trace, then a message, each as it is.
        """
        kinds = [(at, part) for at, part in enumerate(self._parts) if _changes(part)]
        inner = [part.kind for _, part in kinds[1:-1]]
        if len(kinds) < 2 or any(part.width or part.parts for _, part in kinds):
            return None
        (first, date), (last, message) = kinds[0], kinds[-1]
        if date.kind != "date" or message.kind != "message" or set(inner) - {"mdc"}:
            return None
        if any(not part.options or ":-" in part.options[0] for _, part in kinds[1:-1]):
            return None
        moment = date_writer(*date_options(date.options))
        pieces = (self._parts[:first], self._parts[first + 1 : last], self._parts[last + 1 :])
        head, middle, end = (_written(piece, self._began, self._service) for piece in pieces)
        return lambda alike: (head(alike), middle(alike), end(alike), moment)


_Fast = tuple[str, str, str, Callable[[float], str]]
_TRACE, _SPAN = "\0trace\0", "\0span\0"
"""What stands for these until they are known; nothing that is logged has a NUL in it."""


def _changes(part: Part) -> bool:
    """Whether a part is not the same for all lines of a level, a logger and a thread."""
    return part.kind in {"date", "mdc", "message", "relative"} or any(map(_changes, part.parts))


def _with(parts: Iterable[Part], level: tuple[Part, ...] | None, date: str | None) -> tuple[Part, ...]:
    """Put in what applies wherever a pattern says nothing else."""
    made = []
    for part in parts:
        if part.kind == "level" and level is not None and part.width is None:
            made.append(Part("group", parts=level))
        elif part.kind == "date" and date and not part.options:
            made.append(Part("date", "", part.width, (date,)))
        elif part.parts:
            made.append(Part(part.kind, "", part.width, part.options, _with(part.parts, level, date)))
        else:
            made.append(part)
    return tuple(made)


def _ends(parts: tuple[Part, ...]) -> bool:
    return bool(parts) and parts[-1].kind == "newline"


def _tells(parts: Iterable[Part], *kinds: str) -> bool:
    return any(part.kind.removeprefix("no ") in kinds or _tells(part.parts, *kinds) for part in parts)


def _written(parts: Iterable[Part], began: float, service: str) -> Writes:
    """Parts behind one another. Literals are put together, so that few calls are left."""
    made: list[str | Writes] = []
    for part in parts:
        one = _one(part, began, service)
        if isinstance(one, str) and made and isinstance(made[-1], str):
            made[-1] += one
        else:
            made.append(one)
    template = "".join(each.replace("%", "%%") if isinstance(each, str) else "%s" for each in made)
    writers = tuple(each for each in made if not isinstance(each, str))
    if not writers:
        text = template % ()
        return lambda line: text
    return lambda line: template % tuple([write(line) for write in writers])


def _one(part: Part, began: float, service: str) -> str | Writes:
    write = _plain(part, began, service)
    if part.width is None:
        return write
    fit = _fitting(part.width)
    if isinstance(write, str):
        return fit(write)
    inner = write
    return lambda line: fit(inner(line))


def _plain(part: Part, began: float, service: str) -> str | Writes:
    simple: Mapping[str, str | Writes] = {
        "literal": part.text,
        "newline": "\n",
        "nothing": "",
        "no exception": "",
        "unknown": "?",
        "service": service,
        "message": lambda line: line.message,
        "thread": lambda line: line.thread,
        "level": lambda line: line.level,
        "relative": lambda line: str(int((line.time - began) * 1000)),
    }
    if part.kind in simple:
        return simple[part.kind]
    if part.kind == "group":
        return _written(part.parts, began, service)
    if part.kind == "replace":
        return _replacing(part, _written(part.parts, began, service))
    return {"date": _date, "logger": _logger, "mdc": _mdc, "exception": _exception}[part.kind](part)


def _date(part: Part) -> Writes:
    write = date_writer(*date_options(part.options))
    return lambda line: write(line.time)


def _logger(part: Part) -> Writes:
    if not part.options:
        return lambda line: line.logger
    most = int(part.options[0])
    shortened = lru_cache(_NAMES)(lambda name: abbreviated(name, most))
    return lambda line: shortened(line.logger)


def _mdc(part: Part) -> Writes:
    if not part.options:
        return lambda line: ", ".join(
            f"{name}={value}"
            for name, value in (("traceId", line.trace_id), ("spanId", line.span_id))
            if value
        )
    name, _, default = part.options[0].partition(":-")
    if name in {"traceId", "trace_id"}:
        return lambda line: line.trace_id or default
    if name in {"spanId", "span_id"}:
        return lambda line: line.span_id or default
    return lambda line: default


def _exception(part: Part) -> Writes:
    option = part.options[0] if part.options else "full"
    if option == "0":
        return lambda line: ""
    if option == "short":
        return lambda line: line.traceback and "\n" + indented(_last(line.traceback))[:-1]
    most = None if option == "full" else int(option)

    def write(line: Line) -> str:
        if not line.traceback:
            return ""
        lines = line.traceback.splitlines()
        # (Here the newest call stands last, and what went wrong behind it)
        return "\n" + indented("\n".join(lines if most is None else lines[-most:]))[:-1]

    return write


def _last(traceback: str) -> str:
    lines = traceback.splitlines()
    return lines[-1] if lines else ""


def _replacing(part: Part, inner: Writes) -> Writes:
    expression, replacement = re.compile(part.options[0]), part.options[1]
    replacement = re.sub(r"\$(\d)", r"\\g<\1>", replacement.replace("\\", "\\\\"))
    return lambda line: expression.sub(replacement, inner(line))


def _fitting(width: Width) -> Callable[[str], str]:
    least, left, most, keep_start = width

    def fit(text: str) -> str:
        if most is not None and len(text) > most:
            text = text[:most] if keep_start else text[len(text) - most :]
        if len(text) < least:
            text = text.ljust(least) if left else text.rjust(least)
        return text

    return fit


def abbreviated(name: str, most: int) -> str:
    """A logger's name, shortened as Logback does.

    From the left, each step but the last is cut to its first character until the name is short enough; with 0
    only the last step is left. See https://logback.qos.ch/manual/layouts.html#logger.

    Args:
        name: With dots.
        most: Characters that it should have at most.
    """
    if not most:
        return name.rpartition(".")[2]
    steps = name.split(".")
    over = len(name) - most
    for at, step in enumerate(steps[:-1]):
        if over <= 0:
            break
        over -= max(len(step) - 1, 0)
        steps[at] = step[:1]
    return ".".join(steps)
