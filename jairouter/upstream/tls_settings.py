"""From the settings to what secures connections: those to each instance, and those of clients.

Files are read here, once, before anything starts; what is wrong with them is told as all faults of a
configuration are: together, each with the place where the key was written.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from OpenSSL import SSL, crypto

from jairouter.config.faults import Notice, Origin
from jairouter.config.naming import KeyPath, dotted, kebab
from jairouter.tls.certificates import Identity, shown
from jairouter.tls.listener import ListenerTls, read_listener
from jairouter.tls.reading import Reader, reason_of
from jairouter.upstream.tls import BackendTls, client_context
from jairouter.upstream.tls_keys import TlsKeys, TlsOptions

if TYPE_CHECKING:
    import datetime

    from cryptography.x509 import Certificate

    from jairouter.config.settings.model import InstanceSettings
    from jairouter.config.settings.root import Settings
    from jairouter.config.settings.webclient import BackendTlsSettings

_SHARED: Final[KeyPath] = ("webclient", "ssl")


class Ingredients(NamedTuple):
    """What a context is made of: the contents of files, where `TlsOptions` has their names.

    Attributes:
        authorities: Who is trusted.
        system: What tells the system's authorities of today from those of another day; None if they are not
            trusted.
        verify: Whether the certificate of the other side is checked at all.
        identity: The certificates that are shown to the other side, to which only one key belongs.
    """

    authorities: tuple[Certificate, ...]
    system: tuple[object, ...] | None
    verify: bool
    identity: tuple[Certificate, ...]


@dataclass(frozen=True)
class ReadTls:
    """What was read without a fault.

    Attributes:
        instances: How connections are secured, by service and position of the instance.
        notices: What is to be known about it.
        listener: How connections of clients are secured; None if they are not.
        contexts: The contexts that were made.
        made: What secures connections, by the ingredients of its context and the name to be certified.
    """

    instances: Mapping[tuple[str, int], BackendTls]
    notices: tuple[Notice, ...]
    listener: ListenerTls | None = None
    contexts: Mapping[Ingredients, SSL.Context] = field(default_factory=dict)
    made: Mapping[tuple[Ingredients, str | None], BackendTls] = field(default_factory=dict)


def read_tls(
    settings: Settings,
    origins: Mapping[str, Origin] | None = None,
    now: datetime.datetime | None = None,
    old: ReadTls | None = None,
) -> ReadTls:
    """Read all files that are named, and make of them what secures connections.

    Args:
        settings: The settings.
        origins: Where each key was written.
        now: What time it is, to say what has expired.
        old: What was read before. Of it is used again what has not changed, so that connections stay open
            across a reload; files are read anew in any case.

    Raises:
        ConfigurationFaults: Something cannot be used; all that could be found is told at once.
    """
    reader = _Reader(origins or {}, now, old)
    shared = settings.webclient.ssl
    levels: list[tuple[KeyPath, BackendTlsSettings]] = []
    if shared.enabled:
        levels = [(_SHARED, shared)]
        reader.read(TlsKeys(levels))
    elif "enabled" not in shared.model_fields_set:
        reader.not_enabled(shared)
    instances: dict[tuple[str, int], BackendTls] = {}
    for service, configured in settings.model.services.items():
        for index, instance in enumerate(configured.instances):
            path: KeyPath = ("model", "services", str(service), "instances", index)
            if instance.active:
                tls = reader.instance(path, instance, levels)
                if tls is not None:
                    instances[str(service), index] = tls
    listener = read_listener(settings.server.ssl, reader)
    reader.findings.check()
    return ReadTls(instances, tuple(reader.findings.notices), listener, reader.contexts, reader.made)


class _Reader(Reader):
    """Makes contexts, each once, and remembers what is wrong."""

    def __init__(
        self, origins: Mapping[str, Origin], now: datetime.datetime | None, old: ReadTls | None
    ) -> None:
        super().__init__(origins, now)
        self.contexts: dict[Ingredients, SSL.Context] = {}
        self.made: dict[tuple[Ingredients, str | None], BackendTls] = {}
        self._old = old or ReadTls({}, ())
        self._read: dict[TlsOptions, Ingredients | None] = {}

    def instance(
        self, path: KeyPath, instance: InstanceSettings, levels: list[tuple[KeyPath, BackendTlsSettings]]
    ) -> BackendTls | None:
        """What secures the connections to one instance; None for none, or one with a fault."""
        own = instance.tls
        if not instance.base_url.startswith("https:"):
            if own is not None and own.model_fields_set and own.enabled:
                self.notice((*path, "base-url"), f"{dotted(path)}.tls has no effect: base-url is not https")
            return None
        if own is not None:
            levels = [*levels, ((*path, "tls"), own)] if own.enabled else []
        keys = TlsKeys(levels)
        server_name = keys.value("server_name")
        ingredients = self.read(keys)
        if ingredients is None:
            return None
        if not ingredients.verify:
            which, key = f"{dotted(path)} ({shown(instance.name)})", keys.path("trust_all")
            told = f"the certificate of {instance.base_url} is not checked ({dotted(key)})"
            self.notice(key, f"{which}: {told}: anybody in between can pass for it")
        which_one = ingredients, server_name
        made = self.made.get(which_one) or self._old.made.get(which_one)
        if made is None:
            made = BackendTls(self.contexts[ingredients], server_name)
        self.made[which_one] = made
        return made

    def read(self, keys: TlsKeys) -> Ingredients | None:
        """See to it that there is a context, or remember why there is none."""
        options = keys.options()
        if self._contradictory(keys):
            return None
        if self._read.get(options) is None:
            # What failed is tried again, so that every key that names it is told of
            self._read[options] = self._context(options, keys)
        return self._read[options]

    def not_enabled(self, shared: BackendTlsSettings) -> None:
        """Say that keys were given in vain, which looks like safety and is none."""
        for name in type(shared).model_fields:
            if name in shared.model_fields_set:
                told = "webclient.ssl has no effect: webclient.ssl.enabled is not true"
                self.notice((*_SHARED, kebab(name)), told)  # which is told once

    def _contradictory(self, keys: TlsKeys) -> bool:
        told = {
            "key_store": ("certificate", True, "give either certificate or key-store"),
            "certificate_private_key": ("certificate", False, "certificate is not given"),
        }
        wrong = False
        for name, (other, given, text) in told.items():
            if keys.value(name) and bool(keys.value(other)) is given:
                self.fault(keys.path(name), text)
                wrong = True
        return wrong

    def _context(self, options: TlsOptions, keys: TlsKeys) -> Ingredients | None:
        faults = len(self.findings.faults)
        authorities: list[Certificate] = []
        identity: Identity | None = None
        for name, file in options.authorities:
            authorities += self.authorities(keys.path(name), file)
        if options.identity is not None:
            name, file = options.identity
            key_path = keys.path("certificate_private_key") if options.key_file is not None else ()
            identity = self.identity(keys.path(name), file, key_path, options.key_file)
        if len(self.findings.faults) > faults:
            return None
        ingredients = Ingredients(
            tuple(authorities),
            _system() if options.system and options.verify else None,
            options.verify,
            (identity.certificate, *identity.chain) if identity is not None else (),
        )
        if ingredients in self.contexts:
            return ingredients
        try:
            self.contexts[ingredients] = self._old.contexts.get(ingredients) or client_context(
                authorities=authorities, system=options.system, verify=options.verify, identity=identity
            )
        except (SSL.Error, crypto.Error, TypeError) as error:
            # A key that is too short, or of a kind that TLS does not know
            name, file = options.identity or options.authorities[-1]
            self.fault(keys.path(name), f"{shown(file.path)} is not accepted by OpenSSL: {reason_of(error)}")
            return None
        return ingredients


def _system() -> tuple[object, ...]:
    """What changes when the system's list of authorities is replaced."""
    found: list[object] = []
    paths = ssl.get_default_verify_paths()
    for path in (paths.cafile, paths.capath):
        try:
            state = os.stat(path or "")
        except OSError:
            found.append(None)
        else:
            found.append((state.st_ino, state.st_mtime_ns, state.st_size))
    return tuple(found)
