"""Keys and variables that other products give meaning to: accepted, and answered with a notice.

Existing configuration files have them, and a file that was good enough there shall not be refused
here. A misspelled key is still a fault, except below the places named in this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jairouter.config.naming import relaxed

_NO_JVM: Final = "there is no Java virtual machine"
_NOT_NAMED: Final = "no such key is defined"
_EXACT: Final = "not applicable: everything is counted at once and exactly, and read when it is asked for"

KEYS: Final[Mapping[str, str]] = {
    "server.tomcat": "requests are not bound to threads and there is no Tomcat",
    "server.tomcat.threads": "requests are not bound to threads; see server.max-connections",
    "server.tomcat.connection-timeout": "see server.header-timeout",
    "server.tomcat.max-connections": "see server.max-connections",
    "server.tomcat.accept-count": "the operating system's own backlog is used",
    "server.netty": "there is no Netty; see server.header-timeout and server.keep-alive-timeout",
    "server.jetty": "there is no Jetty",
    "server.undertow": "there is no Undertow",
    "server.servlet": "there are no servlets",
    "server.reactive": "there are no sessions",
    "server.error": "errors always have the form that OpenAI clients read",
    "server.http2": "the listener speaks HTTP/1.1; a proxy in front can speak HTTP/2 to clients",
    "server.server-header": "answers do not name the server",
    "server.ssl": _NOT_NAMED,
    "spring": "it belongs to the Spring framework",
    # Read before anything else, by the loader; an empty reason says nothing.
    "spring.config.activate": "",
    "spring.config.import": "name further files on the command line instead",
    "spring.profiles": "profiles have no groups and no inclusions",
    "springdoc": "it belongs to the Spring framework",
    "resilience4j": "see model.circuit-breaker and model.rate-limit",
    "reactor": _NO_JVM,
    "logging.logback": "there is no Logback",
    "logging.config": "there is no Logback",
    "logging.charset": "logs are UTF-8",
    "logging.group": "name each logger under logging.level",
    "logging.exception-conversion-word": "there is no Logback",
    "logging.register-shutdown-hook": _NO_JVM,
    "logging.threshold": "see logging.level",
    "management.server": "the endpoints are answered on server.port",
    "management.security": "see security",
    "management.health": "parts of the health answer cannot be switched",
    "management.info": "the info endpoint has fixed content",
    "management.tracing": "see tracing",
    "management.otlp": "see tracing.exporter",
    "management.observations": "see monitoring.metrics",
    "management.endpoints": "endpoints are chosen by management.endpoints.web.exposure",
    "management.endpoint": "this endpoint has no such setting",
    "management.metrics": "which metrics there are, and their buckets, is fixed",
    "model.adapters": "see adapter-definitions",
    "model.cache": _NOT_NAMED,
    "model.async": "nothing blocks here",
    "model.store": "see store",
    **{
        f"{place}.{key}": _NOT_NAMED
        for place in ("model", "model.services.*", "model.services.*.instances.*")
        for key in (
            "load-balance.weight-adjustment",
            "load-balance.failover",
            "load-balance.connection-tracking",
            "rate-limit.client-ip.memory",
            "rate-limit.performance",
            "circuit-breaker.statistics",
            "circuit-breaker.monitoring",
            "circuit-breaker.concurrency",
            "circuit-breaker.memory",
            "circuit-breaker.adaptive-recovery",
            "fallback.cache",
        )
    },
    "model.services.*.instances.*.health-check": _NOT_NAMED,
    "security.jwt.persistence": _NOT_NAMED,
    "security.jwt.blacklist": _NOT_NAMED,
    "security.sanitization": _NOT_NAMED,
    "security.audit": _NOT_NAMED,
    "security.performance": _NOT_NAMED,
    "monitoring": _NOT_NAMED,
    "monitoring.metrics.collection-interval": _EXACT,
    "monitoring.metrics.sampling": _EXACT,
    "monitoring.metrics.performance": _EXACT,
    "tracing": _NOT_NAMED,
    "persistence": _NOT_NAMED,
    "call-history": _NOT_NAMED,
    "circuit-breaker": _NOT_NAMED,
    "loadbalancer": _NOT_NAMED,
    "config": _NOT_NAMED,
}
"""Place (`*` for any one step) and why what is below it, and not a key of ours, does nothing."""

VARIABLES: Final[Mapping[str, str]] = {
    "JAVA_OPTS": f"is not applicable: {_NO_JVM}",
    "CLUSTER_NODES": "has no effect: gateways need not know each other",
    "INSTANCE_ID": "has an effect only where the configuration names it, as in ${INSTANCE_ID}",
}
"""Variables that deployment files set, and what is to be known about each."""

_PATTERNS: Final = {
    tuple(relaxed(step) for step in place.split(".")): reason for place, reason in KEYS.items()
}


def _fits(pattern: tuple[str, ...], steps: tuple[str, ...]) -> bool:
    return all(p in {"*", s} for p, s in zip(pattern, steps, strict=False))


def reason(path: tuple[str | int, ...]) -> tuple[int, str] | None:
    """Find why a key does nothing.

    Returns:
        How many steps of the path the deepest fitting place has, and the reason; None when no
        place fits, so that the key is simply unknown.
    """
    steps = tuple(relaxed(str(step)) for step in path)
    found = [p for p in _PATTERNS if len(p) <= len(steps) and _fits(p, steps)]
    if not found:
        return None
    deepest = max(found, key=len)
    return len(deepest), _PATTERNS[deepest]


def goes_deeper(path: tuple[str | int, ...]) -> bool:
    """Whether the table has places below this one."""
    steps = tuple(relaxed(str(step)) for step in path)
    return any(len(p) > len(steps) and _fits(p, steps) for p in _PATTERNS)
