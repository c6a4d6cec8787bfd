"""The command `jairouter`: what an operator does beside running the gateway.

The gateway itself is run by `twistd jairouter`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import yaml

from jairouter.config.dump import dump
from jairouter.config.files import Text
from jairouter.config.loader import ConfigurationFaults, Loaded, load
from jairouter.upstream.tls_settings import read_tls


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: the arguments; those of the process when not given.

    Returns:
        The exit status: 0 when all is well, 1 when something is wrong, and argparse ends the
        process with 2 when it cannot make sense of the arguments.
    """
    options = _parser().parse_args(argv)
    status: int = options.run(options)
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jairouter", description="An AI model gateway.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_check_config(commands)
    return parser


def _add_check_config(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    summary = "check a configuration and show what it amounts to"
    parser = commands.add_parser("check-config", help=summary, description=summary.capitalize())
    parser.set_defaults(run=check_config)
    told = "a file, or a directory with application.yml; - for standard input"
    parser.add_argument("files", nargs="+", metavar="FILE", help=told)
    told = "an active profile, or several with commas between; may be given repeatedly"
    parser.add_argument("--profile", action="append", default=[], help=told)
    told = "show only what differs from the defaults"
    parser.add_argument("--changed", action="store_true", help=told)


def check_config(options: argparse.Namespace) -> int:
    """Show the effective configuration with secrets masked, or all faults.

    Args:
        options: `files`, `profile` and `changed`.

    Returns:
        0 when the configuration is valid, else 1.
    """
    try:
        loaded = load(_sources(options.files), options.profile, os.environ)
        tls = read_tls(loaded.settings, loaded.origins, datetime.now(UTC))
    except ConfigurationFaults as faults:
        for fault in faults.faults:
            print(_printable(str(fault)), file=sys.stderr)
        return 1
    for notice in (*loaded.notices, *tls.notices):
        print(_printable(str(notice)), file=sys.stderr)
    sys.stdout.write(_effective(loaded, options.changed))
    return 0


def _sources(names: Sequence[str]) -> list[str | Text]:
    """Name the sources; standard input can be read once only, so it is read here."""
    content = sys.stdin.buffer.read() if "-" in names else b""
    return [Text("<stdin>", content) if name == "-" else name for name in names]


def _effective(loaded: Loaded, changed: bool) -> str:
    tree = dump(loaded.settings, changed=changed)
    return yaml.safe_dump(tree, sort_keys=False, default_flow_style=False, allow_unicode=False)


def _printable(text: str) -> str:
    """Keep what a file contains from acting on the terminal, or failing on its encoding."""
    shown = "".join(character if character.isprintable() else "?" for character in text)
    encoding = sys.stderr.encoding or "ascii"
    return shown.encode(encoding, "backslashreplace").decode(encoding)


if __name__ == "__main__":
    raise SystemExit(main())
