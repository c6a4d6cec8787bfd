"""Writes dates into lines: what does not change within a second is made once a second."""

from __future__ import annotations

from calendar import day_name, month_name  # (in English: nothing sets a locale)
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING

from jairouter.config.log_date import parse_date, zone_of

if TYPE_CHECKING:
    from jairouter.config.log_date import DatePiece


def date_writer(pattern: str, zone: str | None = None) -> Callable[[float], str]:
    """Make what writes dates.

    Args:
        pattern: In Java's notation.
        zone: Name of a time zone; None for that of the machine.

    Returns:
        What takes seconds since the epoch; may be called in any thread.

    Raises:
        ValueError: Pattern or zone are wrong.
    """
    pieces, where = parse_date(pattern), zone_of(zone) if zone else None
    digits = [piece.width for piece in pieces if piece.letter == "S"]
    known: tuple[int, Sequence[str]] = (-1, ())
    if digits == [3]:

        def fast(time: float) -> str:
            nonlocal known
            second = int(time)
            now = known
            if now[0] != second:
                now = known = (second, _texts(pieces, second, where))
            before, after = now[1]
            return f"{before}{int((time - second) * 1000):03d}{after}"

        return fast

    def any_date(time: float) -> str:
        nonlocal known
        second = int(time)
        now = known
        if now[0] != second:
            now = known = (second, _texts(pieces, second, where))
        first, *others = now[1]
        fraction = f"{time - second:.9f}"[2:]
        return first + "".join(
            fraction[:width].ljust(width, "0") + text for width, text in zip(digits, others, strict=True)
        )

    return any_date


def _texts(pieces: Sequence[DatePiece], second: int, zone: tzinfo | None) -> Sequence[str]:
    """What stands before, between and behind fractions of a second."""
    moment = datetime.fromtimestamp(second, zone)
    if zone is None:
        moment = moment.astimezone()
    texts = [""]
    for piece in pieces:
        if piece.letter == "S":
            texts.append("")
        else:
            texts[-1] += _written(piece, moment)
    return texts


def _written(piece: DatePiece, moment: datetime) -> str:
    letter, width = piece.letter, piece.width
    if not letter:
        return piece.text
    if letter in "yu":
        return f"{moment.year % 100:02d}" if width == 2 else f"{moment.year:0{width}d}"
    if letter in "zZXx":
        return _zone(letter, width, moment)
    if letter == "a":
        return "AM" if moment.hour < 12 else "PM"
    if letter == "E" or (letter == "M" and width > 2):
        name = day_name[moment.weekday()] if letter == "E" else month_name[moment.month]
        return name[:3] if width < 4 else name
    numbers = {
        "M": moment.month,
        "d": moment.day,
        "D": moment.timetuple().tm_yday,
        "H": moment.hour,
        "k": moment.hour or 24,
        "h": moment.hour % 12 or 12,
        "K": moment.hour % 12,
        "m": moment.minute,
        "s": moment.second,
    }
    return f"{numbers[letter]:0{width}d}"


def _zone(letter: str, width: int, moment: datetime) -> str:
    text = moment.strftime("%z")[:5]
    if letter == "z":
        return moment.tzname() or text
    if letter == "Z":
        return text if width < 4 else f"GMT{text[:3]}:{text[3:]}"
    if letter == "X" and text == "+0000":
        return "Z"
    if width == 1:
        return text[:3] if text.endswith("00") else text
    return text if width == 2 else f"{text[:3]}:{text[3:]}"
