"""Tests for `jairouter.web.client_address`: who is believed, and how far."""

from __future__ import annotations

from ipaddress import ip_network

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.client_address import (
    REMEMBERED,
    Client,
    Tell,
    TrustedProxies,
    peer_address,
    trusted_proxies,
)
from tests.fuzz.examples import examples
from tests.test_policies import settings

NETWORKS = tuple(map(ip_network, ("10.0.0.0/8", "2001:db8:1::/48", "127.0.0.1/32")))
PROXY = "10.0.0.1"


def client(
    *headers: str, believed: tuple[str, ...] = ("X-Forwarded-For",), tell: Tell = Tell.NOTHING
) -> Client:
    """Who sent a request with these headers through the proxy."""
    pairs = (each.split(": ", 1) for each in headers)
    fields = {name.lower().encode(): value.encode() for name, value in pairs}
    return TrustedProxies(NETWORKS, believed, tell).client_behind(PROXY, fields)


class TrustTests(SynchronousTestCase):
    """Who is a proxy."""

    def test_trusts(self) -> None:
        proxies = TrustedProxies(NETWORKS)
        for address in ("10.0.0.0", "10.255.255.255", "::ffff:10.0.0.1", "2001:db8:1:f::", "127.0.0.1"):
            self.assertTrue(proxies.trusts(address), address)
        for address in ("11.0.0.0", "127.0.0.2", "2001:db8:2::", "::1", "::10.0.0.1", "-", "", "10.0.0.1%1"):
            self.assertFalse(proxies.trusts(address), address)

    def test_connection_of_a_client(self) -> None:
        """It is known once for all of its requests."""
        self.assertEqual(TrustedProxies(NETWORKS).sole_client("192.0.2.1"), Client("192.0.2.1"))

    def test_connection_of_a_proxy(self) -> None:
        self.assertIsNone(TrustedProxies(NETWORKS).sole_client(PROXY))


class WalkTests(SynchronousTestCase):
    """From right to left."""

    def test_first_that_is_no_proxy(self) -> None:
        for value, expected in (
            ("192.0.2.1", "192.0.2.1"),
            ("203.0.113.9, 192.0.2.1", "192.0.2.1"),
            ("203.0.113.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
            ("192.0.2.1, 2001:db8:1::7,10.0.0.2:80", "192.0.2.1"),
            ("192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1"),
            ("127.0.0.1, 192.0.2.1", "192.0.2.1"),
            ("[2001:DB8::1]:99", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ):
            self.assertEqual(client(f"X-Forwarded-For: {value}").address, expected, value)

    def test_proxies_all_the_way(self) -> None:
        """Then it is the one furthest away."""
        self.assertEqual(client("X-Forwarded-For: 10.0.0.3, 10.0.0.2").address, "10.0.0.3")

    def test_garbage(self) -> None:
        """The last address that was certain."""
        for value, expected in (
            ("192.0.2.1, unknown", PROXY),
            ("192.0.2.1, _hidden, 10.0.0.2", "10.0.0.2"),
            ("192.0.2.1,", PROXY),
            ("", PROXY),
            ("\x7f\\n", PROXY),
            ("192.0.2.1, ::1%\x7f, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.2, " * 3000 + "10.0.0.2", "10.0.0.2"),
        ):
            self.assertEqual(client(f"X-Forwarded-For: {value}").address, expected, value[:50])

    def test_without_header(self) -> None:
        self.assertEqual(client("X-Real-IP: 192.0.2.1", "Forwarded: for=192.0.2.1").address, PROXY)

    def test_the_first_header_that_is_there(self) -> None:
        """The others are not looked at, even if it says nothing."""
        believed = ("Forwarded", "X-Real-IP")
        given = ("X-Forwarded-For: 192.0.2.1", "X-Real-IP: 192.0.2.2")
        self.assertEqual(client(*given, believed=believed).address, "192.0.2.2")
        self.assertEqual(client(*given, "Forwarded: for=192.0.2.3", believed=believed).address, "192.0.2.3")
        self.assertEqual(client(*given, "Forwarded: for=unknown", believed=believed).address, PROXY)

    def test_remembered(self) -> None:
        """By header, value and proxy; so many, and no long ones."""
        proxies = TrustedProxies(NETWORKS, ("X-Forwarded-For", "X-Real-IP"))
        fields = {b"x-forwarded-for": b"192.0.2.1"}
        first = proxies.client_behind(PROXY, fields)
        self.assertIs(proxies.client_behind(PROXY, fields), first)
        self.assertEqual(proxies.client_behind(PROXY, {b"x-real-ip": b"10.0.0.2"}).address, "10.0.0.2")
        self.assertEqual(proxies.client_behind(PROXY, {b"x-forwarded-for": b"x"}).address, PROXY)
        self.assertEqual(proxies.client_behind("10.0.0.2", {b"x-forwarded-for": b"x"}).address, "10.0.0.2")
        proxies.client_behind(PROXY, {b"x-forwarded-for": b"192.0.2.1," * 100})
        remembered = proxies._look_up.cache_info()
        self.assertEqual((remembered.currsize, remembered.maxsize), (4, REMEMBERED))

    @examples(40)
    @given(st.text(alphabet='for=192.0,;"\\ []:_%x1', max_size=60), st.integers(0, 3))
    def test_unforgeable(self, forged: str, hops: int) -> None:
        """Whatever the client writes, and however many proxies append what they see."""
        chain = ["192.0.2.1", "10.0.0.9", "10.0.0.8", "10.0.0.7"][: hops + 1]
        self.assertEqual(client(f"X-Forwarded-For: {', '.join([forged, *chain])}").address, "192.0.2.1")
        elements = ", ".join([forged, *(f"for={each}" for each in chain)])
        self.assertEqual(client(f"Forwarded: {elements}", believed=("Forwarded",)).address, "192.0.2.1")


class TellTests(SynchronousTestCase):
    """What backends are told."""

    value = "X-Forwarded-For: 203.0.113.9, 192.0.2.1, 10.0.0.2"

    def test_nothing(self) -> None:
        self.assertEqual(client(self.value).forwarded, ())

    def test_client(self) -> None:
        self.assertEqual(
            client(self.value, tell=Tell.CLIENT).forwarded, ((b"X-Forwarded-For", b"192.0.2.1"),)
        )

    def test_chain(self) -> None:
        """What is certain of it, and the connection's other end."""
        told = client(self.value, tell=Tell.CHAIN).forwarded
        self.assertEqual(told, ((b"X-Forwarded-For", b"192.0.2.1, 10.0.0.2, 10.0.0.1"),))

    def test_without_header(self) -> None:
        for tell in (Tell.CLIENT, Tell.CHAIN):
            self.assertEqual(client(tell=tell).forwarded, ((b"X-Forwarded-For", b"10.0.0.1"),))

    def test_client_without_proxy(self) -> None:
        told = TrustedProxies((), tell=Tell.CHAIN).sole_client("192.0.2.1")
        self.assertEqual(told, Client("192.0.2.1", ((b"X-Forwarded-For", b"192.0.2.1"),)))


class PeerTests(SynchronousTestCase):
    """The other end of a connection."""

    def test_address(self) -> None:
        for address, expected in (
            (IPv4Address("TCP", "192.0.2.1", 1), "192.0.2.1"),
            (IPv6Address("TCP", "2001:db8::1", 1), "2001:db8::1"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 1), "192.0.2.1"),
            (UNIXAddress(b"/run/x"), "-"),
            (None, "-"),
        ):
            self.assertEqual(peer_address(address), expected)


class SettingsTests(SynchronousTestCase):
    """What is configured."""

    def configured(self, server: str) -> TrustedProxies | None:
        return trusted_proxies(settings(f"server: {{{server}}}").server)

    def test_nobody(self) -> None:
        for text in ("", "forward-headers-strategy: none", "forward-headers: {headers: Forwarded}"):
            self.assertIsNone(self.configured(text), text)

    def test_strategy(self) -> None:
        """This machine and private networks."""
        for word in ("native", "FRAMEWORK"):
            proxies = self.configured(f"forward-headers-strategy: {word}")
            assert proxies is not None
            for address in ("127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.0.1", "fd00::1"):
                self.assertTrue(proxies.trusts(address), address)
            for address in ("172.32.0.1", "192.0.2.1", "2001:db8::1", "169.254.0.1"):
                self.assertFalse(proxies.trusts(address), address)

    def test_strategy_and_list(self) -> None:
        proxies = self.configured(
            "forward-headers-strategy: native, forward-headers.trusted-proxies: 192.0.2.1"
        )
        assert proxies is not None
        self.assertEqual((proxies.trusts("192.0.2.1"), proxies.trusts("10.0.0.1")), (True, False))

    def test_what_is_believed_and_told(self) -> None:
        proxies = self.configured(
            "forward-headers: {trusted-proxies: [10.0.0.0/8], headers: x-real-ip, to-backends: client}"
        )
        assert proxies is not None
        found = proxies.client_behind(PROXY, {b"x-forwarded-for": b"192.0.2.1", b"x-real-ip": b"192.0.2.2"})
        self.assertEqual(found, Client("192.0.2.2", ((b"X-Forwarded-For", b"192.0.2.2"),)))
        self.assertFalse(proxies.proxy_protocol)

    def test_told_although_nobody_is_trusted(self) -> None:
        proxies = self.configured("forward-headers.to-backends: client")
        assert proxies is not None
        self.assertFalse(proxies.trusts("127.0.0.1"))

    def test_proxy_protocol(self) -> None:
        proxies = self.configured("forward-headers.trusted-proxies: 10.0.0.1, proxy-protocol: required")
        assert proxies is not None
        self.assertTrue(proxies.proxy_protocol)
