"""Settings of what a request must keep to before anything is spent on it."""

from typing import Annotated, Self

from pydantic import model_validator

from jairouter.config.addresses import HEADER_NAME, HeaderName
from jairouter.config.forms import Switch, Text
from jairouter.config.numbers import Count
from jairouter.config.origins import ANY, AllowedOrigin, AllowedOriginPattern
from jairouter.config.quantities import Seconds, SomeBytes
from jairouter.config.settings.limits import RateLimitSettings
from jairouter.config.settings.section import Section, refuse

_Method = Annotated[str, Text(HEADER_NAME.pattern, "a method, such as GET, or * for any")]


class CorsSettings(Section):
    """Which web pages of other origins may call the gateway from a browser.

    Without origins none may, and answers are passed on as the backends made them.
    """

    allowed_origins: tuple[AllowedOrigin, ...] = ()
    """Origins, such as `https://admin.example.com`: scheme, host and port have to be the same, a port that is
    the scheme's own aside. `*` stands for any, but not with `allow-credentials`; `null` for pages without an
    origin. Neither of these two lets a page use the management API."""

    allowed_origin_patterns: tuple[AllowedOriginPattern, ...] = ()
    """Origins with `*` in them, which stands for one label of the host's name or a part of it, never for a
    dot, and not in the last label; or for any port: `https://*.example.com` is `https://a.example.com`, but
    neither `https://a.b.example.com` nor `https://example.com`."""

    allowed_methods: tuple[_Method, ...] = ("GET", "POST")
    """Methods that such pages may use; `*` for any."""

    allowed_headers: tuple[HeaderName, ...] = ("*",)
    """Headers that such pages may send; `*` for any, `Authorization` among them."""

    exposed_headers: tuple[HeaderName, ...] = (
        "X-Request-Id",
        "Retry-After",
        "retry-after-ms",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "X-Jairouter-Instance",
        "X-Jairouter-Attempts",
        "X-Jairouter-Overhead-Ms",
        "X-Jairouter-Fallback",
        "ETag",
    )
    """Headers of the answer that such pages may read, besides those that they always may."""

    allow_credentials: Switch = False
    """Whether such pages may have the browser send credentials of its own: cookies, client certificates, what
    was entered into its log-in window. An API key that the page itself sends needs no such thing."""

    max_age: Seconds = 1800.0
    """How long a browser may remember what it was told; 0 for not at all."""

    @property
    def on(self) -> bool:
        """Whether any page may call."""
        return bool(self.allowed_origins or self.allowed_origin_patterns)

    @model_validator(mode="after")
    def _check_wildcards(self) -> Self:
        # Fetch standard, section "CORS protocol and credentials": browsers refuse such answers
        if self.allow_credentials and ANY in self.allowed_origins:
            told = "* cannot be allowed together with allow-credentials; name the origins"
            raise refuse(told, "allowed_origins", self.allowed_origins.index(ANY))
        if self.allow_credentials and ANY in self.exposed_headers:
            told = "browsers take * for a name together with allow-credentials; name the headers"
            raise refuse(told, "exposed_headers", self.exposed_headers.index(ANY))
        return self


class ValidationSettings(Section):
    """What a request must keep to before anything is spent on it."""

    enabled: Switch = True
    """With false, the limits of this section do not apply: the size of requests, their depth, and
    `rate-limit`. What a request has to be for the gateway to understand it, is checked all the same, and
    `cors` applies."""

    max_request_size: SomeBytes = 100 * 1024 * 1024
    """Largest body of any request, in bytes; larger ones are refused with 413. See also
    `webclient.max-in-memory-size`."""

    max_json_depth: Count = 128
    """Most objects and lists inside one another in a JSON body; deeper ones are refused with 400. 0 for no
    limit but the gateway's own, which is about 1000."""

    rate_limit: RateLimitSettings = RateLimitSettings()
    cors: CorsSettings = CorsSettings()

    @property
    def largest(self) -> int:
        """Bytes of the largest body of any request."""
        return self.max_request_size if self.enabled else NO_LIMIT

    @property
    def deepest(self) -> int:
        """Levels of the deepest JSON body; 0 for no limit."""
        return self.max_json_depth if self.enabled else 0


NO_LIMIT = 2**63 - 1
"""Bytes that no body has."""
