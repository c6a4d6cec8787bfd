"""Tests for `jairouter.config.outbound` and `destinations`: where the gateway does not go."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.forms import Unfit
from jairouter.config.loader import ConfigurationFaults, Stored, Text, build
from jairouter.config.loader import read as sources_of
from jairouter.config.outbound import NAMES, Outbound, RuleForm, address_in
from tests.config.reading import faults_of, read
from tests.fuzz.examples import examples

METADATA = IPv4Address("169.254.169.254")
DEFAULT = Outbound()
ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address)


def written_otherwise(address: IPv4Address) -> list[str]:
    """An IPv4 address in IPv6, in every way in which packets may come to it."""
    number = int(address)
    return [
        str(IPv6Address(each))
        for each in (
            0xFFFF << 32 | number,
            0xFFFF << 48 | number,
            0x64FF9B << 96 | number,
            0x64FF9B0001 << 80 | number,
            0x2002 << 112 | number << 80 | 1,
            0x20010000 << 96 | 0x7F000001 << 64 | ~number & 0xFFFFFFFF,
            0x20010000 << 96 | number << 64 | 0x7FFFFFFF,
            0x20010DB8 << 96 | 0x5EFE << 32 | number,
            0x20010DB8 << 96 | 0x02005EFE << 32 | number,
        )
    ]


class AddressTests(SynchronousTestCase):
    """By default."""

    def test_denied(self) -> None:
        for address in (
            "169.254.169.254",
            "169.254.170.2",
            "169.254.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "fd00:ec2::254",
            "fd20:ce::254",
            "64:ff9b:1:a9fe:a9:fe00:808:808",  # NAT64 with prefixes of 48, 56 and 64 bits
            "64:ff9b:1:a9:fe:a9fe:808:808",
            "64:ff9b:1:0:a9:fea9:fe08:808",
            "fe80::1",
            "fe80::1%eth0",
            "febf::1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "224.0.0.1",
            "239.255.255.255",
            "255.255.255.255",
            "ff02::1",
            "",
            "a.test",
            "169.254.169.254\n",
        ):
            self.assertIsNotNone(DEFAULT.refuses_address(address), address)

    def test_allowed(self) -> None:
        for address in (
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "172.17.0.2",
            "192.168.1.1",
            "100.100.100.201",
            "fd00::1",
            "2606:4700::1111",
            "2002:a00:1::1",
            "64:ff9b::a00:1",
            "64:ff9b:1::808:808",
            "64:ff9b:1:fffe::808:808",
            "8.8.8.8",
            "169.253.255.255",
            "169.255.0.0",
        ):
            self.assertIsNone(DEFAULT.refuses_address(address), address)

    @given(ADDRESSES)
    @examples(30)
    def test_an_address_in_ipv6_is_denied_with_what_it_stands_for(self, address: IPv4Address) -> None:
        rules = Outbound([ip_network(address)])
        for form in [str(address), *written_otherwise(address)]:
            self.assertIn(
                f" {address}" if ":" in form else str(address), rules.refuses_address(form) or "", form
            )

    def test_metadata_in_ipv6(self) -> None:
        for form in written_otherwise(METADATA):
            self.assertIn("stands for 169.254.169.254", DEFAULT.refuses_address(form) or "", form)

    def test_every_spelling(self) -> None:
        for host in (
            "2852039166",
            "0xa9fea9fe",
            "0XA9FEA9FE",
            "025177524776",
            "169.16689662",
            "169.254.43518",
            "0251.0376.0251.0376",
            "0xa9.0xfe.0xa9.0xfe",
            "169.254.169.254.",
            "0169.254.169.254",
            "::ffff:169.254.169.254",
            "::ffff:a9fe:a9fe",
        ):
            known = host == "0169.254.169.254"  # 0169 is no number: 9 is no octal digit
            self.assertEqual(DEFAULT.refuses(host) is None, known, host)

    def test_a_name_is_no_address(self) -> None:
        for name in ("a.test", "1a", "7b", "10.0.0.x", "x0", "0x7g", "", "."):
            self.assertIsNone(address_in(name), name)

    def test_numbers_too_large_for_an_address(self) -> None:
        for name in ("4294967296", "256.256.256.256", "1.2.3.4.5"):
            self.assertIsNone(address_in(name), name)


class RuleTests(SynchronousTestCase):
    """What the operator says."""

    def test_allow_beats_the_defaults(self) -> None:
        rules = Outbound((), [ip_network("169.254.7.0/24"), ip_network("fe80::/10")])
        self.assertIsNone(rules.refuses_address("169.254.7.1"))
        self.assertIsNone(rules.refuses_address("::ffff:169.254.7.1"))
        self.assertIsNone(rules.refuses_address("fe80::1%eth0"))
        self.assertIsNotNone(rules.refuses_address("169.254.8.1"))

    def test_deny_beats_allow(self) -> None:
        rules = Outbound([ip_network("10.0.0.0/8"), "*.corp"], [ip_network("10.0.0.1"), "a.corp"])
        self.assertIn("10.0.0.0/8 in security.outbound.deny", rules.refuses_address("10.0.0.1") or "")
        self.assertIn("*.corp in security.outbound.deny", rules.refuses_name("a.corp") or "")

    def test_names(self) -> None:
        rules = Outbound(["db.corp", "*.internal"])
        for name in ("db.corp", "DB.Corp", "db.corp.", "a.internal", "a.b.INTERNAL."):
            self.assertIsNotNone(rules.refuses_name(name), name)
        for name in ("xdb.corp", "db.corp.x", "a.db.corp", "internal", "ainternal"):
            self.assertIsNone(rules.refuses_name(name), name)

    def test_names_of_metadata_services(self) -> None:
        for name in NAMES:
            self.assertIsNotNone(DEFAULT.refuses(name.upper() + "."), name)
            self.assertIsNone(Outbound((), [name]).refuses(name), name)

    def test_a_name_does_not_allow_its_addresses(self) -> None:
        self.assertIsNotNone(Outbound((), ["a.test"]).refuses_address("169.254.169.254"))

    def test_read(self) -> None:
        parse, render = RuleForm().parse, RuleForm().render
        for written in ("10.0.0.0/8", "10.0.0.1", "fd00::/8", "a.test", "*.a.test"):
            self.assertEqual(render(parse(written)), written)
        self.assertEqual(parse("*.A.Test."), "*.a.test")
        for wrong in (
            "",
            "*",
            "*.",
            "a.*.test",
            "10.0.0.1/8",
            "2130706433",
            "0x7f.1",
            "a b",
            "[::1]",
            "fe80::1%0",
        ):
            self.assertRaises(Unfit, parse, wrong)


class DestinationTests(SynchronousTestCase):
    """At load."""

    def faults(self, *hosts: str, more: str = "") -> list[str]:
        listed = ", ".join(f"{{name: a{n}, base-url: 'http://{host}'}}" for n, host in enumerate(hosts))
        return faults_of(f"model.services.chat.instances: [{listed}]\n{more}")

    def test_all_are_told_with_their_places(self) -> None:
        told = self.faults(
            "a.test", "169.254.169.254", "[fe80::1]:80/x", "0xA9FEA9FE", "metadata.google.internal"
        )
        self.assertEqual(len(told), 4)
        for number, fault in enumerate(told, 1):
            self.assertIn(f"a.yml:1: model.services.chat.instances[{number}].base-url: ", fault)
        self.assertIn("security.outbound.allow", told[0])

    def test_deny(self) -> None:
        told = self.faults("a.corp", "10.0.0.1", more="security.outbound.deny: ['*.corp', 10.0.0.0/8]")
        self.assertEqual(len(told), 2)

    def test_what_placeholders_stand_for_is_not_told(self) -> None:
        listed = "[{name: a, base-url: 'http://${A}.corp'}]"
        text = f"security.outbound.deny: '*.corp'\nmodel.services.chat.instances: {listed}"
        sources = sources_of([Text("a.yml", text.encode())], (), {"A": "planted"})
        (fault,) = self.assertRaises(ConfigurationFaults, build, sources, {"A": "planted"}).faults
        self.assertIn("http://${A}.corp leads to what security.outbound denies", fault.text)
        self.assertNotIn("planted", str(fault))

    def test_an_instance_that_gets_no_requests_is_judged_too(self) -> None:
        """It is checked, and may be switched on."""
        given = "{name: a, base-url: 'http://169.254.169.254', enabled: false}"
        self.assertEqual(len(faults_of(f"model.services.tts.instances: [{given}]")), 1)

    def test_changes_over_the_api_leave_the_rules_alone(self) -> None:
        """Whoever may name a backend could otherwise allow it too; or drop what the files deny."""
        sources = sources_of([Text("a.yml", b"security: {outbound: {deny: [10.0.0.0/8]}, enabled: false}")])
        forbidden: tuple[dict[str, Any], ...] = (
            {"security": {"outbound": {"allow": ["169.254.169.254"]}}},
            {"security": {"outbound": {"deny": []}}},
            {"security": {"outbound": {"deny": None}}},
            {"security": {"outbound": None}},
            {"security": None},
            {"security": {"$patch": "replace"}},
            {"security": {"outbound": {"$patch": "replace"}}},
            {"jairouter": {"security": {"outbound": {"deny": ["10.0.0.1"]}}}},
        )
        for changes in forbidden:
            told = self.assertRaises(ConfigurationFaults, build, sources, {}, Stored(3, changes)).faults
            self.assertIn("security", {each.path for each in told}, changes)
        allowed: tuple[dict[str, Any], ...] = ({}, {"server": {"port": 1}})
        for good in allowed:
            rules = build(sources, {}, Stored(3, good)).settings.security.outbound.rules
            self.assertEqual(rules, Outbound([ip_network("10.0.0.0/8")]))

    def test_allow(self) -> None:
        listed = "[{name: a, base-url: 'http://169.254.7.1'}]"
        text = f"security.outbound.allow: 169.254.7.1\nmodel.services.chat.instances: {listed}"
        rules = read(text).settings.security.outbound.rules
        self.assertEqual(rules, Outbound((), [ip_network("169.254.7.1")]))
        self.assertNotEqual(rules, Outbound())
