"""From the settings to what signs tokens, and what checks those that come back.

Files are read here, when a configuration is read; what is wrong with them, or with a secret, is told as all
faults of a configuration are: together, each with the place where the key was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jairouter.auth.claims import Rules
from jairouter.auth.signing_keys import KeyReader
from jairouter.tls.certificates import CertificateFile, Unusable
from jairouter.upstream.tls import BackendTls, client_context

if TYPE_CHECKING:
    from jairouter.auth.algorithms import Key, Signer
    from jairouter.config.faults import Findings, Origin
    from jairouter.config.settings.tokens import JwtSettings


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
    reader = KeyReader(settings, origins, findings, development)
    signer, own, foreign = reader.keys()
    rules = Rules(settings.issuer, frozenset(settings.audience), settings.leeway)
    elsewhere = _elsewhere(settings, rules, reader)
    if not own and not foreign and elsewhere is None and len(findings.faults) == faults:
        reader.nothing()
    if len(findings.faults) > faults:
        return None
    return Signing(settings, rules, signer, own, foreign, elsewhere)


def _elsewhere(settings: JwtSettings, rules: Rules, reader: KeyReader) -> Elsewhere | None:
    """Who else issues tokens."""
    if settings.jwks_url is None:
        return None
    if not settings.audience:
        told = "without audience, tokens of jwks-url that are meant for somebody (aud) are refused"
        reader.notice("jwks_url", text=told)
    rules = rules._replace(issuer=settings.jwks_issuer or settings.issuer)
    tls = _tls(settings.jwks_ca_file, reader) if settings.jwks_ca_file else None
    return Elsewhere(settings.jwks_url, rules, settings.jwks_cache_ttl, settings.jwks_max_stale, tls)


def _tls(file: str, reader: KeyReader) -> BackendTls | None:
    reader.read_file(file)
    try:
        authorities = CertificateFile(file, kind="PEM").authorities()
    except Unusable as error:
        reader.fault("jwks_ca_file", text=str(error))
        return None
    return BackendTls(client_context(authorities=authorities, system=False))
