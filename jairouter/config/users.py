"""Checks what is written about users who can log in, where tokens are accepted at all."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import InvalidAuthType, findCheckerFactories, makeChecker

from jairouter.config.faults import Findings
from jairouter.config.naming import KeyPath, nearest
from jairouter.config.profiles import is_development
from jairouter.config.settings.accounts import AccountSettings
from jairouter.config.settings.root import Settings
from jairouter.config.stored_password import COSTLY, read_stored, skeleton
from jairouter.config.tree import Members, lookup

_ACCOUNTS: Final[KeyPath] = ("security", "jwt", "accounts")
_CHECKERS: Final[KeyPath] = ("security", "jwt", "checkers")


def check(settings: Settings, profiles: Sequence[str], tree: Members, findings: Findings) -> None:
    """Check the accounts, and have the checkers made on trial.

    Args:
        settings: The settings, valid otherwise.
        profiles: The active profiles.
        tree: What was given, with canonical keys.
        findings: Where faults and notices go.
    """
    if not settings.security.tokens_on:
        return
    development = is_development(profiles)
    seen: set[str] = set()
    for index, account in enumerate(settings.security.jwt.accounts):
        place: KeyPath = (*_ACCOUNTS, index)
        _check_password(account, development, place, tree, findings)
        same = skeleton(account.username)
        if same in seen:
            told = "another account has this name, or one that differs only in capitals or in its encoding"
            _fault(told, (*place, "username"), tree, findings)
        seen.add(same)
    for index, description in enumerate(settings.security.jwt.checkers):
        wrong = _wrong_checker(description)
        if wrong:
            _fault(wrong, (*_CHECKERS, index), tree, findings)


def _check_password(
    account: AccountSettings, development: bool, place: KeyPath, tree: Members, findings: Findings
) -> None:
    path: KeyPath = (*place, "password")
    stored = read_stored(account.password.reveal())
    node = lookup(tree, path)
    origin = node.origin if node is not None else tree.origin
    if stored is None and development:
        text = "this is no bcrypt hash: nobody can log in to the account"
        findings.notice(origin, text)
    elif stored is None:
        _fault("expected a bcrypt hash ($2a$..., $2b$... or $2y$..., 60 characters)", path, tree, findings)
    elif stored.cost is None and not development:
        _fault("a password in the clear ({noop}) is for development profiles only", path, tree, findings)
    elif stored.cost is not None and stored.cost > COSTLY:
        findings.notice(
            origin, f"a bcrypt hash of cost {stored.cost}: each login takes seconds of a processor"
        )


def _wrong_checker(description: str) -> str | None:
    """What is wrong with a checker; None if it can be made. What comes after the colon is not shown."""
    kind, _, rest = description.partition(":")
    if kind == "file" and not os.path.isfile(rest):  # Twisted only warns, and then lets nobody in
        return "there is no such file, or it cannot be seen"
    try:
        checker = makeChecker(description)
    except InvalidAuthType:
        there = sorted({each.authType for each in findCheckerFactories()})
        meant = nearest(kind, there)
        hint = f"; did you mean {meant}?" if meant else ""
        return f"expected a checker of Twisted ({', '.join(there)}) and a colon{hint}"
    except ValueError as error:
        return " ".join(str(error).split()) or "not understood"
    except Exception as error:
        return f"the checker cannot be made: {type(error).__name__}"
    if not any(each.isOrExtends(IUsernamePassword) for each in checker.credentialInterfaces):
        return "this checker does not take user names and passwords"
    return None


def _fault(text: str, path: KeyPath, tree: Members, findings: Findings) -> None:
    node = lookup(tree, path)
    findings.fault(node.origin if node is not None else tree.origin, path, text)
