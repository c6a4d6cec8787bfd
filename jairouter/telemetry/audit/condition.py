"""How it stands with the record: for the log, the health page and metrics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from twisted.logger import Logger

if TYPE_CHECKING:
    from jairouter.auditing import Event

RETRY: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds from one attempt to write to the next."""


class Standing(NamedTuple):
    """How it stands, for the health page.

    Attributes:
        status: ``UP`` or ``DEGRADED``.
        details: For those who may see them.
    """

    status: str
    details: dict[str, Any]


class Condition:
    """What went well and what did not. Said in the log when it begins and ends, not each time.

    Attributes:
        why: Why nothing can be written now; empty when it can.
        lost: Events that could not be kept.
        untold: How many of them the record does not tell of yet.
    """

    _log = Logger()

    def __init__(self) -> None:
        self.why = ""
        self.lost = self.untold = 0
        self._failures = 0

    @property
    def patience(self) -> float:
        """Seconds until something is tried again that has failed."""
        return RETRY[min(max(self._failures, 1), len(RETRY)) - 1]

    def went(self, why: str) -> None:
        """Something went well, or did not.

        Args:
            why: It did not; empty if it did.
        """
        if why:
            self._failures += 1
            if why != self.why:
                told = "audit events cannot be written: {why}; they are kept, and it is tried again"
                self._log.error(told, why=why)
        else:
            self._failures = 0
            if self.why:
                self._log.info("audit events can be written again")
        self.why = why

    def lose(self, most: int) -> None:
        """There is no room for an event.

        Args:
            most: How many wait.
        """
        if not self.untold:
            told = "events are lost that the audit log should have: {most} wait to be written already"
            self._log.error(told, most=most)
        self.lost += 1
        self.untold += 1

    def give_up(self, number: int) -> None:
        """The gateway stops, and these cannot be written."""
        self.lost += number
        self._log.error("{number} audit events are lost: {why}", number=number, why=self.why)

    def strange(self, notes: Iterable[Event]) -> None:
        """Something about the files is not as it should be."""
        for note in notes:
            told = "audit log: {kind}: {why} {details}"
            self._log.warn(told, kind=note.kind, why=note.reason, details=dict(note.details))

    def standing(self, details: dict[str, Any]) -> Standing:
        """For the health page.

        Args:
            details: What else there is to say.
        """
        said = {**details, "lost": self.lost}
        return Standing("DEGRADED", {**said, "reason": self.why}) if self.why else Standing("UP", said)
