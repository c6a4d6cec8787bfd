"""Settings of callers that are known by a signed token."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from jairouter.config.addresses import HeaderName
from jairouter.config.forms import Hush, Name, OneOf, Switch, Words
from jairouter.config.numbers import Integer, Positive
from jairouter.config.quantities import Duration, Seconds
from jairouter.config.settings.accounts import AccountSettings, LockoutSettings, PasswordSettings, Role
from jairouter.config.settings.section import Section

JWT_ALGORITHMS = ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512")


class BlacklistCacheSettings(Section):
    """Tokens that were revoked and are remembered in this process."""

    expiration_seconds: Seconds = 3600.0
    """How long a revoked token is remembered."""

    max_size: Positive = 10_000
    """Most revoked tokens that are remembered."""


class JwtSettings(Section):
    """Callers that are known by a signed token."""

    aliases: ClassVar[Mapping[str, str]] = {"header": "jwt-header"}

    enabled: Switch = False
    """Whether tokens are accepted."""

    secret: Hush | None = None
    """Key that tokens are signed with; at least 32 characters."""

    algorithm: Annotated[str, OneOf(JWT_ALGORITHMS)] = "HS256"
    """How tokens are signed."""

    expiration_minutes: Annotated[int, Integer(1, 525_600)] = 60
    """How long a token is valid, in minutes."""

    issuer: Words = "jairouter"
    """Name that tokens carry as their issuer."""

    refresh_expiration_days: Positive = 7
    """How long after its issue a token can be exchanged for a new one, in days."""

    jwt_header: HeaderName = "Authorization"
    """Header that carries the token."""

    blacklist_enabled: Switch = True
    """Whether tokens can be revoked."""

    blacklist_cache: BlacklistCacheSettings = BlacklistCacheSettings()

    public_key: Words | None = None
    """Key that RS256, RS384 and RS512 signatures are checked with, in PEM form."""

    private_key: Hush | None = None
    """Key that RS256, RS384 and RS512 signatures are made with, in PEM form."""

    accounts: tuple[AccountSettings, ...] = ()
    """Users who can log in and get a token."""

    passwords: PasswordSettings = PasswordSettings()
    lockout: LockoutSettings = LockoutSettings()

    checkers: tuple[Name, ...] = ()
    """Who else knows users and their passwords: checkers of Twisted, such as
    `file:/etc/jairouter/passwd`. They are asked, in this order, about names that no account here has."""

    checker_roles: tuple[Role, ...] = ("USER",)
    """Roles of the users that these know."""

    checker_timeout: Annotated[float, Duration(least=0.1)] = 10.0
    """How long one of these may take to answer."""
