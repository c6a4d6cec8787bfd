"""`jairouter hash-password`, `new-key` and `new-secret`: what a configuration with security needs."""

from __future__ import annotations

import argparse
import base64
import string
import sys
from hashlib import sha256
from typing import Any, Final

import bcrypt

from jairouter.auth.permissions import UnknownPermission, granted
from jairouter.command.failures import Refused
from jairouter.command.output import say, say_json, say_yaml, tell
from jairouter.command.shell import Shell
from jairouter.config.weak import weakness

LONGEST: Final = 72
"""Bytes of a password that bcrypt looks at; what comes after them would not be checked."""
_LEAST: Final = 8
_COSTS: Final = (10, 14)
_LETTERS: Final = string.ascii_letters + string.digits
_KEY_LETTERS: Final = 40
"""Of 62 kinds: 238 bits, so that a plain hash of it can be stored."""
_SECRET_BYTES: Final = 64
"""As many as the longest of the hashes, that of HS512, has (RFC 7518, section 3.2)."""

_HASH: Final = """\
Prints the bcrypt hash of a password, for `security.jwt.accounts[].password`. The password is asked for twice;
where standard input is no terminal, its first line is the password.

    jairouter hash-password
    pass show jairouter/admin | jairouter hash-password --cost 12

bcrypt looks at the first 72 bytes of a password, so that a longer one is refused.
"""
_KEY: Final = """\
Prints a new API key, made by chance, and the entry of the configuration for it. That has only the hash of the
key, so that nobody who reads the file can call with it; the key itself is not stored anywhere.

    jairouter new-key --id frontend --permissions chat:read,embedding:read
    jairouter new-key --id ci --permissions config:write --yaml >> keys.yml    (key: standard error)
"""
_LESSON: Final = """\
Prints a new secret for `security.jwt.secret`: 64 bytes of chance, in base64url.

    jairouter new-secret
    (umask 077; echo "JWT_SECRET=$(jairouter new-secret)" >> /etc/jairouter/environment)
"""


def hash_password(options: argparse.Namespace, shell: Shell) -> int:
    """Print the hash of a password."""
    password = _typed(shell) if sys.stdin.isatty() else _piped()
    content = password.encode("utf-8", "surrogateescape")
    if not content or b"\0" in content:
        raise Refused("a password has at least one character, and none of them is NUL")
    if len(content) > LONGEST:
        told = f"it has {len(content)} bytes, of which bcrypt would check the first {LONGEST} only"
        raise Refused(f"the password is too long: {told}")
    reason = weakness(password, _LEAST)
    if reason is not None:
        tell(f"jairouter: warning: the password is weak: {reason}")
    say(bcrypt.hashpw(content, _salt(options.cost, shell)).decode("ascii"))
    return 0


def new_key(options: argparse.Namespace, shell: Shell) -> int:
    """Print a new key, and what the configuration is told about it."""
    words = [each.strip() for each in options.permissions.split(",") if each.strip()]
    try:
        granted(words)
    except UnknownPermission as unknown:
        raise Refused(str(unknown)) from None
    value = "sk-" + "".join(shell.random.choice(_LETTERS) for _ in range(_KEY_LETTERS))
    entry: dict[str, Any] = {"name": options.id, "value-hash": hash_of(value), "permissions": words}
    if options.json:
        say_json({"value": value, **entry})
    elif options.yaml:
        tell(value)
        say_yaml([entry])
    else:
        say(value)
        say()
        say("# the entry below security.api-key.keys; the key above cannot be made of it, so keep that")
        say_yaml([entry])
    return 0


def new_secret(options: argparse.Namespace, shell: Shell) -> int:
    """Print a new secret to sign tokens with."""
    made = shell.random.randbytes(_SECRET_BYTES)
    say(base64.urlsafe_b64encode(made).rstrip(b"=").decode("ascii"))
    return 0


def hash_of(value: str) -> str:
    """What a configuration says in place of a key. The key is chance, so that one plain hash is enough."""
    return f"sha256:{sha256(value.encode('utf-8')).hexdigest()}"


def _typed(shell: Shell) -> str:
    password = shell.hidden("Password: ")
    if shell.hidden("Once more: ") != password:
        raise Refused("these are two different passwords")
    return password


def _piped() -> str:
    line = sys.stdin.buffer.readline(LONGEST * 100)
    return line.rstrip(b"\r\n").decode("utf-8", "surrogateescape")


def _salt(cost: int, shell: Shell) -> bytes:
    """A salt as `bcrypt.gensalt` makes it, of the randomness that is handed in.

    bcrypt's base64 has the digits at its end and begins with ``./``.
    """
    usual = base64.b64encode(shell.random.randbytes(16)).rstrip(b"=")
    letters = (string.ascii_uppercase + string.ascii_lowercase + string.digits).encode("ascii")
    other = usual.translate(bytes.maketrans(letters + b"+/", b"./" + letters))
    return b"$2b$%02d$%s" % (cost, other)


def _hash_options(parser: argparse.ArgumentParser) -> None:
    told = "each one more doubles the time that a login takes, and a guess (%(default)s)"
    low, high = _COSTS
    costs = range(low, high + 1)
    parser.add_argument("--cost", type=int, choices=costs, default=12, metavar=f"{low}..{high}", help=told)


def _key_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--id", default="new-key", metavar="NAME", help="what the key is called in logs")
    told = "what it may do, with commas between (%(default)s); docs/security.md lists them"
    parser.add_argument("--permissions", default="chat:read", metavar="LIST", help=told)
    told = "print nothing but the entry; the key goes to standard error"
    parser.add_argument("--yaml", action="store_true", help=told)
    parser.add_argument("--json", action="store_true", help="print JSON, for scripts")


def _secret_options(parser: argparse.ArgumentParser) -> None:
    """There are none."""


COMMANDS: Final = (
    (
        "hash-password",
        "make the hash of a password for the configuration",
        _HASH,
        _hash_options,
        hash_password,
    ),
    ("new-key", "make an API key", _KEY, _key_options, new_key),
    ("new-secret", "make a secret that tokens are signed with", _LESSON, _secret_options, new_secret),
)
