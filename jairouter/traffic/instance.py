"""An instance: one configured backend, and what is known about it while the gateway runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from jairouter.config.instance_key import label_of
from jairouter.exchange import HeaderPairs
from jairouter.traffic.live import Live

if TYPE_CHECKING:
    from jairouter.upstream.tls import BackendTls


_PLAIN = "!#$&'()*+,/:;=?@[]~"
"""What of a label needs no percent-encoding in a header, besides letters and digits."""


Identity = tuple[str, str, str, str | None]
"""What makes an instance the same across a reload."""


def identity_of(service: str, name: str, base_url: str, path: str | None, label: str) -> Identity:
    """What is known about an instance belongs to this.

    Args:
        service: Canonical service type.
        name: The model.
        base_url: Its address.
        path: The configured path.
        label: Given by the operator, who then says which instance is which, wherever it moves; or nothing.
    """
    return (service, name, label, None) if label else (service, name, base_url, path)


@dataclass(eq=False, slots=True)
class Instance:
    """One backend for one model of one service.

    Attributes:
        service: Canonical service type.
        name: The model name that clients ask for.
        base_url: Scheme and authority, perhaps a path prefix; no trailing slash.
        path: The configured path, or None for the route's own.
        weight: Its share of the traffic among the instances of the same name; 0 gets none.
        headers: Sent to this backend, over the client's headers of the same name.
        tls: How connections to it are secured; None for as the system does it, or not at all.
        label: What clients and operators know it by; names no host unless the operator did so.
        priority: The tier it belongs to; lower numbers are preferred.
        timeout: Seconds that one attempt may take in all, or None for what applies to all.
        answer_timeout: Seconds in which an answer has to be complete, or an event stream to have begun; None
            for no such limit.
        max_retries: Most attempts after one that failed here, or None for the service's.
        live: What is known about it while the gateway runs; survives a reload.
        identity: What makes it the same instance across a reload.
        header_names: Of its headers, in lower case.
        header_label: The label as the value of a header.
    """

    service: str
    name: str
    base_url: str
    path: str | None = field(default=None, repr=False)  # its query may hold a key
    weight: int = 1
    headers: HeaderPairs = field(default=(), repr=False)
    tls: BackendTls | None = field(default=None, repr=False)
    label: str = ""
    priority: int = 0
    timeout: float | None = None
    answer_timeout: float | None = None
    max_retries: int | None = None
    live: Live = field(default_factory=Live, repr=False)
    identity: Identity = field(init=False, repr=False)  # (a path again)
    header_names: frozenset[bytes] = field(init=False)
    header_label: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.header_names = frozenset(name.lower() for name, _ in self.headers)
        self.live.weight = self.live.share = float(self.weight)
        self.live.recheck()
        self.identity = identity_of(self.service, self.name, self.base_url, self.path, self.label)
        if not self.label:
            self.label = label_of(self.service, self.name, self.base_url, self.path, None)
        self.header_label = quote(self.label, safe=_PLAIN).encode("ascii")

    @property
    def in_flight(self) -> int:
        """Attempts under way now."""
        return self.live.in_flight
