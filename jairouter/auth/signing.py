"""From the settings to what signs tokens, and what checks those that come back.

Files are read here, when a configuration is read; what is wrong with them, or with a secret, is told as all
faults of a configuration are: together, each with the place where the key was written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from jairouter.auth.algorithms import (
    CURVES,
    LEAST_BYTES,
    Key,
    Signer,
    Unfit,
    family_of,
    private_signer,
    public_key,
    secret_key,
    secret_signer,
)
from jairouter.auth.claims import Rules
from jairouter.auth.pem import private_key_of, public_key_of
from jairouter.auth.weak_secrets import why_weak
from jairouter.config.naming import KeyPath, dotted, kebab
from jairouter.upstream.certificates import CertificateFile, Unusable
from jairouter.upstream.tls import BackendTls, client_context

if TYPE_CHECKING:
    from jairouter.config.faults import Findings, Origin
    from jairouter.config.settings.tokens import JwtSettings

T = TypeVar("T")

PLACE: Final[KeyPath] = ("security", "jwt")
DEVELOPMENT: Final = frozenset(("dev", "development", "local", "test"))
"""Profiles in which a secret may be one that can be guessed."""


@dataclass(frozen=True)
class Elsewhere:
    """Somebody else who issues tokens, and publishes the keys to check them with.

    Attributes:
        url: Where.
        rules: What has to be true of these tokens.
        ttl: Seconds for which keys are used before they are fetched again.
        max_stale: Seconds for which they are used after that, while none can be fetched.
        tls: How the connection is secured; None for as the system does it.
    """

    url: str
    rules: Rules
    ttl: float
    max_stale: float
    tls: BackendTls | None = None


@dataclass(frozen=True)
class Signing:
    """What there is to do with tokens.

    Attributes:
        settings: What it was made from.
        rules: What has to be true of our own tokens, and of those for which there is a public key alone.
        signer: Signs our own; None if there are none.
        own: What our own tokens may be signed with, by name.
        foreign: The public key of somebody else who issues tokens, by its names.
        elsewhere: Somebody else who publishes keys.
    """

    settings: JwtSettings
    rules: Rules
    signer: Signer | None = field(repr=False)
    own: Mapping[str, Key] = field(repr=False)
    foreign: Mapping[str, Key] = field(repr=False)
    elsewhere: Elsewhere | None


def read_signing(
    settings: JwtSettings, origins: Mapping[str, Origin], findings: Findings, development: bool
) -> Signing | None:
    """Read the keys, and what is wrong with them. Blocks.

    Args:
        settings: The settings.
        origins: Where each key was written.
        findings: Where faults and notices go.
        development: Whether a secret may be one that can be guessed.

    Returns:
        What there is to do; None if tokens are not accepted, or there are faults.
    """
    if not settings.enabled:
        return None
    faults = len(findings.faults)
    reader = _Reader(settings, origins, findings, development)
    signer, own, foreign = reader.keys()
    rules = Rules(settings.issuer, frozenset(settings.audience), settings.leeway)
    elsewhere = reader.elsewhere(rules)
    if not own and not foreign and elsewhere is None and len(findings.faults) == faults:
        reader.nothing()
    if len(findings.faults) > faults:
        return None
    return Signing(settings, rules, signer, own, foreign, elsewhere)


class _Reader:
    """Reads keys, and remembers what is wrong."""

    def __init__(
        self,
        settings: JwtSettings,
        origins: Mapping[str, Origin],
        findings: Findings,
        development: bool,
    ) -> None:
        self._settings = settings
        self._origins = origins
        self._findings = findings
        self._development = development
        self._algorithm = settings.algorithm
        self._symmetric = settings.algorithm in LEAST_BYTES

    def keys(self) -> tuple[Signer | None, dict[str, Key], dict[str, Key]]:
        """What signs, what checks our own tokens, and what checks those of somebody else."""
        self._tell_useless()
        current = self._secret() if self._symmetric else self._pair()
        former = {key.kid: key for key in (*self._former_secrets(), *self._former_public())}
        if current is None:
            return None, {}, {}
        signer, key = current
        keys = {**former, key.kid: key}
        return (signer, keys, {}) if signer is not None else (None, {}, keys)

    def nothing(self) -> None:
        """Say that there is no key at all."""
        needed = "secret" if self._symmetric else "private-key or public-key"
        self._fault("algorithm", text=f"{self._algorithm} needs {needed}, unless there is jwks-url")

    def elsewhere(self, rules: Rules) -> Elsewhere | None:
        """Who else issues tokens."""
        settings = self._settings
        if settings.jwks_url is None:
            return None
        if not settings.audience:
            told = "without audience, tokens of jwks-url that are meant for somebody (aud) are refused"
            self._notice("jwks_url", text=told)
        rules = rules._replace(issuer=settings.jwks_issuer or settings.issuer)
        tls = self._tls(settings.jwks_ca_file) if settings.jwks_ca_file else None
        return Elsewhere(settings.jwks_url, rules, settings.jwks_cache_ttl, settings.jwks_max_stale, tls)

    def _tls(self, file: str) -> BackendTls | None:
        try:
            authorities = CertificateFile(file, kind="PEM").authorities()
        except Unusable as error:
            self._fault("jwks_ca_file", text=str(error))
            return None
        return BackendTls(client_context(authorities=authorities, system=False))

    def _tell_useless(self) -> None:
        """Say that keys were given in vain, which look like safety and are none."""
        useless = ("public_key", "private_key") if self._symmetric else ("secret",)
        for name in useless:
            if getattr(self._settings, name):
                self._notice(name, text=f"{dotted(_path(name))} has no effect with {self._algorithm}")

    def _secret(self) -> tuple[Signer | None, Key] | None:
        secret = self._settings.secret
        if not secret:
            return None
        text = secret.reveal()
        if not self._is_good(("secret",), text, LEAST_BYTES[self._algorithm]):
            return None
        return self._try(("secret",), lambda: secret_signer(text.encode("utf-8"), self._algorithm))

    def _pair(self) -> tuple[Signer | None, Key] | None:
        private, public = self._settings.private_key, self._settings.public_key
        allowed = frozenset((self._algorithm,))
        shown = None
        if public:
            shown = self._try(("public_key",), lambda: public_key(self._public(public), allowed))
        if not private:
            return None if shown is None else (None, shown)
        made = self._try(("private_key",), lambda: self._private_signer(private.reveal()))
        if made is None:
            return None
        if shown is not None and shown.kid != made[1].kid:
            self._fault("public_key", text="it does not belong to private-key, which is enough alone")
            return None
        return made

    def _public(self, written: str) -> Any:
        public = public_key_of(written)
        self._check_kind(public)
        return public

    def _private_signer(self, written: str) -> tuple[Signer, Key]:
        private = private_key_of(written)
        self._check_kind(private.public_key())
        return private_signer(private, self._algorithm)

    def _check_kind(self, public: object) -> None:
        if self._algorithm not in family_of(public):
            wanted = "on the curve " + CURVES[self._algorithm] if self._algorithm in CURVES else "for RSA"
            raise Unfit(f"{self._algorithm} needs a key {wanted}")

    def _former_secrets(self) -> Iterator[Key]:
        for index, secret in enumerate(self._settings.previous_secrets):
            at = ("previous_secrets", index)
            data = secret.reveal().encode("utf-8")
            fitting = frozenset(name for name, least in LEAST_BYTES.items() if len(data) >= least)
            if self._symmetric:
                fitting &= {self._algorithm}  # checked with what nobody has signed with: one guess more
            least = LEAST_BYTES[self._algorithm] if self._symmetric else min(LEAST_BYTES.values())
            if self._is_good(at, secret.reveal(), least):
                key = self._try(at, partial(secret_key, data, fitting))
                if key is not None:
                    yield key[0]

    def _former_public(self) -> Iterator[Key]:
        for index, written in enumerate(self._settings.previous_public_keys):
            key = self._try(("previous_public_keys", index), partial(_any_public, written))
            if key is not None:
                yield key

    def _is_good(self, at: tuple[str | int, ...], text: str, least: int) -> bool:
        size = len(text.encode("utf-8", "replace"))
        if size < least:
            self._fault(*at, text=f"it has {size} bytes; {self._needed(least)}")
            return False
        weak = why_weak(text)
        if not weak:
            return True
        told = f"it {weak}, and can be guessed; take what `openssl rand -base64 48` prints"
        if self._development:
            self._notice(*at, text=f"{dotted(_path(*at))}: {told}")
        else:
            self._fault(*at, text=told)
        return self._development

    def _needed(self, least: int) -> str:
        name = self._algorithm if self._symmetric else min(LEAST_BYTES)
        return f"{name} needs {least} or more (RFC 7518, section 3.2)"

    def _try(self, at: tuple[str | int, ...], read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Unfit as error:
            self._fault(*at, text=str(error))
            return None

    def _fault(self, *at: str | int, text: str) -> None:
        path = _path(*at)
        self._findings.fault(self._origins.get(dotted(path)), path, text)

    def _notice(self, *at: str | int, text: str) -> None:
        self._findings.notice(self._origins.get(dotted(_path(*at))), text)


def _path(*at: str | int) -> KeyPath:
    return (*PLACE, *(kebab(each) if isinstance(each, str) else each for each in at))


def _any_public(written: str) -> Key:
    public = public_key_of(written)
    return public_key(public, family_of(public))
