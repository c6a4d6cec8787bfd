"""Asks plugins whether they understand their options, so that their faults are told with all others."""

from __future__ import annotations

from random import Random

from jairouter.config.faults import Findings, Origin
from jairouter.config.inheritance import load_balance_for
from jairouter.config.settings.balancing import PLUGIN
from jairouter.config.settings.root import Settings
from jairouter.config.tree import Members, lookup
from jairouter.plugins import balancer_maker


def check(settings: Settings, tree: Members, findings: Findings) -> None:
    """Have the balancers made that are plugins, on trial.

    Args:
        settings: the settings, valid otherwise.
        tree: what was given, with canonical keys.
        findings: where faults go.
    """
    for service in settings.model.services:
        chosen = load_balance_for(settings.model, service)
        maker = balancer_maker(chosen.type.removeprefix(PLUGIN)) if chosen.type.startswith(PLUGIN) else None
        if maker is None:
            continue
        try:
            maker.make(chosen, Random(0), lambda: 0.0)  # noqa: S311 - nothing is secret, nor kept
        except ValueError as error:
            inner, outer = (("model", "services", service, "load-balance"), ("model", "load-balance"))
            path = next((each for each in (inner, outer) if lookup(tree, (*each, "options"))), outer)
            node = lookup(tree, (*path, "options")) or lookup(tree, (*path, "type"))
            origin: Origin | None = node.origin if node else None
            findings.fault(origin, (*path, "options"), " ".join(str(error).split()) or "not understood")
