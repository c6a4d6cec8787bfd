"""Asks of each configured address whether it may be connected to, so that it is told with other faults."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from urllib.parse import urlsplit

from jairouter.config.faults import Findings
from jairouter.config.naming import KeyPath
from jairouter.config.settings.root import Settings
from jairouter.config.tree import Members, Scalar, lookup


def check(settings: Settings, tree: Members, findings: Findings) -> None:
    """Tell of addresses that `security.outbound` denies, as far as they say where they lead.

    The addresses that a name has are judged when they are connected to.

    Args:
        settings: the settings, valid otherwise.
        tree: what was given, with canonical keys.
        findings: where faults go.
    """
    refuses = cache(settings.security.outbound.rules.refuses)  # many instances are at the same few hosts
    for path, url in _addresses(settings):
        why = refuses(urlsplit(url).hostname or "")
        if why is not None:
            node = lookup(tree, path)
            if isinstance(node, Scalar) and node.raw is not None:
                # Not what placeholders stand for
                why = f"{node.shown} leads to what security.outbound denies"
            findings.fault(tree.origin if node is None else node.origin, path, why)


def _addresses(settings: Settings) -> Iterator[tuple[KeyPath, str]]:
    for name, service in settings.model.services.items():
        for number, instance in enumerate(service.instances):
            yield ("model", "services", name, "instances", number, "base-url"), instance.base_url
