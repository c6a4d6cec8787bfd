"""Asks whether plugins are there and understand their options, so that it is told with all other faults."""

from __future__ import annotations

from random import Random

from jairouter.config.faults import Findings
from jairouter.config.inheritance import load_balance_for
from jairouter.config.naming import KeyPath, nearest
from jairouter.config.settings.balancing import PLUGIN, LoadBalanceSettings
from jairouter.config.settings.root import Settings
from jairouter.config.tree import Members, lookup
from jairouter.plugins import balancer_makers

_OUTER: KeyPath = ("model", "load-balance")


def check(settings: Settings, tree: Members, findings: Findings) -> None:
    """Look for the balancers that are plugins, and have them made on trial.

    Args:
        settings: the settings, valid otherwise.
        tree: what was given, with canonical keys.
        findings: where faults go.
    """
    for service in settings.model.services:
        inner: KeyPath = ("model", "services", service, "load-balance")
        _check(load_balance_for(settings.model, service), (inner, _OUTER), tree, findings)
    if not settings.model.services:
        _check(settings.model.load_balance, (_OUTER,), tree, findings)


def _check(
    chosen: LoadBalanceSettings, places: tuple[KeyPath, ...], tree: Members, findings: Findings
) -> None:
    """Check what applies to one service; `places` are where it may have been given, the nearest first."""
    if not chosen.type.startswith(PLUGIN):
        return
    makers = {PLUGIN + name: maker for name, maker in balancer_makers().items()}
    maker = makers.get(chosen.type)
    if maker is None:
        meant = nearest(chosen.type, makers)
        hint = f"; did you mean {meant}?" if meant else ""
        there = f"one of {', '.join(sorted(makers))}" if makers else "a plugin, but none is installed"
        _fault(f"expected {there}{hint}", "type", places, tree, findings)
        return
    try:
        maker.make(chosen, Random(0), lambda: 0.0)  # noqa: S311 - nothing is secret, nor kept
    except ValueError as error:
        _fault(" ".join(str(error).split()) or "not understood", "options", places, tree, findings)


def _fault(text: str, key: str, places: tuple[KeyPath, ...], tree: Members, findings: Findings) -> None:
    """Tell of a fault where the key is given, or else where the balancer is."""
    for name in (key, "type"):
        for place in places:
            node = lookup(tree, (*place, name))
            if node is not None:
                origin = node.origin
                already = any(each.origin == origin and each.text == text for each in findings.faults)
                if not already:  # services that inherit it have it in common
                    findings.fault(origin, (*place, key), text)
                return
