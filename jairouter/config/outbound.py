"""Which hosts and addresses may be connected to.

An address of a backend may come from whoever may use the management API, and a name may mean another address
today than yesterday. Without rules the gateway would fetch for anybody what only this machine can see: above
all the metadata service of a cloud, which hands out the machine's credentials (OWASP API7:2023).

::

    the operator's `deny`  ->  denied
    the operator's `allow` ->  allowed
    `DENIED`, `NAMES`      ->  denied
    anything else          ->  allowed

Names and addresses are judged apart: that a name is allowed does not allow the addresses that it has. The
address that is judged has to be the one that is connected to, or another answer to the same question could be
connected to.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Final

from jairouter.config.addresses import HOST_NAME
from jairouter.config.forms import Form, Unfit
from jairouter.config.networks import AnyNetwork, NetworkForm

Address = IPv4Address | IPv6Address

DENIED: Final[tuple[tuple[AnyNetwork, str], ...]] = tuple(
    (ip_network(network), what)
    for network, what in (
        ("169.254.169.254/32", "the metadata service of clouds"),
        ("169.254.0.0/16", "link-local"),
        ("fe80::/10", "link-local"),
        ("fd00:ec2::254/128", "the metadata service of AWS"),
        ("fd20:ce::254/128", "the metadata service of Google Cloud"),
        ("100.100.100.200/32", "the metadata service of Alibaba Cloud"),
        ("192.0.0.192/32", "the metadata service of Oracle Cloud"),
        ("168.63.129.16/32", "the wire server of Azure"),
        ("0.0.0.0/8", "no address of a host (RFC 1122, section 3.2.1.3)"),
        ("::/128", "no address of a host"),
        ("224.0.0.0/4", "multicast"),
        ("ff00::/8", "multicast"),
        ("255.255.255.255/32", "broadcast"),
    )
)
"""What is denied unless the operator allows it."""

NAMES: Final = (
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
    "instance-data.ec2.internal",
)
"""Names of metadata services."""

_NUMERIC: Final = re.compile(r"(?:.*\.)?(?:0[xX][0-9a-fA-F]*|[0-9]+)\.?")
"""A host whose last label is a number is an IPv4 address or nothing (URL standard, section "host
parsing")."""
_LOW_32: Final = 0xFFFFFFFF
_LAST_32: Final = tuple(
    IPv6Network(each)
    for each in (
        "::ffff:0:0/96",  # mapped: RFC 4291, section 2.5.5.2
        "::/96",  # compatible: section 2.5.5.1
        "::ffff:0:0:0/96",  # translated: RFC 2765
        "64:ff9b::/96",  # NAT64: RFC 6052
        "64:ff9b:1::/48",  # NAT64 in one's own network: RFC 8215
    )
)
_OWN_NAT64: Final = IPv6Network("64:ff9b:1::/48")
_WIDE: Final = 2**24
"""The lowest IPv4 address that is one of a host."""
_6TO4: Final = IPv6Network("2002::/16")
_TEREDO: Final = IPv6Network("2001::/32")
_LOOPBACK: Final = IPv6Address("::1")


@dataclass(frozen=True)
class RuleForm(Form):
    """An IP address, a network, a host's name, or `*.` and the end of names."""

    @property
    def expected(self) -> str:
        """See `Form.expected`."""
        return "an IP address, a network, a host name or *. and the end of one, such as *.internal"

    @property
    def brief(self) -> str:
        """See `Form.brief`."""
        return "an IP address, a network or a host name"

    def parse(self, value: object) -> object:
        """See `Form.parse`."""
        if isinstance(value, IPv4Network | IPv6Network):
            return value
        if not isinstance(value, str):
            raise Unfit
        if ":" in value or "/" in value or _NUMERIC.fullmatch(value):
            return NetworkForm().parse(value)
        name = _plain(value)
        if not HOST_NAME.fullmatch(name.removeprefix("*.")):
            raise Unfit
        return name

    def render(self, value: Any) -> str | int | float | bool:
        """See `Form.render`."""
        return value if isinstance(value, str) else NetworkForm().render(value)

    def json_schema(self) -> dict[str, Any]:
        """See `Form.json_schema`."""
        return {"type": "string", "examples": ["10.0.0.0/8", "*.internal"]}


Rule = Annotated[IPv4Network | IPv6Network | str, RuleForm()]


class Outbound:
    """See the module's table.

    Args:
        deny: The operator's networks and names.
        allow: Likewise.
    """

    def __init__(self, deny: Iterable[AnyNetwork | str] = (), allow: Iterable[AnyNetwork | str] = ()) -> None:
        self._deny, self._allow = tuple(deny), tuple(allow)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outbound) and (self._deny, self._allow) == (other._deny, other._allow)

    def __hash__(self) -> int:
        return hash((self._deny, self._allow))

    def refuses(self, host: str) -> str | None:
        """Why a host may not be connected to as it is written; None if it may, or if its addresses will tell.

        Args:
            host: A name, or an address in any spelling; IPv6 without brackets.
        """
        address = address_in(host)
        return self.refuses_name(host) if address is None else self.refuses_address(str(address))

    def refuses_name(self, name: str) -> str | None:
        """Why no host of this name may be connected to, whatever its addresses are; None if it may."""
        name = _plain(name)
        for rule in _texts(self._deny):
            if _is_named(name, rule):
                return f"{name} is denied by {rule} in security.outbound.deny"
        if name in NAMES and not any(_is_named(name, rule) for rule in _texts(self._allow)):
            return f"{name} is a metadata service of clouds; security.outbound.allow can allow it"
        return None

    def refuses_address(self, text: str) -> str | None:
        """Why an address may not be connected to; None if it may.

        Args:
            text: As a resolver or a socket writes it. What is none, is refused.
        """
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return f"{text[:60]!r} is no IP address"
        meanings = (address, *embedded(address))
        for meaning in meanings:
            for network in _networks(self._deny):
                if meaning in network:
                    shown = NetworkForm().render(network)
                    return f"{_told(address, meaning)} is denied by {shown} in security.outbound.deny"
        if any(meaning in network for meaning in meanings for network in _networks(self._allow)):
            return None
        for meaning in meanings:
            for network, what in DENIED:
                if meaning in network:
                    return f"{_told(address, meaning)} is {what}; security.outbound.allow can allow it"
        return None


def address_in(host: str) -> Address | None:
    """The address that a host is, in any spelling that a resolver understands; None for a name.

    Resolvers take ``2130706433``, ``0x7f.1`` and ``0177.0.0.1`` for 127.0.0.1.
    """
    try:
        return ip_address(host)
    except ValueError:
        pass
    if not host.isascii() or not _NUMERIC.fullmatch(host):
        return None
    try:
        return IPv4Address(socket.inet_aton(host.removesuffix(".")))
    except OSError:
        return None


def embedded(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that packets to an address may end up at, or go through."""
    if isinstance(address, IPv4Address) or address == _LOOPBACK:
        return
    number = int(address)
    if any(address in network for network in _LAST_32):
        yield IPv4Address(number & _LOW_32)
        if address in _OWN_NAT64:
            yield from (each for each in _in_the_middle(number) if int(each) >= _WIDE)
    elif address in _6TO4:
        yield IPv4Address(number >> 80 & _LOW_32)
    elif address in _TEREDO:  # RFC 4380, section 4: the server, and the client with its bits turned over
        yield IPv4Address(number >> 64 & _LOW_32)
        yield IPv4Address(~number & _LOW_32)
    if number >> 32 & 0xFDFFFFFF == 0x00005EFE:  # ISATAP: RFC 5214, section 6.1
        yield IPv4Address(number & _LOW_32)


def _in_the_middle(number: int) -> Iterator[IPv4Address]:
    """What prefixes of 48, 56 and 64 bits have behind them, around bits 64 to 71 (RFC 6052, section 2.2)."""
    joined = number >> 64 << 56 | number & (1 << 56) - 1
    for length in (48, 56, 64):
        yield IPv4Address(joined >> 120 - length - 32 & _LOW_32)


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _is_named(name: str, rule: str) -> bool:
    return name.endswith(rule[1:]) if rule.startswith("*.") else name == rule


def _texts(rules: tuple[AnyNetwork | str, ...]) -> Iterator[str]:
    return (each for each in rules if isinstance(each, str))


def _networks(rules: tuple[AnyNetwork | str, ...]) -> Iterator[AnyNetwork]:
    return (each for each in rules if not isinstance(each, str))


def _told(address: Address, meaning: Address) -> str:
    return str(address) if meaning is address else f"{address}, which stands for {meaning},"
