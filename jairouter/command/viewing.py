"""`jairouter versions`, `show` and `diff`: what there is and what was changed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any, Final

from jairouter.command.choosing import side_of, side_options
from jairouter.command.numbers import CURRENT, version
from jairouter.command.output import say, say_json, say_table, say_yaml
from jairouter.command.shell import Shell
from jairouter.command.side import Answer, Side

_VERSIONS: Final = """\
Lists the versions of the configuration, the newest first: when each was made, by whom, and why. The one in
force has a star. Damaged ones are listed with the reason.

    jairouter versions
    jairouter versions --limit 5 --json
    jairouter versions --store /app/config-store        (no gateway runs)
"""
_SHOW: Final = """\
Shows what a version amounts to, laid over the files as they are now: as YAML, with secrets masked and
placeholders as they were written.

    jairouter show              what is in force
    jairouter show 7            version 7
    jairouter show files        the files alone
    jairouter show --changes    what the stored changes in force are
"""
_DIFF: Final = """\
Says how version B differs from version A, one line for each difference. Without B, it is the one in force.

    jairouter diff 7            what has changed since version 7
    jairouter diff files        what all stored changes amount to
    jairouter diff 6 7          what version 7 changed
"""
_HEAD: Final = ("", "VERSION", "CREATED", "BY", "TYPE", "DESCRIPTION")


def versions(options: argparse.Namespace, shell: Shell) -> int:
    """List the versions."""
    found = list(side_of(options, shell).history())[::-1]
    listed = found[: options.limit] if options.limit else found
    if options.json:
        say_json([dict(each) for each in listed])
    elif not listed:
        say("no version is stored: the files alone are in force")
    else:
        say_table(_HEAD, map(_row, listed))
    return 0


def _row(entry: Answer) -> tuple[object, ...]:
    described = entry.get("description") or ""
    if entry.get("damage"):
        described = f"DAMAGED: {entry['damage']}"
    mark = "*" if entry.get("current") else ""
    told = (str(entry.get(name) or "") for name in ("createdAt", "createdBy", "changeType"))
    return (mark, entry.get("version"), *told, described)


def show(options: argparse.Namespace, shell: Shell) -> int:
    """Show what a version amounts to."""
    side = side_of(options, shell)
    what = "changes" if options.changes else "tree"
    (say_json if options.json else say_yaml)(side.tree(settled(side, options.version), what))
    return 0


def diff(options: argparse.Namespace, shell: Shell) -> int:
    """Say how one version differs from another."""
    side = side_of(options, shell)
    found = side.compare(settled(side, options.first), settled(side, options.second))
    if options.json:
        say_json(found)
    elif found.get("differences"):
        say_differences(found["differences"])
    else:
        say("no difference")
    return 0


def settled(side: Side, number: int) -> int:
    """Find out which version is meant."""
    return side.current() if number == CURRENT else number


def say_differences(differences: Iterable[Any]) -> None:
    """Print differences, a line each, with a sign for the kind."""
    signs = {"added": "+", "removed": "-"}
    for each in differences:
        say(f"{signs.get(each['kind'], '~')} {each['text']}")


def _versions_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=_limit, default=0, metavar="N", help="list the newest N only")
    side_options(parser)


def _limit(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0
    if number < 1:
        raise argparse.ArgumentTypeError("expected a number of at least 1")
    return number


def _show_options(parser: argparse.ArgumentParser) -> None:
    told = "its number, current (when not given), or files"
    parser.add_argument("version", nargs="?", type=version, default=CURRENT, metavar="N", help=told)
    told = "only what the version changes in the files"
    parser.add_argument("--changes", action="store_true", help=told)
    side_options(parser)


def _diff_options(parser: argparse.ArgumentParser) -> None:
    told = "a version: its number, current, or files"
    parser.add_argument("first", type=version, metavar="A", help=told)
    told = "another one; the one in force when not given"
    parser.add_argument("second", nargs="?", type=version, default=CURRENT, metavar="B", help=told)
    side_options(parser)


COMMANDS: Final = (
    ("versions", "list the versions of the configuration", _VERSIONS, _versions_options, versions),
    ("show", "show what a version amounts to", _SHOW, _show_options, show),
    ("diff", "say how versions differ", _DIFF, _diff_options, diff),
)
