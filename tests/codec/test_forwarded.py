"""Tests of `jairouter.codec.forwarded`: what is read, from right to left, and where that ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.forwarded import HEADERS, MAX_ELEMENT, MAX_HOPS
from tests.fuzz.examples import examples


def hops(header: str, value: str | bytes) -> list[str | None]:
    """The addresses that a header names, from right to left."""
    data = value if isinstance(value, bytes) else value.encode("latin-1")
    return [None if each is None else str(each) for each in HEADERS[header](data)]


NODES = (
    # as it is written, which address that is
    ("192.0.2.1", "192.0.2.1"),
    ("192.0.2.1:80", "192.0.2.1"),
    ("192.0.2.1:65535", "192.0.2.1"),
    ("192.0.2.1:_port", "192.0.2.1"),
    ("2001:db8::1", "2001:db8::1"),
    ("2001:DB8:0:0::1", "2001:db8::1"),
    ("[2001:db8::1]", "2001:db8::1"),
    ("[2001:db8::1]:443", "2001:db8::1"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("[::ffff:c000:201]:1", "192.0.2.1"),
    ("unknown", None),
    ("_hidden", None),
    ("_SEVKISEK", None),
    ("", None),
    ("-", None),
    ("localhost", None),
    ("192.0.2", None),
    ("192.0.2.256", None),
    ("192.0.2.01", None),
    ("0xc0.0.2.1", None),
    ("3221225985", None),
    ("192.0.2.1/32", None),
    ("192.0.2.1:", None),
    ("192.0.2.1:123456", None),
    ("192.0.2.1:http", None),
    ("192.0.2.1 192.0.2.2", None),
    ("[192.0.2.1]", None),
    ("[2001:db8::1", None),
    ("2001:db8::1]", None),
    ("[[::1]]", None),
    ("fe80::1%eth0", None),
    ("[fe80::1%25eth0]", None),
    ("::1%\x7f evil=1", None),
    ("1:2:3:4:5:6:7:8:9", None),
    ("unix:", None),
    ("192.0.2.\u00b2", None),
    ("1" * 5000, None),
)


class ListTests(SynchronousTestCase):
    """`X-Forwarded-For`."""

    def test_nodes(self) -> None:
        for written, address in NODES:
            self.assertEqual(hops("X-Forwarded-For", written), [address], written)

    def test_from_right_to_left(self) -> None:
        found = hops("X-Forwarded-For", "192.0.2.1, 2001:db8::1 ,\t192.0.2.3:80")
        self.assertEqual(found, ["192.0.2.3", "2001:db8::1", "192.0.2.1"])

    def test_ends_at_what_is_none(self) -> None:
        """Whatever is left of it. An empty element is none: a proxy that knew nobody may have written it."""
        for none in ("unknown", "_x", "", " ", "garbage", '"192.0.2.9"'):
            self.assertEqual(
                hops("X-Forwarded-For", f"192.0.2.1,{none},192.0.2.2"), ["192.0.2.2", None], none
            )
            self.assertEqual(hops("X-Forwarded-For", f"192.0.2.1,{none}"), [None], none)

    def test_bounded(self) -> None:
        """So many addresses, and no longer an element."""
        self.assertEqual(len(hops("X-Forwarded-For", "192.0.2.1," * 3000 + "192.0.2.1")), MAX_HOPS + 1)
        blank = " " * MAX_ELEMENT
        for value in (f"192.0.2.1{blank}", f"192.0.2.1,{blank}192.0.2.2", f"{blank}192.0.2.2"):
            self.assertEqual(hops("X-Forwarded-For", value), [None])


class ForwardedTests(SynchronousTestCase):
    """`Forwarded`."""

    def test_nodes(self) -> None:
        """As quoted strings, and as tokens where they are some."""
        for written, address in NODES:
            self.assertEqual(hops("Forwarded", f'for="{written}"'), [address], written)
            self.assertEqual(hops("Forwarded", f"FOR={written};proto=http"), [address], written)

    def test_examples_of_the_rfc(self) -> None:
        """RFC 7239, section 4 and 7.1."""
        for value, found in (
            ('for="_gazonk"', [None]),
            ('For="[2001:db8:cafe::17]:4711"', ["2001:db8:cafe::17"]),
            ("for=192.0.2.60;proto=http;by=203.0.113.43", ["192.0.2.60"]),
            ("for=192.0.2.43, for=198.51.100.17", ["198.51.100.17", "192.0.2.43"]),
            ('for=192.0.2.43,for="[2001:db8:cafe::17]",for=unknown', [None]),
            ("for=_hidden, for=_SEVKISEK", [None]),
        ):
            self.assertEqual(hops("Forwarded", value), found, value)

    def test_among_others(self) -> None:
        element = ' by="_a,b;c=\\"d\\\\" ; for="192.0.2\\.1"; host=x '
        self.assertEqual(hops("Forwarded", element), ["192.0.2.1"])
        self.assertEqual(hops("Forwarded", f"{element},{element}"), ["192.0.2.1"] * 2)

    def test_names_none_or_two(self) -> None:
        for element in (
            "",
            "proto=http",
            "192.0.2.1",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1 x",
            "for",
        ):
            self.assertEqual(hops("Forwarded", f"for=192.0.2.9,{element}"), [None], element)

    def test_half_a_string_changes_nothing_behind_it(self) -> None:
        """The left part is the client's: it must not swallow what a proxy wrote, nor hide it."""
        for left in ('for="', 'for="192.0.2.9', 'x="\\', "x=\\", '"', 'for=192.0.2.9;x="', '""', '"\\"'):
            for right in ("for=192.0.2.1", 'for="[2001:db8::1]:80"', 'by="a,b";for="192.0.2.1"'):
                found = hops("Forwarded", f"{left}, {right}")
                self.assertEqual(found[0], hops("Forwarded", right)[0], f"{left}, {right}")

    def test_quotes_that_do_not_match(self) -> None:
        for value in ('for="192.0.2.1', 'for=192.0.2.1"', '"' * 999, 'for="192.0.2.1\\"', 'for="192.0.2.1"x'):
            self.assertEqual(hops("Forwarded", value), [None], value)

    def test_bounded(self) -> None:
        self.assertEqual(len(hops("Forwarded", "for=192.0.2.1," * 2000 + "for=192.0.2.1")), MAX_HOPS + 1)
        for value in (f"for=192.0.2.1;x={'a' * MAX_ELEMENT}", f'for=192.0.2.1;x="{"a," * MAX_ELEMENT}"'):
            self.assertEqual(hops("Forwarded", value), [None])


class SingleTests(SynchronousTestCase):
    """`X-Real-IP`."""

    def test_nodes(self) -> None:
        for written, address in NODES:
            self.assertEqual(hops("X-Real-IP", f" {written}\t"), [address], written)

    def test_two(self) -> None:
        self.assertEqual(hops("X-Real-IP", "192.0.2.1, 192.0.2.2"), [None])


class PropertyTests(SynchronousTestCase):
    """Whatever a client writes."""

    @examples(80)
    @given(st.text(alphabet='for=192.0,;"\\ \t[]:_%x', max_size=60), st.sampled_from(sorted(HEADERS)))
    def test_only_addresses_and_the_end(self, value: str, header: str) -> None:
        """Nothing else comes out, least of all an exception; and nothing after None."""
        found = hops(header, value)
        self.assertNotIn(None, found[:-1])
        for each in found:
            if each is not None:
                self.assertRegex(each, r"\A[0-9a-f:.]+\Z")

    @examples(80)
    @given(
        st.text(alphabet='for=192.0,;"\\ \t[]:_%x', max_size=60),
        st.lists(st.ip_addresses(), min_size=1, max_size=4),
    )
    def test_what_proxies_wrote_is_read(self, client: str, proxies: list[object]) -> None:
        """Behind anything at all."""
        expected = [str(getattr(each, "ipv4_mapped", None) or each) for each in reversed(proxies)]
        listed = ",".join([client, *map(str, proxies)])
        self.assertEqual(hops("X-Forwarded-For", listed)[: len(proxies)], expected)
        elements = ",".join([client, *(f'by="a,b";for="{_node(each)}"' for each in proxies)])
        self.assertEqual(hops("Forwarded", elements)[: len(proxies)], expected)


def _node(address: object) -> str:
    return f"[{address}]:80" if ":" in str(address) else str(address)
