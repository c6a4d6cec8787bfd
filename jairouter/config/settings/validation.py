"""Settings of what a request must keep to before anything is spent on it."""

from jairouter.config.forms import Switch, Words
from jairouter.config.quantities import Seconds, SomeBytes
from jairouter.config.settings.limits import RateLimitSettings
from jairouter.config.settings.section import Section


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
