"""What is logged: the lowest level for each logger, which can change while the gateway runs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

from jairouter.telemetry.logs.logger_names import JAVA, ROOT, depth, ours

NUMBERS: Final = {
    "ALL": 0,
    "TRACE": 5,
    "DEBUG": 10,
    "INFO": 20,
    "WARN": 30,
    "ERROR": 40,
    "FATAL": 40,
    "OFF": 100,
}
"""Java's levels. There as here, what is fatal is an error as far as logs are concerned."""

WORDS: Final = {"debug": "DEBUG", "info": "INFO", "warn": "WARN", "error": "ERROR", "critical": "ERROR"}
"""What Twisted's levels are called in Java."""

DEFAULT: Final = "INFO"
MOST: Final = 10_000
"""Loggers of which it is remembered what is logged."""


class Levels:
    """The lowest level that is logged, by logger.

    What is set while the gateway runs lies over what is configured, and stays there when the configuration is
    read again, unless that now says something else about the same logger than before.

    Args:
        configured: Levels by name: of ours, of Java's (see `JAVA`), or ``root``.
    """

    def __init__(self, configured: Mapping[str, str] | None = None) -> None:
        self._given: dict[str, str] = {}  # by the names that were written
        self._set: dict[str, str] = {}
        self._levels: dict[str, str] = {}
        self._thresholds: dict[str, int] = {}
        self._seen: set[str] = set()
        self._lock = threading.Lock()  # (events come from all threads)
        self.configure(configured or {})

    def configure(self, configured: Mapping[str, str]) -> None:
        """Take over what the configuration says now."""
        given = {name: level.upper() for name, level in configured.items()}
        for name in {*given, *self._given}:
            if given.get(name) != self._given.get(name):
                for each in ours(name):
                    self._set.pop(each, None)
                self._set.pop(name, None)
        self._given = given
        self._make()

    def set(self, name: str, level: str | None) -> None:
        """Have a logger log from another level on.

        Args:
            name: Of ours, of Java's, or ``ROOT``.
            level: One of `NUMBERS`, in any case; None for what is configured, or applies to the logger above.

        Raises:
            ValueError: There is no such level.
        """
        if level is not None and level.upper() not in NUMBERS:
            raise ValueError(f"expected one of {', '.join(NUMBERS)}")
        if name.lower() == "root":
            name = ROOT
        if name not in self._set and len(self._set) >= MOST and level is not None:
            raise ValueError(f"more than {MOST} loggers have a level of their own")
        for each in (name, *ours(name)):
            self._set.pop(each, None)  # what was said last counts, under whichever name
        if level is not None:
            self._set[name] = level.upper()
        self._make()

    def get(self, name: str) -> str | None:
        """The level that was given to exactly this logger; None where it goes by the one above."""
        if name.lower() == "root":
            return self._levels.get(ROOT, DEFAULT)
        if name in self._set:
            return self._set[name]
        found = {self._levels.get(each) for each in ours(name)}
        return found.pop() if len(found) == 1 and (name not in JAVA or name in self._given) else None

    def effective(self, name: str) -> str:
        """The level from which on a logger logs."""
        meant = ours(name)
        name = meant[0] if meant else ROOT
        while name and name != ROOT:
            if name in self._levels:
                return self._levels[name]
            name = name.rpartition(".")[0]
        return self._levels.get(ROOT, DEFAULT)

    def names(self) -> list[str]:
        """Loggers that are known: those with levels, those that have logged, Java's that were named."""
        with self._lock:
            seen = self._seen | self._thresholds.keys()
        return [ROOT, *sorted({*seen, *self._levels, *self._given, *self._set} - {ROOT, "root"})]

    def threshold(self, name: str) -> int:
        """The number of the level from which on a logger logs; asked for every event."""
        found = self._thresholds.get(name)
        if found is None:
            with self._lock:  # or what applied before could be remembered as what applies now
                found = NUMBERS[self.effective(name)]
                if len(self._thresholds) < MOST:
                    self._thresholds[name] = found
        return found

    def is_on(self, name: str, level: str) -> bool:
        """Whether a logger logs at a level.

        What is said often asks first: an event that nobody sees costs ten times as much as the question.
        """
        return self.threshold(name) <= NUMBERS[level]

    def logs(self, event: Mapping[str, Any]) -> bool:
        """Whether an event of Twisted's is to be logged. One that says no level is information."""
        level = event.get("log_level")
        word = WORDS["info" if level is None else level.name]
        return self.threshold(event.get("log_namespace", "")) <= NUMBERS[word]

    def _make(self) -> None:
        """Put together what applies: what was set comes first, then what is named by our own names."""
        levels: dict[str, str] = {}
        said = [*((name, level, True) for name, level in self._set.items())]
        said += [(name, level, False) for name, level in self._given.items() if not self._covered(name)]
        ranks: dict[str, tuple[bool, bool, int]] = {}
        for name, level, is_set in said:
            for each in ours(name):
                rank = (is_set, each == name, depth(name))
                if each not in ranks or rank > ranks[each]:
                    levels[each], ranks[each] = level, rank
        with self._lock:
            if len(self._seen) < MOST:
                self._seen |= self._thresholds.keys()
            self._levels = levels
            self._thresholds = {}

    def _covered(self, name: str) -> bool:
        return name in self._set
