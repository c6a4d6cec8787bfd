"""Metrics of TLS on the listener."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client.core import Metric


class TlsMetrics(Collector):
    """Shows handshakes that have failed, and until when the certificate is valid.

    Args:
        failures: How many there were, by reason.
        expires: The end of the certificate in force, in seconds since the epoch.
        tags: Labels that every series carries.
    """

    def __init__(
        self, failures: Mapping[str, int], expires: Callable[[], float], tags: Mapping[str, str]
    ) -> None:
        self._failures = failures
        self._expires = expires
        self._tags = tags

    def collect(self) -> Iterable[Metric]:
        """See `Collector.collect`."""
        tags = tuple(self._tags.values())
        failed = CounterMetricFamily(
            "jairouter_tls_handshake_failures",
            "TLS handshakes of clients that have failed.",
            labels=(*self._tags, "reason"),
        )
        for reason, count in sorted(self._failures.items()):
            failed.add_metric((*tags, reason), count)
        yield failed
        expires = GaugeMetricFamily(
            "jairouter_tls_certificate_expiry_timestamp_seconds",
            "When the listener's certificate expires, in seconds since the epoch.",
            labels=tuple(self._tags),
        )
        expires.add_metric(tags, self._expires())
        yield expires
