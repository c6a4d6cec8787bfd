"""Which doors a configuration opens, and to whom: what an operator should know before starting a gateway.

One line for each: where the models are used, the configuration is changed, pages are read. What deserves a
second look is said behind them, as a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Final

from jairouter.config.networks import AnyNetwork
from jairouter.config.openings import useless
from jairouter.config.settings.root import Settings
from jairouter.config.settings.security import SecuritySettings

WARNING: Final = "warning: "
"""What a line begins with that is no door."""

_PAGES: Final = ("health", "info", "prometheus")
"""Of the actuator: they say nothing about anybody, and are for everybody."""

_GUARDED: Final = ("metrics", "loggers", "configprops")
"""Others of it, which are for operators."""


def open_doors(settings: Settings) -> list[str]:
    """Say who may do what, in a line each, and then what is worth a warning.

    Args:
        settings: Of the gateway. Keys and accounts that were made while it ran are not in them.
    """
    return [*_doors(settings), *(WARNING + each for each in _warnings(settings))]


def _doors(settings: Settings) -> Iterator[str]:
    security, management = settings.security, settings.management
    anybody, api = _anybody(settings), management.api
    yield f"listener: {_address(settings)}, {'TLS' if settings.server.ssl.enabled else 'no TLS'}"
    yield f"models: {_known(security) or anybody}"
    opening = set(security.excluded_paths).difference(useless(security.excluded_paths))
    for path in security.excluded_paths if security.on else ():
        if path in opening:
            yield f"excluded path {path}: {anybody}"
    if api.enabled:
        yield f"management API: {_operators(settings)}"
        there = _places(api.allow_from) if _is_placed(settings) else anybody
        yield f"page /swagger-ui and /v3/api-docs: {there}"
    else:
        yield "management API, page: nobody (management.api.enabled is false)"
    yield from _actuator(settings)


def _actuator(settings: Settings) -> Iterator[str]:
    base = settings.management.endpoints.web.base_path.rstrip("/")
    for name in _PAGES:
        if exposes(settings, name):
            yield f"{'metrics, ' if name == 'prometheus' else ''}{base}/{name}: {_anybody(settings)}"
    for name in _GUARDED:
        if exposes(settings, name):
            yield f"{base}/{name}: {_operators(settings)}"


def exposes(settings: Settings, name: str) -> bool:
    """Whether a page of the actuator is to be there."""
    exposure = settings.management.endpoints.web.exposure
    wanted = name in exposure.include or "*" in exposure.include
    return wanted and name not in exposure.exclude and "*" not in exposure.exclude


def _is_placed(settings: Settings) -> bool:
    """Whether it counts where operators are; with security on, only where that is asked for."""
    return not settings.security.on or "allow_from" in settings.management.api.model_fields_set


def _operators(settings: Settings) -> str:
    """Who may use the management API."""
    known = _known(settings.security)
    return _both(_places(settings.management.api.allow_from), known) if _is_placed(settings) else known


def _warnings(settings: Settings) -> Iterator[str]:
    server, security = settings.server, settings.security
    far, api = not _is_here(server.address), settings.management.api
    where = "all addresses" if _is_anywhere(server.address) else server.address
    open_networks = [each for each in api.allow_from if not each.is_loopback] if api.enabled else []
    if not security.on and far:
        told = f"anybody who can reach port {server.port} may use all models"
        yield f"security is off and the listener is on {where}: {told}"
    if not security.on and open_networks:
        told = "may change the configuration, and so where requests and their keys go"
        yield f"security is off: every client at {_places(open_networks)} {told}"
    if security.on and far and not server.ssl.enabled and not server.trusted_proxies:
        told = "keys, tokens and passwords cross the network in the clear"
        yield f"the listener speaks no TLS, and no proxy in front is named that would: {told}"
    if security.on and any(path in {"/**", "/v1/**", "/api/**", "/*"} for path in security.excluded_paths):
        yield "security.excluded-paths leaves whole parts open to anybody"
    for path in useless(security.excluded_paths) if security.on else ():
        yield f"security.excluded-paths: {path} opens nothing: it is the path of no route of models"
    if security.on and not _somebody(security):
        told = "nobody can call but by a key or an account that was made before and is kept beside it"
        yield f"no key and no account of the configuration is enabled: {told}"


def _somebody(security: SecuritySettings) -> bool:
    keys = security.keys_on and any(each.enabled for each in security.api_key.keys)
    return keys or (security.tokens_on and any(each.enabled for each in security.jwt.accounts))


def _known(security: SecuritySettings) -> str:
    """By what callers have to be known; empty if they have not."""
    ways = []
    if security.keys_on:
        ways.append(f"a key ({security.api_key.header_name}, or Authorization: Bearer)")
    if security.tokens_on:
        ways.append("a token")
    return f"whoever has {' or '.join(ways)} with the permission for it" if ways else ""


def _both(there: str, known: str) -> str:
    return f"{there}, {known}" if known else there


def _anybody(settings: Settings) -> str:
    return "this machine" if _is_here(settings.server.address) else "anybody"


def _places(networks: Sequence[AnyNetwork]) -> str:
    """Where clients may be."""
    if not networks:
        return "nobody"
    if all(each.is_loopback for each in networks):
        return "this machine"
    if any(each.prefixlen == 0 for each in networks):
        return "anywhere"
    return ", ".join(str(each) for each in networks)


def _address(settings: Settings) -> str:
    address = settings.server.address
    return f"port {settings.server.port} of {'all addresses' if _is_anywhere(address) else address}"


def _is_here(address: str) -> bool:
    """Whether nobody but this machine reaches it."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address.lower() == "localhost"


def _is_anywhere(address: str) -> bool:
    try:
        return ip_address(address).is_unspecified
    except ValueError:
        return False
