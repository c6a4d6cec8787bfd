"""`jairouter keys`: API keys that are made while the gateway runs."""

from __future__ import annotations

import argparse
from math import ceil
from typing import Any, Final

from jairouter.command.asking import Action, actions, ask, members, say_rows, step
from jairouter.command.http import Http
from jairouter.command.numbers import seconds
from jairouter.command.output import say, tell
from jairouter.command.shell import Shell

_PATH: Final = "/api/auth/api-keys"
_NEVER: Final = "never"
_LESSON: Final = """\
API keys of a running gateway. Those of its configuration are listed too, and can be disabled; all else about
them is changed in the files.

    jairouter keys list --api-key-file admin.key
    jairouter keys create frontend --permissions chat:read,embedding:read --api-key-file admin.key
    jairouter keys disable frontend --username admin
    jairouter keys rotate frontend --overlap 24h --username admin        (0 for one that has become known)

The value of a key is printed when it is made, to standard output, and never again.
"""
_HEAD: Final = {
    "keyId": "KEY",
    "enabled": "ENABLED",
    "permissions": "PERMISSIONS",
    "expiresAt": "EXPIRES",
    "source": "FROM",
    "description": "DESCRIPTION",
}


def _list(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
    data = http.ask("GET", _PATH)
    found = members(data, "keys", http)
    if not options.json:
        say_rows(_HEAD, found) if found else say("there is no key")
    return data


def _create(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
    body = {
        "keyId": options.key,
        "permissions": [each.strip() for each in options.permissions.split(",") if each.strip()],
        "description": options.description,
        "expiresAt": options.expires,
    }
    given: dict[str, Any] = {name: each for name, each in body.items() if each}
    if options.expires == _NEVER:
        given["expiresAt"] = None  # else the gateway would say when
    return _made(http.ask_json("POST", _PATH, given), options)


def _rotate(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
    body = {} if options.overlap is None else {"overlapSeconds": options.overlap}
    return _made(http.ask_json("POST", f"{_PATH}/{step(options.key)}/rotate", body), options)


def _overlap(text: str) -> int:
    """Read ``24h``, or ``0`` for a key that has become known."""
    return 0 if text == "0" else ceil(seconds(text))


def _made(data: Any, options: argparse.Namespace) -> Any:
    if not options.json:
        say(str(data.get("keyValue") or data.get("value") or ""))
        tell(f"jairouter: this is the key {options.key}; nobody can show it again")
    return data


def _switch(verb: str) -> Any:
    def act(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
        data = http.ask("PATCH", f"{_PATH}/{step(options.key)}/{verb}")
        if not options.json:
            say(f"the key {options.key} is {verb}d")
        return data

    return act


def _delete(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
    data = http.ask("DELETE", f"{_PATH}/{step(options.key)}")
    if not options.json:
        say(f"the key {options.key} is deleted")
    return data


def _nothing(parser: argparse.ArgumentParser) -> None:
    """There is nothing more to say."""


def _key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY", help="what the key is called; not its value")


def _create_options(parser: argparse.ArgumentParser) -> None:
    _key(parser)
    told = "what it may do, with commas between; nothing that you may not do yourself"
    parser.add_argument("--permissions", required=True, metavar="LIST", help=told)
    parser.add_argument("--description", metavar="TEXT", help="what it is for")
    told = f"until when it is valid, as 2030-01-31T12:00:00Z, or {_NEVER}; else the gateway says, as a year"
    parser.add_argument("--expires", metavar="TIME", help=told)


def _rotate_options(parser: argparse.ArgumentParser) -> None:
    _key(parser)
    told = "how long the values before stay valid at most (a day); 0 refuses them at once"
    parser.add_argument("--overlap", type=_overlap, metavar="TIME", help=told)


_ACTIONS: Final[tuple[Action, ...]] = (
    ("list", "list the keys", _nothing, _list),
    ("create", "make a key, and print its value once", _create_options, _create),
    ("disable", "have a key refused", _key, _switch("disable")),
    ("enable", "take that back", _key, _switch("enable")),
    ("rotate", "give a key a new value, and print that once", _rotate_options, _rotate),
    ("delete", "forget a key", _key, _delete),
)

COMMANDS: Final = (("keys", "list, make and switch off API keys", _LESSON, actions(_ACTIONS), ask),)
