"""Metrics of TLS on the listener."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from jairouter.telemetry.metrics.families import Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric

    from jairouter.telemetry.metrics.families import Families


class TlsMetrics(Source):
    """Shows handshakes that have failed, and until when the certificate is valid.

    Args:
        failures: How many there were, by reason.
        expires: The end of the certificate in force, in seconds since the epoch.
        families: Make what is shown.
    """

    def __init__(self, failures: Mapping[str, int], expires: Callable[[], float], families: Families) -> None:
        self._failures = failures
        self._expires = expires
        self._families = families

    def look(self) -> Callable[[], Iterable[Metric]]:
        """See `Source.look`."""
        failures = [((reason,), count) for reason, count in sorted(self._failures.items())]
        expires, known = self._expires(), self._families.known
        return lambda: (
            known("tls_handshake_failures", failures),
            known("tls_certificate_expiry_timestamp_seconds", [((), expires)]),
        )
