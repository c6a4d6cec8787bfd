"""Waiting until it is settled whether a change stays."""

from __future__ import annotations

from typing import Final

from jairouter.command.failures import Unreachable
from jairouter.command.shell import Shell
from jairouter.command.side import Answer, Side

PAUSE: Final = 1.0
"""Seconds between two looks at the versions."""
GRACE: Final = 3.0
"""Seconds longer than the gateway watches, for it to store what it has decided."""


def watch(side: Side, number: int, within: float, shell: Shell) -> str | None:
    """Look at the versions until the time is over.

    Args:
        side: Whom to ask.
        number: The new version.
        within: Seconds for which it is watched.
        shell: Has the clock.

    Returns:
        Why it is not in force any more, or None if it stays.

    Raises:
        Unreachable: The gateway was gone when the time was over.
    """
    end = shell.today() + within + GRACE
    while True:
        over = shell.today() >= end
        try:
            later = [each for each in side.history() if int(each["version"]) > number]
        except Unreachable:
            # A gateway that is being restarted comes back; one that is gone does not say what became of it
            if over:
                raise
            later = []
        if later:
            return _told(number, later[0])
        if over:
            return None
        shell.sleep(min(PAUSE, max(end - shell.today(), 0.0)))


def _told(number: int, next_one: Answer) -> str:
    """Say who has put an end to it, and why."""
    told = f"version {next_one['version']}, by {next_one.get('createdBy')}"
    reason = next_one.get("description") or next_one.get("changeType") or "no reason given"
    return f"version {number} is not in force any more: {told}: {reason}"
