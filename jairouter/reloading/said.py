"""What came of attempts to bring a configuration into force: for the log, health and metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from jairouter.control import Standing
from jairouter.refusals import InvalidConfiguration, Refusal
from jairouter.telemetry.configuration_metrics import ReloadCounts

if TYPE_CHECKING:
    from jairouter.config.faults import ConfigurationFaults, Fault
    from jairouter.control import Told

FILES: Final = "files"
STORE: Final = "store"
CERTIFICATES: Final = "certificates"
UNDO: Final = "undo"


class Said:
    """Says how it stands.

    Files and store go wrong, and are put right, each by itself: a change that succeeds does not make files
    good that were refused before it.

    Args:
        today: Seconds since the epoch.

    Attributes:
        counts: For metrics.
    """

    _log = Logger()

    def __init__(self, today: Callable[[], float]) -> None:
        self.counts = ReloadCounts()
        self._today = today
        self._wrong: dict[str, Standing] = {}
        self._last = Standing(today(), "start")

    @property
    def standing(self) -> Standing:
        """What is wrong, if anything is, else the last success."""
        return next(
            (self._wrong[what] for what in (FILES, STORE, CERTIFICATES, UNDO) if what in self._wrong),
            self._last,
        )

    def good(self, cause: str, version: int, text: str = "") -> None:
        """A configuration is in force, or still is.

        Args:
            cause: See `Standing`.
            version: Its number.
            text: A line for the log, if there is anything to say.
        """
        now = self._today()
        self._last = Standing(now, cause)
        self.counts.succeeded += 1
        self.counts.version, self.counts.last_success = version, now
        self._judge()
        if text:
            self._log.info("{text}", text=text)

    def wrong(self, what: str, cause: str, reason: str, faults: Sequence[Fault] = ()) -> None:
        """Something of what should be in force is not. Said in the log once, however often it is found.

        Args:
            what: Which kind of thing: it stands until `right` is called for it.
            cause: See `Standing`.
            reason: In one line.
            faults: What is wrong with it.
        """
        before = self._wrong.get(what)
        self._wrong[what] = Standing(self._today(), cause, reason, tuple(faults))
        self._judge()
        if before is None or (before.reason, before.faults) != (reason, tuple(faults)):
            self.counts.failed += 1
            self.refused(cause, reason, faults)

    def right(self, *kinds: str) -> None:
        """These have been put right, if anything was wrong with them."""
        for what in kinds:
            self._wrong.pop(what, None)
        self._judge()

    def refused(self, cause: str, reason: str, faults: Sequence[Fault] = ()) -> None:
        """A line for the log about something that did not come into force, and one for each of its faults."""
        self._log.warn("{cause}: {reason}", cause=cause, reason=reason)
        for fault in faults if len(faults) > 1 else ():  # the reason tells of one
            self._log.warn("{fault}", fault=fault)

    def _judge(self) -> None:
        self.counts.good = not self._wrong


def invalid(wrong: ConfigurationFaults) -> InvalidConfiguration:
    """The refusal of a configuration that has faults."""
    first, *others = wrong.faults
    more = f" (and {len(others)} more)" if others else ""
    refusal = InvalidConfiguration(f"{first}{more}", wrong.faults)
    refusal.files = wrong.files
    return refusal


def reason_of(refusal: Refusal) -> str:
    """Why something was refused, in one line of a standing, whose faults stand beside it."""
    number = len(refusal.faults)
    if number:
        return f"the configuration has {number} fault{'s' if number > 1 else ''}: {refusal.message}"
    return refusal.message


def misfit(number: int, current: int, faults: Sequence[Fault]) -> str:
    """Why a stored version is left out, and how to put an end to that.

    Args:
        number: Of the version.
        current: Of the one in force; 0 for the files alone.
        faults: What is wrong with it, over the files as they are.
    """
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    alone = f"version {current} is in force" if current else "the files alone are in force"
    return (
        f"version {number} does not fit the files and is left out, {alone}: {faults[0]}{more}; "
        f"correct the files, set what it needs, or go back: jairouter rollback {current}"
    )


def named(number: int, told: Told) -> str:
    """A version, for people, in one line."""
    text = f"version {number} ({told.description or told.change_type}, by {told.who})"
    return "".join(each if each.isprintable() else " " for each in text)
