"""What pages for operators tell browsers to keep to (OWASP API8:2023, "Security Misconfiguration").

They go onto every answer but those of the model routes: pages, refusals, and what was never found. A page
that needs something else, as the one for people does, sets it afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jairouter.config.settings.pages import PageHeadersSettings
    from jairouter.web.request import GatewayRequest

ALWAYS: Final = (
    (b"X-Content-Type-Options", b"nosniff"),
    (b"X-Frame-Options", b"DENY"),
    (b"Referrer-Policy", b"no-referrer"),
    (b"Cache-Control", b"no-store"),
    (b"Content-Security-Policy", b"default-src 'none'; frame-ancestors 'none'"),
)

_PROTO: Final = b"x-forwarded-proto"


class SecurityHeaders:
    """See the module.

    Args:
        hsts: Seconds for which browsers shall come over HTTPS only; 0 to say nothing.
    """

    def __init__(self, hsts: float) -> None:
        self._hsts = b"max-age=%d" % hsts if hsts >= 1 else b""

    def put_on(self, request: GatewayRequest) -> None:
        """Put them on the answer to a request."""
        for name, value in ALWAYS:
            request.setHeader(name, value)
        if self._hsts and came_securely(request):
            request.setHeader(b"Strict-Transport-Security", self._hsts)


def came_securely(request: GatewayRequest) -> bool:
    """Whether a request came over TLS, here or, as far as a trusted proxy says, to the proxy.

    Of several values the last one is the nearest proxy's; what stands before it may be anybody's.
    """
    channel: Any = request.channel
    if channel.isSecure():
        return True
    said = request.fields.get(_PROTO)
    proxies = request.site.proxies
    if said is None or proxies is None or not proxies.trusts(channel.client_ip):
        return False
    return bool(said.rpartition(b",")[2].strip().lower() == b"https")


def headers_for(settings: PageHeadersSettings) -> SecurityHeaders | None:
    """What is configured; None if nothing is."""
    return SecurityHeaders(settings.hsts) if settings.enabled else None
