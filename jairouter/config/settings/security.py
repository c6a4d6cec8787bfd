"""Settings of who may call, and with what."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from jairouter.config.addresses import HeaderName
from jairouter.config.forms import Hush, Name, OneOf, Switch, Words
from jairouter.config.frozen import FrozenMapping, Named
from jairouter.config.numbers import Integer, Positive
from jairouter.config.quantities import Seconds, SomeBytes
from jairouter.config.settings.auditing import AuditSettings
from jairouter.config.settings.limits import RateLimitSettings
from jairouter.config.settings.sanitization import SanitizationSettings
from jairouter.config.settings.section import Section

JWT_ALGORITHMS = ("HS256", "HS384", "HS512", "RS256", "RS384", "RS512")
_NO_WORDS: FrozenMapping[Any] = FrozenMapping()


class KeySettings(Section):
    """One API key."""

    aliases: ClassVar[Mapping[str, str]] = {"name": "key-id", "id": "key-id", "value": "key-value"}

    key_id: Name
    """What the key is called in logs and metrics; never the key itself."""

    key_value: Hush
    """The key."""

    permissions: tuple[Words, ...] = ()
    """What the key may do, as `<resource>:<action>` (`chat:read`, `config:*`) or as one of the
    older words `read`, `write`, `delete`, `admin`."""

    enabled: Switch = True
    """With false, the key is refused."""

    description: Words = ""
    """What the key is for."""

    expires_at: Words | None = None
    """Date and time after which the key is refused, as in `2030-01-31T12:00:00`."""

    metadata: Named[Words] = _NO_WORDS
    """Notes of your own about the key."""


class ApiKeySettings(Section):
    """Callers that are known by a key in a header."""

    aliases: ClassVar[Mapping[str, str]] = {"header": "header-name"}

    enabled: Switch = False
    """Whether a key is asked for."""

    header_name: HeaderName = "X-API-Key"
    """Header that carries the key."""

    keys: tuple[KeySettings, ...] = ()
    """The keys."""

    default_expiration_days: Positive = 365
    """How long a key that is made through the management API is valid, in days."""

    cache_enabled: Switch = True
    """Whether looked-up keys are remembered."""

    cache_expiration_seconds: Seconds = 3600.0
    """How long a looked-up key is remembered."""


class AccountSettings(Section):
    """One user who can log in."""

    username: Name
    """Name to log in with."""

    password: Hush
    """A bcrypt hash (`$2a$...`), or the same after `{bcrypt}`, or a clear text after `{noop}`."""

    roles: tuple[Words, ...] = ()
    """What the user may do: `ADMIN`, `USER`."""

    enabled: Switch = True
    """With false, the user cannot log in."""


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


class CorsSettings(Section):
    """Which web pages of other origins may call the gateway from a browser."""

    allowed_origins: tuple[Words, ...] = ()
    """Origins, such as `https://admin.example.com`; `*` for any."""

    allowed_origin_patterns: tuple[Words, ...] = ()
    """Origins with `*` as a placeholder."""

    allowed_methods: tuple[Words, ...] = ("GET", "POST")
    """Methods that such pages may use."""

    allowed_headers: tuple[Words, ...] = ()
    """Headers that such pages may send."""

    exposed_headers: tuple[Words, ...] = ()
    """Headers of the answer that such pages may read."""

    allow_credentials: Switch = False
    """Whether such pages may send cookies and credentials."""

    max_age: Seconds = 1800.0
    """How long a browser may remember what it was told."""


class ValidationSettings(Section):
    """What a request must keep to before anything is spent on it."""

    enabled: Switch = True
    """Whether requests are checked."""

    max_request_size: SomeBytes = 100 * 1024 * 1024
    """Largest body of any request, in bytes; larger ones are refused with 413. See also
    `webclient.max-in-memory-size`."""

    rate_limit: RateLimitSettings = RateLimitSettings()
    cors: CorsSettings = CorsSettings()


class SecuritySettings(Section):
    """Who may call, and with what. `jairouter.security` is the same."""

    enabled: Switch = False
    """Whether callers have to be known. `security.api-key.enabled` and `security.jwt.enabled`
    say how."""

    excluded_paths: tuple[Words, ...] = ()
    """Paths that anybody may call; `*` and `**` are placeholders."""

    api_key: ApiKeySettings = ApiKeySettings()
    jwt: JwtSettings = JwtSettings()
    validation: ValidationSettings = ValidationSettings()
    sanitization: SanitizationSettings = SanitizationSettings()
    audit: AuditSettings = AuditSettings()
