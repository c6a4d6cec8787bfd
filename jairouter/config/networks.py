"""The form of networks and of addresses in them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from jairouter.config.forms import Form, Unfit

AnyNetwork = IPv4Network | IPv6Network
_MAPPED = IPv6Network("::ffff:0:0/96")


@dataclass(frozen=True)
class NetworkForm(Form):
    """An address, or a network in CIDR notation (RFC 4632).

    `10.0.0.5/8` is refused: it may mean one machine or sixteen million. Networks of IPv4 addresses that are
    mapped into IPv6 are taken as what they stand for.
    """

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return "an IP address or a network without host bits, such as 10.0.0.5 or 10.0.0.0/24"

    @property
    def brief(self) -> str:
        """See `Form.brief`."""
        return "an IP address or a network"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if isinstance(value, IPv4Network | IPv6Network):
            return value
        if not isinstance(value, str) or "%" in value:
            raise Unfit
        try:
            network = ip_network(value)
        except ValueError:
            raise Unfit from None
        if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
            base = network.network_address.ipv4_mapped
            assert base is not None  # that is what the network is for
            return IPv4Network((base, network.prefixlen - _MAPPED.prefixlen))
        return network

    def render(self, value: Any) -> str | int | float | bool:
        """See `Form.render`."""
        return str(value.network_address) if value.prefixlen == value.max_prefixlen else str(value)

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"type": "string", "examples": ["10.0.0.0/24"]}


Network = Annotated[AnyNetwork, NetworkForm()]
