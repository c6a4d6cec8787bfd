"""Where the gateway and its store are, by the configuration: as far as this shell can know.

A configuration that would not start a gateway is no obstacle: it often names variables that only the gateway
has in its environment, and whoever wants to go back from a fault must be able to.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from jairouter.config.canonical import canonical
from jairouter.config.environment import overrides
from jairouter.config.faults import Findings, Origin
from jairouter.config.files import Sources, read_sources
from jairouter.config.layers import merge, settle
from jairouter.config.placeholders import resolve
from jairouter.config.profiles import ALWAYS, applies, profile_of_file
from jairouter.config.settings.root import Settings
from jairouter.config.tree import Members, Node, Scalar, lookup
from jairouter.config.values import ROOT

DEFAULT_CONFIGURATION: Final = "/etc/jairouter"
DEFAULT_URL: Final = "http://127.0.0.1:8080"

_FOR_FILES: Final = frozenset({"file", "jpa", "h2"})


@dataclass(frozen=True, slots=True)
class Places:
    """What a configuration says about where things are.

    Attributes:
        address: Where the gateway listens.
        port: Likewise; 0 for any that is free.
        store: Directory of the store; None when versions are not kept in one.
        backups: Directory of the copies that the gateway makes by itself; None for one inside the store.
        audit: File with security events; None when there is none.
        unread: Files of profiles that are not active, as far as this shell knows; what they say is missing.
        tls: Whether the listener speaks TLS.
    """

    address: str
    port: int
    store: str | None
    backups: str | None
    audit: str | None
    unread: tuple[str, ...] = ()
    tls: bool = False

    @property
    def hint(self) -> str:
        """Why what is said here may be wrong, to be put behind it; empty if nothing speaks for that."""
        if not self.unread:
            return ""
        profile = profile_of_file(os.path.basename(self.unread[0]))
        return f" ({self.unread[0]} is not read unless --profile {profile} or SPRING_PROFILES_ACTIVE says so)"

    @property
    def url(self) -> str | None:
        """Where a client on this machine reaches the gateway; None when that cannot be known."""
        if not self.port:
            return None
        scheme = "https" if self.tls else "http"
        try:
            address = ip_address(self.address)
        except ValueError:
            return f"{scheme}://{self.address}:{self.port}"
        if address.is_unspecified:
            return f"{scheme}://{'127.0.0.1' if address.version == 4 else '[::1]'}:{self.port}"
        return f"{scheme}://{address if address.version == 4 else f'[{address}]'}:{self.port}"


def default_paths() -> list[str]:
    """Where the configuration is when none is named: where the package puts it."""
    return [DEFAULT_CONFIGURATION] if os.path.isdir(DEFAULT_CONFIGURATION) else []


def places(paths: Sequence[str], profiles: Sequence[str], environ: Mapping[str, str]) -> Places:
    """Find out where things are. What cannot be read is taken for its default.

    Args:
        paths: Files and directories with configuration.
        profiles: The active profiles.
        environ: The environment variables.
    """
    sources = read_sources(tuple(paths), tuple(profiles), environ)
    tree = _tree(sources, environ)
    settings = Settings()

    def text(*path: str) -> str | None:
        node = lookup(tree, path)
        return node.text if isinstance(node, Scalar) and not node.is_null else None

    def on(*path: str) -> bool:
        return (text(*path) or "").strip().lower() in {"true", "yes", "on", "1"}

    audited = on("logging", "audit", "enabled") or on("security", "audit", "enabled")
    port = (text("server", "port") or "").strip()
    kind = (text("store", "type") or settings.store.type).strip().lower()
    return Places(
        address=(text("server", "address") or settings.server.address).strip(),
        port=int(port) if port.isascii() and port.isdecimal() else settings.server.port,
        store=(text("store", "path") or settings.store.path) if kind in _FOR_FILES else None,
        backups=text("store", "file", "backup-path"),
        audit=(
            text("logging", "audit", "file")
            or text("security", "audit", "storage", "file-path")
            or settings.security.audit.storage.file_path
        )
        if audited
        else None,
        unread=_unread(paths, sources.profiles),
        tls=on("server", "ssl", "enabled"),
    )


def _unread(paths: Sequence[str], active: Sequence[str]) -> tuple[str, ...]:
    found = []
    for path in filter(os.path.isdir, paths):
        with suppress(OSError):
            for name in sorted(os.listdir(path)):
                profile = profile_of_file(name)
                if profile is not None and profile != ALWAYS and profile not in active:
                    found.append(os.path.join(path, name))
    return tuple(found)


def _tree(sources: Sources, environ: Mapping[str, str]) -> Node:
    """Merge what can be read, as the loader does, and forget what is wrong with it."""
    findings = Findings()
    tree: Node = Members({}, Origin("defaults"))
    for source in sources.files:
        for document in source.documents:
            if applies(document, sources.profiles, findings):
                tree = merge(tree, canonical(document, ROOT, findings), findings)
    tree = settle(merge(tree, overrides(environ, ROOT, tree, findings), findings), findings)
    assert isinstance(tree, Members)
    return resolve(tree, ROOT, environ, findings)
