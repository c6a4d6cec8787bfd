"""The names of loggers, and those that the Java original's users know.

A logger here is called after the module and class that logs: ``jairouter.filters.forward.Forward``. A level
counts for all that is below a name. Configuration files of the original name Java packages; what each of them
means here is in one table.
"""

from __future__ import annotations

from typing import Final

ROOT: Final = "ROOT"
"""What all loggers are below of."""

ACCESS: Final = "jairouter.access"
"""The logger of the lines about requests."""

JAVA: Final[dict[str, tuple[str, ...]]] = {
    "org.unreal.modelrouter": ("jairouter",),
    "org.unreal.modelrouter.controller": ("jairouter.web", "jairouter.access"),
    "org.unreal.modelrouter.service": ("jairouter.pipeline", "jairouter.filters"),
    "org.unreal.modelrouter.adapter": ("jairouter.adapters", "jairouter.filters.forward"),
    "org.unreal.modelrouter.security": ("jairouter.auth", "jairouter.security"),
    "org.unreal.modelrouter.config": ("jairouter.config", "jairouter.reloading"),
    "org.unreal.modelrouter.store": ("jairouter.store",),
    "org.unreal.modelrouter.tracing": ("jairouter.telemetry.tracing",),
    "org.unreal.modelrouter.monitoring": ("jairouter.telemetry",),
    "org.unreal.modelrouter.filter": ("jairouter.filters",),
    "org.unreal.modelrouter.checker": ("jairouter.upstream.prober",),
    "org.unreal.modelrouter.ratelimit": ("jairouter.traffic.limiters", "jairouter.filters.limit"),
    "org.unreal.modelrouter.circuitbreaker": ("jairouter.traffic.breaker",),
    "org.unreal.modelrouter.loadbalancer": ("jairouter.traffic.balancers", "jairouter.filters.pick"),
    "org.unreal.modelrouter.fallback": ("jairouter.filters.fallback",),
    "org.springframework": ("twisted", "log_legacy"),
    "org.springframework.boot": ("twisted.application", "twisted.scripts"),
    "org.springframework.web": ("twisted.web",),
    "org.springframework.security": ("twisted.cred",),
    "org.springframework.cloud": (),
    "reactor": ("twisted.internet",),
    "reactor.netty": ("twisted.internet", "jairouter.upstream"),
    "io.netty": ("twisted.internet",),
    "org.apache.http": ("jairouter.upstream",),
    "org.apache.hc": ("jairouter.upstream",),
}
"""Java packages, and the loggers here that do the same work."""


def ours(name: str) -> tuple[str, ...]:
    """The loggers here that a name means.

    Args:
        name: One of ours, or of Java: a class, or a package below one in the table, means what the nearest
            package above it does.
    """
    if name.lower() == "root":
        return (ROOT,)
    above = name
    while above:
        if above in JAVA:
            return JAVA[above]
        above = above.rpartition(".")[0]
    return (name,)


def depth(name: str) -> int:
    """How many names stand above one."""
    return 0 if name == ROOT else name.count(".") + 1
