"""Checks what is written about users who can log in, where tokens are accepted at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jairouter.config.faults import Findings
from jairouter.config.naming import KeyPath
from jairouter.config.profiles import is_development
from jairouter.config.settings.accounts import AccountSettings
from jairouter.config.settings.root import Settings
from jairouter.config.stored_password import COSTLY, read_stored, skeleton
from jairouter.config.tree import Members, lookup

_ACCOUNTS: Final[KeyPath] = ("security", "jwt", "accounts")


def check(settings: Settings, profiles: Sequence[str], tree: Members, findings: Findings) -> None:
    """Check the accounts.

    Args:
        settings: The settings, valid otherwise.
        profiles: The active profiles.
        tree: What was given, with canonical keys.
        findings: Where faults and notices go.
    """
    if not settings.security.tokens_on:
        return
    development = is_development(profiles)
    seen: dict[str, str] = {}
    for index, account in enumerate(settings.security.jwt.accounts):
        place: KeyPath = (*_ACCOUNTS, index)
        _check_password(account, development, place, tree, findings)
        other = seen.setdefault(skeleton(account.username), account.username)
        if other is not account.username:
            told = "there is an account of this name, or one that differs only in capitals or in how it is encoded"
            _fault(told, (*place, "username"), tree, findings)


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
        findings.notice(origin, f"a bcrypt hash of cost {stored.cost}: each login takes seconds of a processor")


def _fault(text: str, path: KeyPath, tree: Members, findings: Findings) -> None:
    node = lookup(tree, path)
    findings.fault(node.origin if node is not None else tree.origin, path, text)
