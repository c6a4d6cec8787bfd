"""Limits as they are configured, and requests that stand under them."""

from __future__ import annotations

from jairouter.exchange import Exchange
from jairouter.traffic.limits import Limits
from jairouter.traffic.rule import Admitted, Refused
from tests.config.reading import read
from tests.filters.inner import ROUTE, exchange, request


def limits(everywhere: str = "", chat: str | None = None, embedding: str | None = None) -> Limits:
    """What is given of each `rate-limit`, as flow mappings without their braces, at the time 0."""
    given = {"chat": chat, "embedding": embedding}
    services = ", ".join(
        f"{name}: {{instances: []{'' if text is None else f', rate-limit: {{{text}}}'}}}"
        for name, text in given.items()
    )
    return Limits(read(f"model: {{rate-limit: {{{everywhere}}}, services: {{{services}}}}}").settings, 0.0)


def asking(
    model: str = "m", address: str = "192.0.2.1", key: str = "", route: str = "/chat/completions"
) -> Exchange:
    """A request that has come as far as the limits."""
    headers = ((b"Authorization", b"Bearer " + key.encode()),) if key else ()
    return exchange(request(ROUTE[route], headers=headers)._replace(client_ip=address), model)


def admit(limits: Limits, asked: Exchange | None = None, now: float = 0.0) -> Admitted | Refused:
    """Let one request come, of whoever is not said."""
    asked = asked or asking()
    rule = limits.rule(asked.request.route.service)
    assert rule is not None
    return rule.admit(asked, now)


def passed(limits: Limits, *requests: Exchange, now: float = 0.0) -> list[bool]:
    """Which of some requests are let through."""
    return [isinstance(admit(limits, each, now), Admitted) for each in requests]
