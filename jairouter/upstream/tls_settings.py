"""From the settings to what secures the connections to each instance.

Files are read here, once, before anything starts; what is wrong with them is told as all faults of a
configuration are: together, each with the place where the key was written.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from OpenSSL import SSL, crypto

from jairouter.config.faults import Findings, Notice, Origin
from jairouter.config.naming import KeyPath, dotted, kebab
from jairouter.upstream.certificates import CertificateFile, Identity, Unusable, shown, validity
from jairouter.upstream.tls import BackendTls, client_context
from jairouter.upstream.tls_keys import TlsKeys, TlsOptions

if TYPE_CHECKING:
    import datetime

    from cryptography.x509 import Certificate

    from jairouter.config.settings.model import InstanceSettings
    from jairouter.config.settings.root import Settings
    from jairouter.config.settings.webclient import BackendTlsSettings

_SHARED: Final[KeyPath] = ("webclient", "ssl")

_T = TypeVar("_T")


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
        contexts: The contexts that were made.
        made: What secures connections, by the ingredients of its context and the name to be certified.
    """

    instances: Mapping[tuple[str, int], BackendTls]
    notices: tuple[Notice, ...]
    contexts: Mapping[Ingredients, SSL.Context] = field(default_factory=dict)
    made: Mapping[tuple[Ingredients, str | None], BackendTls] = field(default_factory=dict)


def read_tls(
    settings: Settings,
    origins: Mapping[str, Origin] | None = None,
    now: datetime.datetime | None = None,
    old: ReadTls | None = None,
) -> ReadTls:
    """Read all files that are named, and make what secures the connections to each instance.

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
    reader.findings.check()
    return ReadTls(instances, tuple(reader.findings.notices), reader.contexts, reader.made)


class _Reader:
    """Makes contexts, each once, and remembers what is wrong."""

    def __init__(
        self, origins: Mapping[str, Origin], now: datetime.datetime | None, old: ReadTls | None
    ) -> None:
        self.findings = Findings()
        self.contexts: dict[Ingredients, SSL.Context] = {}
        self.made: dict[tuple[Ingredients, str | None], BackendTls] = {}
        self._origins = origins
        self._now = now
        self._old = old or ReadTls({}, ())
        self._read: dict[TlsOptions, Ingredients | None] = {}

    def instance(
        self, path: KeyPath, instance: InstanceSettings, levels: list[tuple[KeyPath, BackendTlsSettings]]
    ) -> BackendTls | None:
        """What secures the connections to one instance; None for none, or one with a fault."""
        own = instance.tls
        if not instance.base_url.startswith("https:"):
            if own is not None and own.model_fields_set and own.enabled:
                self._notice((*path, "base-url"), f"{dotted(path)}.tls has no effect: base-url is not https")
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
            self._notice(key, f"{which}: {told}: anybody in between can pass for it")
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
                self._notice((*_SHARED, kebab(name)), told)  # which is told once

    def _contradictory(self, keys: TlsKeys) -> bool:
        told = {
            "key_store": ("certificate", True, "give either certificate or key-store"),
            "certificate_private_key": ("certificate", False, "certificate is not given"),
        }
        wrong = False
        for name, (other, given, text) in told.items():
            if keys.value(name) and bool(keys.value(other)) is given:
                self._fault(keys.path(name), text)
                wrong = True
        return wrong

    def _context(self, options: TlsOptions, keys: TlsKeys) -> Ingredients | None:
        faults = len(self.findings.faults)
        authorities: list[Certificate] = []
        identity: Identity | None = None
        for name, file in options.authorities:
            found = self._try(keys.path(name), file.authorities) or ()
            authorities += found
            self._check_dates(keys.path(name), file, found)
        if options.identity is not None:
            identity = self._identity(*options.identity, options.key_file, keys)
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
            self._fault(keys.path(name), f"{shown(file.path)} is not accepted by OpenSSL: {_reason(error)}")
            return None
        return ingredients

    def _identity(
        self, name: str, file: CertificateFile, key_file: CertificateFile | None, keys: TlsKeys
    ) -> Identity | None:
        key = None
        if key_file is not None:
            key = self._try(keys.path("certificate_private_key"), key_file.private_key)
            if key is None:
                self._try(keys.path(name), file.authorities)  # there may be more to tell
                return None
        identity = self._try(keys.path(name), lambda: file.identity(key))
        self._check_dates(keys.path(name), file, (identity.certificate,) if identity else ())
        return identity

    def _try(self, path: KeyPath, read: Callable[[], _T]) -> _T | None:
        try:
            return read()
        except Unusable as error:
            self._fault(path, str(error))
            return None

    def _check_dates(self, path: KeyPath, file: CertificateFile, found: Iterable[Certificate]) -> None:
        for each in found:
            wrong = validity(each, self._now) if self._now is not None else ""
            if wrong:
                subject = shown(each.subject.rfc4514_string()) or "without a subject"
                self._notice(path, f"{dotted(path)}: {shown(file.path)}: the certificate {subject} {wrong}")

    def _fault(self, path: KeyPath, text: str) -> None:
        self.findings.fault(self._origins.get(dotted(path)), path, text)

    def _notice(self, path: KeyPath, text: str) -> None:
        self.findings.notice(self._origins.get(dotted(path)), text)


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


def _reason(error: Exception) -> str:
    reasons = error.args[0] if error.args else ""
    return "; ".join(reason for *_, reason in reasons) if isinstance(reasons, list) else str(reasons)
