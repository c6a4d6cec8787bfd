"""The command line of `jairouter`, and what becomes of everything that can go wrong."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

from jairouter.command import (
    auditing,
    backing_up,
    changing,
    checking,
    keys,
    making,
    restoring,
    users,
    viewing,
)
from jairouter.command.failures import INTERRUPTED, PIPE_CLOSED, Failure, Refused
from jairouter.command.output import tell
from jairouter.command.shell import Shell
from jairouter.config.faults import ConfigurationFaults
from jairouter.refusals import Refusal

_DESCRIPTION: Final = """\
What an operator does beside running the gateway, which is `twistd jairouter`.

Versions of the configuration are looked at and changed in one of two ways: on a running gateway over its
management API (--url http://127.0.0.1:8080, the variable JAIROUTER_URL, or the address in /etc/jairouter),
or, when none runs, on the directory of its store (--offline, or --store DIR).
"""
_STATUSES: Final = """\
exit status:
  0  done
  1  refused, or the configuration has faults; nothing has changed
  2  the arguments make no sense
  3  no gateway answers, or nothing that can be understood
  4  the gateway does not know who asks, or does not allow it (HTTP 401, 403)
  130 after Ctrl-C, 141 when nobody reads the output any more
"""
_LEARN: Final = "`jairouter COMMAND --help` explains a command with examples.\n\n"

_Run = Callable[[argparse.Namespace, Shell], int]
_Options = Callable[[argparse.ArgumentParser], None]

_COMMANDS: Final[Sequence[tuple[str, str, str, _Options, _Run]]] = (
    ("check-config", checking.SUMMARY, checking.LESSON, checking.options_of, checking.check_config),
    *viewing.COMMANDS,
    *changing.COMMANDS,
    *making.COMMANDS,
    *keys.COMMANDS,
    *users.COMMANDS,
    ("backup", backing_up.SUMMARY, backing_up.LESSON, backing_up.options_of, backing_up.backup),
    ("audit", auditing.SUMMARY, auditing.LESSON, auditing.options_of, auditing.audit),
    ("restore", restoring.SUMMARY, restoring.LESSON, restoring.options_of, restoring.restore),
)
"""Name, summary, lesson, what adds the options, and what does it."""


def main(argv: Sequence[str] | None = None, shell: Shell | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: The arguments; those of the process when not given.
        shell: What surrounds it; this process's when not given.

    Returns:
        The exit status, as `_STATUSES` says. argparse ends the process with 2 by itself when it
        cannot make sense of an argument.
    """
    options = parser().parse_args(argv)
    try:
        status = _run(options, shell or Shell())
        sys.stdout.flush()
    except BrokenPipeError:
        _let_go_of_output()
        return PIPE_CLOSED
    except KeyboardInterrupt:
        _let_go_of_output()
        tell("jairouter: interrupted")
        return INTERRUPTED
    except OSError as error:  # what it printed cannot be written
        _let_go_of_output()
        tell(f"jairouter: {error.strerror or error}")
        return Refused.status
    return status


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line, which is also its documentation."""
    raw = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser(
        prog="jairouter", description=_DESCRIPTION, epilog=_LEARN + _STATUSES, formatter_class=raw
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    for name, summary, lesson, add_options, run in _COMMANDS:
        each = commands.add_parser(
            name, help=summary, description=lesson, epilog=_STATUSES, formatter_class=raw
        )
        add_options(each)
        each.set_defaults(run=run)
    return made


def _run(options: argparse.Namespace, shell: Shell) -> int:
    """Run it, and put what it failed with into words."""
    try:
        with ExitStack() as stack:
            options.at_end = stack.callback
            status: int = options.run(options, shell)
    except Failure as failure:
        return _failed(failure)
    except Refusal as refusal:
        return _failed(Refused(refusal.message, map(str, refusal.faults)))
    except ConfigurationFaults as faults:
        return _failed(Refused("the configuration has faults", map(str, faults.faults)))
    except BrokenPipeError:
        raise
    except OSError as error:
        # Each command says what it was about where it can; this is the rest: disk full, no permission
        where = f"{error.filename}: " if error.filename else ""
        return _failed(Refused(f"{where}{error.strerror or error}"))
    return status


def _failed(failure: Failure) -> int:
    # A refusal often repeats the first of its faults
    repeated = any(failure.message in fault for fault in failure.faults)
    tell(f"jairouter: {'refused' if repeated else failure.message}")
    for fault in failure.faults:
        tell(fault)
    return failure.status


def _let_go_of_output() -> None:
    """Keep Python from complaining, at its end, that the rest could not be written."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:  # no descriptor, as where output is collected
        return
