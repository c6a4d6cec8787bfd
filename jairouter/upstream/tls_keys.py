"""Which keys of TLS apply to an instance: its own, and those of all instances that it does not give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jairouter.config.naming import KeyPath, kebab
from jairouter.tls.certificates import CertificateFile

if TYPE_CHECKING:
    from jairouter.config.settings.webclient import BackendTlsSettings

_IDENTITY: Final = ("certificate", "key_store")
_TOGETHER: Final = (
    (("trust_store",), ("trust_store_password", "trust_store_type")),
    (
        _IDENTITY,
        ("certificate_private_key", "key_store_password", "key_store_type", "key_password", *_IDENTITY),
    ),
)
"""Keys whose being given means that those beside them are not taken from further out: the password of
another file opens nothing."""


@dataclass(frozen=True)
class TlsOptions:
    """What a context is made of; equal options make one context.

    Attributes:
        authorities: Files with those who are trusted, each with the field that names it.
        system: Whether those whom the system trusts are trusted as well.
        verify: Whether the certificate of the other side is checked at all.
        identity: The file with what is shown to the other side, with the field that names it, or None.
        key_file: The file with its private key; None for the same file.
    """

    authorities: tuple[tuple[str, CertificateFile], ...]
    system: bool
    verify: bool
    identity: tuple[str, CertificateFile] | None
    key_file: CertificateFile | None


class TlsKeys:
    """The keys that apply to one instance, each with its place.

    Args:
        levels: The sections that give keys, the outermost first.
    """

    def __init__(self, levels: list[tuple[KeyPath, BackendTlsSettings]]) -> None:
        self._given: dict[str, tuple[Any, KeyPath]] = {}
        for path, section in levels:
            given = {name: getattr(section, name) for name in section.model_fields_set}
            for heads, beside in _TOGETHER:
                if any(given.get(head) for head in heads):
                    for name in beside:
                        self._given.pop(name, None)
            self._given.update({name: (value, (*path, kebab(name))) for name, value in given.items()})

    def value(self, name: str) -> Any:
        """What a key says, or None."""
        return self._given.get(name, (None,))[0]

    def path(self, name: str) -> KeyPath:
        """Where a key was given."""
        return self._given[name][1]

    def options(self) -> TlsOptions:
        """What a context is made of."""
        value = self.value
        authorities = []
        if value("ca_file"):
            authorities.append(("ca_file", CertificateFile(value("ca_file"), kind="PEM")))
        if value("trust_store"):
            password, kind = value("trust_store_password"), value("trust_store_type")
            authorities.append(("trust_store", CertificateFile(value("trust_store"), password, kind)))
        identity = key_file = None
        if value("certificate"):
            password, key = value("key_password"), value("certificate_private_key")
            identity = ("certificate", CertificateFile(value("certificate"), password, "PEM"))
            key_file = CertificateFile(key, password, "PEM") if key else None
        elif value("key_store"):
            password, kind = value("key_store_password"), value("key_store_type")
            store = CertificateFile(value("key_store"), password, kind, value("key_password"))
            identity = ("key_store", store)
        system = bool(value("trust_system")) or not authorities
        return TlsOptions(tuple(authorities), system, not value("trust_all"), identity, key_file)
