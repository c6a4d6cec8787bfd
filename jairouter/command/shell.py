"""What surrounds a command: variables, clock, terminal. Handed in, so that tests have their own."""

from __future__ import annotations

import getpass
import os
import pwd
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random, SystemRandom

from jairouter.command.failures import Misused


def _at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _asked(question: str) -> str:
    # Not input(): with readline it writes where it likes
    sys.stdout.write(question)
    sys.stdout.flush()
    return sys.stdin.readline()


def _hidden(question: str) -> str:
    with warnings.catch_warnings():
        # Without a terminal it would be read from standard input, and on some be shown
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(question)
        except (getpass.GetPassWarning, EOFError, OSError):
            told = "there is no terminal to ask for a password: give a file, or a variable (see --help)"
            raise Misused(told) from None


def _environ() -> Mapping[str, str]:
    return os.environ


@dataclass(frozen=True, slots=True)
class Shell:
    """What surrounds a command.

    Attributes:
        environ: The environment variables.
        today: Seconds since the epoch.
        sleep: Waits so many seconds.
        at_terminal: Whether a person can be asked.
        asked: Asks a person, and returns a line, empty at the end of the input.
        random: Where new secrets come from.
        hidden: Asks a person for a secret, which is not shown; raises `Misused` where nobody can be asked.
    """

    environ: Mapping[str, str] = field(default_factory=_environ)
    today: Callable[[], float] = time.time  # noqa: TID251 - commands are where the clock is taken
    sleep: Callable[[float], None] = time.sleep
    at_terminal: Callable[[], bool] = _at_terminal
    asked: Callable[[str], str] = _asked
    hidden: Callable[[str], str] = _hidden
    random: Random = field(default_factory=SystemRandom)

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.fromtimestamp(self.today(), UTC)

    def confirmed(self, question: str) -> bool:
        """Whether a person says yes."""
        return self.asked(f"{question} [y/N] ").strip().lower() in {"y", "yes"}


def who() -> str:
    """Who makes a change, for the history: whoever runs this process, and nobody can say otherwise."""
    user = os.getuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:  # as in containers
        name = str(user)
    return f"command line ({name})"
