"""The one way in which an IP address is written here."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

LONGEST: Final = 45
"""Characters of ``ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255``."""


def parse_ip(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text is, or None if it is none.

    An IPv4 address that is mapped into IPv6 (``::ffff:192.0.2.1``, RFC 4291, section 2.5.5.2: what a socket
    that speaks both families sees) is the IPv4 address. A zone (``fe80::1%eth0``) means something on one
    machine only, and may be any text at all, so such an address is none.
    """
    if len(text) > LONGEST or "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return unmapped(address)


def unmapped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, if it does for one."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
