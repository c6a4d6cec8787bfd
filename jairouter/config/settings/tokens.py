"""Settings of callers that are known by a signed token."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from jairouter.config.addresses import HeaderName, JwksUrl
from jairouter.config.forms import Hush, Name, OneOf, Switch, Words
from jairouter.config.numbers import Integer, Positive
from jairouter.config.quantities import Duration, Seconds
from jairouter.config.settings.accounts import AccountSettings, LockoutSettings, PasswordSettings, Role
from jairouter.config.settings.section import Section

JWT_ALGORITHMS = ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384")


class BlacklistCacheSettings(Section):
    """Bounds of what is remembered about logins and revoked tokens."""

    expiration_seconds: Seconds = 3600.0
    """Of other products. A token that was revoked is remembered here until it would have expired anyway:
    forgotten earlier, it would be accepted again."""

    max_size: Positive = 10_000
    """Most logins that are remembered, and most revoked tokens. A login beyond that ends the oldest one of
    the same user; where a revoked token would not fit any more, all tokens are revoked of the user who has
    the most of them."""


class JwtSettings(Section):
    """Callers that are known by a signed token.

    Tokens are issued by the gateway, to the users of `accounts`, if there is a key to sign them with; they
    are issued by somebody else, if there is `jwks-url`, or a `public-key` alone; or both.
    """

    aliases: ClassVar[Mapping[str, str]] = {"header": "jwt-header", "audiences": "audience"}

    enabled: Switch = False
    """Whether tokens are accepted."""

    secret: Hush | None = None
    """Key of HS256, HS384 and HS512, of at least 32, 48 or 64 bytes. One that can be guessed is refused,
    except in the profiles `dev`, `development`, `local` and `test`. A good one is what
    `openssl rand -base64 48` prints."""

    previous_secrets: tuple[Hush, ...] = ()
    """Former values of `secret`: tokens signed with one of them stay valid until they expire."""

    algorithm: Annotated[str, OneOf(JWT_ALGORITHMS)] = "HS256"
    """How tokens are signed. Tokens signed in any other way are refused, whatever they say themselves."""

    expiration_minutes: Annotated[int, Integer(1, 525_600)] = 60
    """How long a token is valid, in minutes."""

    issuer: Words = "jairouter"
    """Name that tokens carry as their issuer (`iss`); those with another one are refused."""

    audience: tuple[Words, ...] = ()
    """Whom tokens have to be meant for: one of these has to be in their `aud`, and is put into those that
    are issued here. Not given, tokens that are meant for somebody (that have `aud`) are refused."""

    leeway: Annotated[float, Duration("s", most=300)] = 30.0
    """By how much the clocks of two computers may differ, where dates of a token are looked at."""

    refresh_expiration_days: Annotated[int, Integer(1, 3650)] = 7
    """How long after its issue a refresh token can be exchanged for new tokens, in days."""

    jwt_header: HeaderName = "Authorization"
    """Header that carries the token."""

    cache_size: Positive = 10_000
    """Most tokens of which it is remembered that their signature is good."""

    blacklist_enabled: Switch = True
    """Whether tokens can be revoked."""

    blacklist_cache: BlacklistCacheSettings = BlacklistCacheSettings()

    public_key: Words | None = None
    """Key that RS and ES signatures are checked with: in PEM form, or the name of a PEM file. Not needed
    where there is `private-key`; alone, tokens are issued by somebody else."""

    private_key: Hush | None = None
    """Key that RS and ES signatures are made with: in PEM form, or the name of a PEM file. RSA keys have
    2048 bits or more; ES256 needs the curve P-256, ES384 the curve P-384."""

    previous_public_keys: tuple[Words, ...] = ()
    """Former values of `public-key`: tokens signed with one of them stay valid until they expire."""

    jwks_url: JwksUrl | None = None
    """Where somebody else, who issues tokens too, publishes the keys to check them with, as a JSON Web Key
    Set. `https`; `http` only on the loopback interface."""

    jwks_issuer: Words | None = None
    """Name that those tokens carry as their issuer; not given means `issuer`."""

    jwks_ca_file: Words | None = None
    """PEM file with the certificate authorities that are trusted for `jwks-url`, in place of the system's."""

    jwks_cache_ttl: Annotated[float, Duration("s", least=1)] = 600.0
    """How long these keys are used before they are fetched again. A key that is not known is asked for
    earlier, at most every 30 seconds."""

    jwks_max_stale: Seconds = 86400.0
    """How long after `jwks-cache-ttl` the last known keys are still used while none can be fetched."""

    roles_claim: Words = "roles"
    """Where tokens that were issued by somebody else name the roles of their user; dots lead inwards, as in
    `realm_access.roles`. `USER`, `ADMIN` and permissions count, other names mean nothing. Words such as
    `chat:read` in `scope` count too."""

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
