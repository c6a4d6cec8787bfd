"""`jairouter check-config`: what a configuration amounts to, or all that is wrong with it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from jairouter.command.failures import Failure
from jairouter.command.output import say_json, say_yaml, tell
from jairouter.command.shell import Shell
from jairouter.config.doors import WARNING, open_doors
from jairouter.config.dump import dump
from jairouter.config.faults import ConfigurationFaults
from jairouter.config.files import Text
from jairouter.config.loader import load
from jairouter.reloading.reading import Named

SUMMARY = "check a configuration and show what it amounts to"
LESSON = """\
Reads the configuration as the gateway would, with the environment variables of this shell, and prints the
effective settings with secrets masked. Faults go to standard error, each with file, line and what was
expected; without any, it is said there which doors the gateway would open, and to whom.

    jairouter check-config /etc/jairouter
    jairouter check-config application.yml --profile prod --changed
    sed s/8080/9090/ application.yml | jairouter check-config -
"""


def options_of(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    told = "a file, or a directory with application.yml; - for standard input"
    parser.add_argument("files", nargs="+", metavar="FILE", help=told)
    told = "an active profile, or several with commas between; may be given repeatedly"
    parser.add_argument("--profile", action="append", default=[], help=told)
    told = "show only what differs from the defaults"
    parser.add_argument("--changed", action="store_true", help=told)
    parser.add_argument("--json", action="store_true", help="print JSON in place of YAML")


def check_config(options: argparse.Namespace, shell: Shell) -> int:
    """Show the effective configuration with secrets masked, or all faults.

    Args:
        options: `files`, `profile`, `changed` and `json`.
        shell: Has the environment variables, and the time, by which certificates are valid.

    Returns:
        0 when the configuration is valid, else 1.
    """
    try:
        named = Named(shell.now)
        loaded = load(_sources(options.files), options.profile, shell.environ, further=named)
    except ConfigurationFaults as faults:
        for fault in faults.faults:
            tell(str(fault))
        return Failure.status
    for notice in loaded.notices:
        tell(str(notice))
    for door in open_doors(loaded.settings):
        tell(door if door.startswith(WARNING) else f"door: {door}")
    (say_json if options.json else say_yaml)(dump(loaded.settings, changed=options.changed))
    return 0


def _sources(names: Sequence[str]) -> list[str | Text]:
    """Name the sources; standard input can be read once only, so it is read here."""
    content = sys.stdin.buffer.read() if "-" in names else b""
    return [Text("<stdin>", content) if name == "-" else name for name in names]
