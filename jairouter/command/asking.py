"""What commands have in common that do one thing each over the management API, such as `keys`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from jairouter.command.choosing import configuration_options, gateway_options, http_of
from jairouter.command.failures import Unreachable
from jairouter.command.http import Http
from jairouter.command.output import say_json, say_table
from jairouter.command.shell import Shell

Act = Callable[[argparse.Namespace, Shell, Http], Any]
"""Asks, and returns what is printed for scripts, when it has printed it for people unless `options.json`."""
Action = tuple[str, str, Callable[[argparse.ArgumentParser], None], Act]
"""Name, summary, what adds the options, and what does it."""

_STRANGE: Final = "gave an answer that this command does not understand: is it of the same release?"


def actions(listed: Sequence[Action]) -> Callable[[argparse.ArgumentParser], None]:
    """What adds subcommands to a command; each says where the gateway is, and who asks."""

    def add(parser: argparse.ArgumentParser) -> None:
        commands = parser.add_subparsers(metavar="ACTION", required=True)
        for name, summary, add_options, act in listed:
            each = commands.add_parser(name, help=summary, description=f"{summary}.".capitalize())
            add_options(each)
            group = each.add_argument_group("the gateway, and who asks it")
            gateway_options(group)
            configuration_options(group)
            each.add_argument("--json", action="store_true", help="print JSON, for scripts")
            each.set_defaults(act=act)

    return add


def ask(options: argparse.Namespace, shell: Shell) -> int:
    """Do what was asked for."""
    data = options.act(options, shell, http_of(options, shell))
    if options.json:
        say_json(data)
    return 0


def members(data: Any, name: str, http: Http) -> list[Mapping[str, Any]]:
    """The objects of a list, which may be a member of what was answered.

    Raises:
        Unreachable: There is none.
    """
    listed = data.get(name) if isinstance(data, Mapping) else data
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        raise Unreachable(f"the gateway at {http.url} {_STRANGE}")
    return listed


def say_rows(head: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Print objects as a table.

    Args:
        head: The members to show, each with what stands above it.
        rows: The objects.
    """
    say_table(tuple(head.values()), ([_cell(each.get(name)) for name in head] for each in rows))


def step(text: str) -> str:
    """One step of a path, whatever is in it."""
    return quote(text, safe="")


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)
