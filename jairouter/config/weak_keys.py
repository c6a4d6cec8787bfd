"""Notices about API keys of the configuration that somebody could guess.

They are notices, no faults: the files of many begin with an example, and a gateway that does not start helps
nobody. See docs/decisions/0021.
"""

from __future__ import annotations

from typing import Final

from jairouter.config.faults import Findings
from jairouter.config.naming import KeyPath, dotted
from jairouter.config.settings.root import Settings
from jairouter.config.tree import Members, lookup
from jairouter.config.weak import weakness

_KEYS: Final[KeyPath] = ("security", "api-key", "keys")


def tell(settings: Settings, tree: Members, findings: Findings) -> None:
    """Add a notice for each key that counts and is weak.

    Args:
        settings: the settings.
        tree: what was given, with canonical keys.
        findings: where notices go.
    """
    if not settings.security.keys_on:
        return
    for at, key in enumerate(settings.security.api_key.keys):
        # Of one that is given as a hash nobody can say
        if not key.enabled or not key.key_value:
            continue
        reason = weakness(key.key_value.reveal())
        if reason is None:
            continue
        path = (*_KEYS, at, "key-value")
        node = lookup(tree, path) or lookup(tree, path[:-1])
        told = f"{dotted(path)} is weak: {reason}; `jairouter new-key` makes one that nobody guesses"
        findings.notice(node.origin if node is not None else None, told)
