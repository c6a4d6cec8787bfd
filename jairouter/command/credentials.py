"""Who asks a running gateway: a key, a token, or a user who logs in for the time of a command."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final

from jairouter.command.failures import Denied, Failure, Misused, NotTaken, Unreachable
from jairouter.command.output import tell
from jairouter.command.secret_files import secret_in, sendable

if TYPE_CHECKING:
    from jairouter.command.http import Http
    from jairouter.command.shell import Shell

API_KEY: Final = "JAIROUTER_API_KEY"
TOKEN: Final = "JAIROUTER_TOKEN"  # noqa: S105 - the name of a variable
PASSWORD: Final = "JAIROUTER_PASSWORD"  # noqa: S105 - likewise
KEY_HEADER: Final = "X-API-Key"

_LOGIN: Final = "/api/auth/jwt/login"
_LOGOUT: Final = "/api/auth/jwt/logout"
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


@dataclass(frozen=True, slots=True)
class Known:
    """Who asks.

    Attributes:
        headers: That say so.
        what: What is shown, for messages: ``the key in /root/key``.
    """

    headers: Mapping[str, str] = field(repr=False)
    what: str


class _Visible(argparse.Action):
    """Refuses a secret on the command line, and does not repeat it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """See `argparse.Action.__call__`."""
        name = self.option_strings[0]
        told = "arguments can be read by every user of this machine, as in ps: put it into a file"
        parser.error(f"{name}: {told}, and give that with {name}-file")


def credential_options(parser: argparse._ActionsContainer) -> None:
    """Add what says who asks."""
    told = f"a file with the API key to ask with (${API_KEY} has the key itself)"
    parser.add_argument("--api-key-file", metavar="FILE", help=told)
    told = f"the header for it, where security.api-key.header says another one ({KEY_HEADER})"
    parser.add_argument("--api-key-header", type=_header, default=KEY_HEADER, metavar="NAME", help=told)
    told = f"a file with the token to ask with (${TOKEN} has the token itself)"
    parser.add_argument("--token-file", metavar="FILE", help=told)
    told = "log in as this user, and out at the end; the password is asked for"
    parser.add_argument("--username", metavar="NAME", help=told)
    told = f"a file with the password of --username (${PASSWORD} has the password itself)"
    parser.add_argument("--password-file", metavar="FILE", help=told)
    told = "send key, token or password without encryption to another machine: who is on the way can read it"
    parser.add_argument("--insecure-http", action="store_true", help=told)
    for name in ("--api-key", "--token", "--password"):
        parser.add_argument(name, action=_Visible, help=argparse.SUPPRESS)


def credentials_of(
    options: argparse.Namespace, shell: Shell, http: Http, at_end: Callable[[Callable[[], None]], Any]
) -> Known | None:
    """Find out who asks; log in, if that is wanted.

    Args:
        options: See `credential_options`.
        shell: Has the variables, and asks for a password.
        http: Asks without credentials.
        at_end: Takes what is to be done when the command is over.

    Raises:
        Misused: The options contradict each other, or a secret would be sent in the clear.
        Failure: A file cannot be read, or the login is refused.
    """
    named = [
        name for name in ("api_key_file", "token_file", "username") if getattr(options, name) is not None
    ]
    if len(named) > 1:
        shown = " and ".join(f"--{name.replace('_', '-')}" for name in named)
        raise Misused(f"{shown} say differently who asks: give one of them")
    if options.password_file is not None and options.username is None:
        raise Misused("--password-file means nothing without --username")
    environ = shell.environ
    if not named and not environ.get(API_KEY) and not environ.get(TOKEN):
        return None
    _check_way(options, http)
    if options.username is not None:
        return _logged_in(options, shell, http, at_end)
    if options.token_file is not None:
        return _token(secret_in(options.token_file), options.token_file)
    if options.api_key_file is not None:
        return _key(secret_in(options.api_key_file), options.api_key_file, options)
    # As in a request to the gateway, the key counts where there are both
    if environ.get(API_KEY):
        return _key(environ[API_KEY], f"${API_KEY}", options)
    return _token(environ[TOKEN], f"${TOKEN}")


def _check_way(options: argparse.Namespace, http: Http) -> None:
    """Keep secrets from a network that everybody on it can read along."""
    if http.encrypted or options.insecure_http or is_here(http.host):
        return
    raise Misused(
        f"to {http.url} the key, token or password would go unencrypted, and whoever is on the way could use "
        "it: give an https URL, or --insecure-http where nobody is"
    )


def is_here(host: str) -> bool:
    """Whether a host is this machine for certain. Names may be anybody's, ``localhost`` (RFC 6761) aside."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower().rstrip(".") == "localhost"


def _key(text: str, origin: str, options: argparse.Namespace) -> Known:
    return Known({options.api_key_header: sendable(text, origin)}, f"the key in {origin}")


def _token(text: str, origin: str) -> Known:
    # Pasted as it stood in a header, perhaps
    found = re.fullmatch(r"(?i)bearer[ \t]+(.*)", text.strip(), re.DOTALL)
    return _bearer(sendable(found[1] if found else text, origin), f"the token in {origin}")


def _bearer(token: str, what: str) -> Known:
    return Known({"Authorization": f"Bearer {token}"}, what)


def _logged_in(
    options: argparse.Namespace, shell: Shell, http: Http, at_end: Callable[[Callable[[], None]], Any]
) -> Known:
    options.login_password = _password(options, shell)
    body = {"username": options.username, "password": options.login_password}
    try:
        data = http.ask_json("POST", _LOGIN, body)
    except Denied as denied:
        raise Denied(f"cannot log in as {options.username}: {denied.message}") from None
    token = next(
        (data[name] for name in ("token", "accessToken", "access_token") if isinstance(data.get(name), str)),
        "",
    )
    if not token:
        raise Unreachable(f"{http.url} let {options.username} in without a token: is it of the same release?")
    known = _bearer(sendable(token, "the answer to the login"), f"the token of {options.username}")
    at_end(lambda: _log_out(http, known))
    return known


def _log_out(http: Http, known: Known) -> None:
    """Let nobody use the token any more. It expires in any case, so that a failure is only told."""
    try:
        http.known_as(known).ask("POST", _LOGOUT)
    except NotTaken:
        return  # the command itself has revoked it: users who change their password are logged out everywhere
    except Failure as failure:
        tell(f"jairouter: cannot log out: {failure.message}; the token stays valid until it expires")


def _password(options: argparse.Namespace, shell: Shell) -> str:
    if options.password_file is not None:
        return secret_in(options.password_file)
    given = shell.environ.get(PASSWORD)
    return given or shell.hidden(f"Password of {options.username}: ")


def _header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise argparse.ArgumentTypeError("expected the name of a header")
    return text
