"""`jairouter accounts`, `tokens` and `whoami`: users of a running gateway, and what they are let in with."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final

from jairouter.command.asking import Action, actions, ask, members, say_rows, step
from jairouter.command.choosing import configuration_options, gateway_options
from jairouter.command.failures import Refused
from jairouter.command.http import Http
from jairouter.command.output import say
from jairouter.command.secret_files import secret_in
from jairouter.command.shell import Shell

_ACCOUNTS: Final = "/api/security/jwt/accounts"
_TOKENS: Final = "/api/auth/jwt"
_ME: Final = "/api/auth/me"
_ACCOUNTS_LESSON: Final = """\
Users of a running gateway. Those of its configuration are listed too, and can be disabled; all else about
them is changed in the files.

    jairouter accounts list --username admin
    jairouter accounts add anna --roles USER --username admin
    jairouter accounts password anna --username admin      (or --username anna, by herself)
    jairouter accounts disable anna --username admin

The new password is asked for twice, or is the first line of standard input, or of --new-password-file.
"""
_TOKENS_LESSON: Final = """\
Tokens of a running gateway.

    jairouter tokens revoke-all anna --username admin      nobody gets in with a token of anna's any more
"""
_WHOAMI_LESSON: Final = """\
Says as whom the gateway takes those who ask as you do, and what they may.

    jairouter whoami --api-key-file frontend.key
"""
_HEAD: Final = {"username": "USER", "enabled": "ENABLED", "roles": "ROLES", "source": "FROM"}


def _list(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
    data = http.ask("GET", _ACCOUNTS)
    found = members(data, "accounts", http)
    if not options.json:
        say_rows(_HEAD, found) if found else say("there is no account")
    return data


def _add(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
    roles = [each.strip() for each in options.roles.split(",") if each.strip()]
    body = {"username": options.user, "password": _new_password(options, shell), "roles": roles}
    data = http.ask_json("POST", _ACCOUNTS, body)
    return _said(data, options, f"{options.user} can log in")


def _password(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
    path = f"{_ACCOUNTS}/{step(options.user)}/password"
    body = {"newPassword": _new_password(options, shell)}
    if options.user == options.username:
        # Users change their own password with the old one, which they have just logged in with
        body["oldPassword"] = options.login_password
    data = http.ask_json("PUT", path, body)
    return _said(data, options, f"{options.user} has another password")


def _switch(verb: str) -> Any:
    def act(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
        data = http.ask("POST", f"{_ACCOUNTS}/{step(options.user)}/{verb}")
        return _said(data, options, f"{options.user} is {verb}d")

    return act


def _revoke_all(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
    data = http.ask_json("POST", f"{_TOKENS}/revoke-all", {"username": options.user})
    return _said(data, options, f"the tokens of {options.user} are revoked")


def _whoami(options: argparse.Namespace, shell: Shell, http: Http) -> Any:
    data = http.ask("GET", _ME)
    if not options.json:
        say(f"{data.get('name')} ({data.get('kind')})")
        say(", ".join(data.get("permissions") or ()) or "no permission")
    return data


def _said(data: Any, options: argparse.Namespace, text: str) -> Any:
    if not options.json:
        say(text)
    return data


def _new_password(options: argparse.Namespace, shell: Shell) -> str:
    """A password that is set; it is not the one of whoever sets it."""
    if options.new_password_file is not None:
        return secret_in(options.new_password_file)
    if not sys.stdin.isatty():
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise Refused("standard input has no password: type it on a terminal, or --new-password-file")
        return line
    password = shell.hidden(f"New password of {options.user}: ")
    if shell.hidden("Once more: ") != password:
        raise Refused("these are two different passwords")
    return password


def _nothing(parser: argparse.ArgumentParser) -> None:
    """There is nothing more to say."""


def _user(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", metavar="USER", help="the name to log in with")


def _password_options(parser: argparse.ArgumentParser) -> None:
    _user(parser)
    told = "a file with the new password"
    parser.add_argument("--new-password-file", metavar="FILE", help=told)


def _add_options(parser: argparse.ArgumentParser) -> None:
    _password_options(parser)
    told = "ADMIN, USER or permissions, with commas between (%(default)s)"
    parser.add_argument("--roles", default="USER", metavar="LIST", help=told)


def _whoami_options(parser: argparse.ArgumentParser) -> None:
    gateway_options(parser)
    configuration_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")
    parser.set_defaults(act=_whoami)


_ACTIONS: Final[tuple[Action, ...]] = (
    ("list", "list the users", _nothing, _list),
    ("add", "let a user log in", _add_options, _add),
    ("disable", "keep a user out", _user, _switch("disable")),
    ("enable", "take that back", _user, _switch("enable")),
    ("password", "set the password of a user", _password_options, _password),
)
_OF_TOKENS: Final[tuple[Action, ...]] = (
    ("revoke-all", "have all tokens of a user refused", _user, _revoke_all),
)

COMMANDS: Final = (
    ("accounts", "list, add and switch off users", _ACCOUNTS_LESSON, actions(_ACTIONS), ask),
    ("tokens", "revoke tokens", _TOKENS_LESSON, actions(_OF_TOKENS), ask),
    ("whoami", "say who the gateway takes you for", _WHOAMI_LESSON, _whoami_options, ask),
)
