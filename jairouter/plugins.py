"""What third parties add: plugins of Twisted that provide one of our interfaces.

They are looked for when a configuration names one, and never otherwise: looking imports them.
"""

from __future__ import annotations

from typing import Any

from twisted.plugin import getPlugins

from jairouter.interfaces import IBalancerMaker


def balancer_makers() -> dict[str, IBalancerMaker]:
    """All kinds of balancers that are installed beside our own, by name."""
    return _by_name(IBalancerMaker)


def balancer_maker(name: str) -> IBalancerMaker | None:
    """The maker of one kind, or None where it is not installed."""
    return balancer_makers().get(name)


def _by_name(interface: Any) -> dict[str, Any]:
    # A plugin that cannot be imported is logged by Twisted, and left out
    found = [(getattr(each, "name", None), each) for each in getPlugins(interface)]
    return {name: each for name, each in found if isinstance(name, str)}
