"""An instance: one configured backend, and what is known about it while the gateway runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jairouter.exchange import HeaderPairs, Outcome
from jairouter.traffic.permits import Ledger, Permit

if TYPE_CHECKING:
    from jairouter.upstream.tls import BackendTls


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
        header_names: Of these headers, in lower case.
        in_flight: Attempts under way now.
        tls: How connections to it are secured; None for as the system does it, or not at all.
    """

    service: str
    name: str
    base_url: str
    path: str | None = field(default=None, repr=False)  # its query may hold a key
    weight: int = 1
    headers: HeaderPairs = field(default=(), repr=False)
    in_flight: int = 0
    tls: BackendTls | None = field(default=None, repr=False)
    header_names: frozenset[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.header_names = frozenset(name.lower() for name, _ in self.headers)

    @property
    def identity(self) -> tuple[str, str, str, str | None]:
        """What makes it the same instance across a reload."""
        return (self.service, self.name, self.base_url, self.path)

    def acquire(self, ledger: Ledger) -> Permit:
        """Take the right to send one attempt here."""
        self.in_flight += 1
        return ledger.open("attempt", self._settled)

    def _settled(self, outcome: Outcome) -> None:
        self.in_flight -= 1
