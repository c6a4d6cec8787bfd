"""Tests for `jairouter.web.management.access`."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.browsers import PASSED_ON
from jairouter.web.client_address import TrustedProxies
from tests.web.management.examples import Api, all_of_them, request
from tests.web.serving import answers

LOOPBACK = ("127.0.0.0/8", "::1/128")
HERE = TrustedProxies([ip_network("127.0.0.1")])


class Case(SynchronousTestCase):
    """All clients of these tests are at 127.0.0.1."""

    def ask(
        self,
        *allow: str,
        proxies: TrustedProxies | None = None,
        path: str = "/api/config/version/7",
        method: str = "GET",
        **headers: str,
    ) -> str:
        return Api(*all_of_them(), allow=allow or LOOPBACK, proxies=proxies).code(path, method, **headers)

    def admitted(self, *allow: str, proxies: TrustedProxies | None = None, **headers: str) -> None:
        self.assertEqual(self.ask(*allow, proxies=proxies, **headers), "OK", headers)

    def refused(self, *allow: str, proxies: TrustedProxies | None = None, **headers: str) -> None:
        self.assertEqual(self.ask(*allow, proxies=proxies, **headers), "FORBIDDEN", headers)


class AddressTests(Case):
    """Where the client is."""

    def test_this_machine(self) -> None:
        self.admitted()

    def test_elsewhere(self) -> None:
        self.refused("10.0.0.0/8")
        self.refused("::/0")

    def test_nobody(self) -> None:
        self.assertEqual(Api(*all_of_them(), allow=()).code("/api/config/version/7"), "FORBIDDEN")

    def test_says_which_key(self) -> None:
        said = Api(*all_of_them(), allow=("10.0.0.0/8",)).value("/api/config/version/7")
        self.assertIn("127.0.0.1", said["message"])
        self.assertIn("management.api.allow-from", said["message"])

    def test_who_may_not_learns_nothing(self) -> None:
        """Neither what there is nor what is wrong."""
        for path in ("/api/nothing", "/api/config/version/x", "/v3/api-docs", "/swagger-ui", "/api"):
            self.assertEqual(self.ask("10.0.0.0/8", path=path), "FORBIDDEN", path)
        self.assertEqual(self.ask("10.0.0.0/8", method="OPTIONS"), "FORBIDDEN")

    def test_client_of_a_trusted_proxy(self) -> None:
        self.admitted("10.0.0.0/8", proxies=HERE, X_Forwarded_For="10.1.2.3")
        self.refused("10.0.0.0/8", proxies=HERE, X_Forwarded_For="11.1.2.3")
        self.refused(*LOOPBACK, proxies=HERE, X_Forwarded_For="10.1.2.3")

    def test_what_others_say_does_not_count(self) -> None:
        self.refused("10.0.0.0/8", X_Forwarded_For="10.1.2.3")


class PassedOnTests(Case):
    """A proxy on this machine that is not trusted does not open the door."""

    def test_untrusted_proxy(self) -> None:
        for name in ("X_Forwarded_For", "Forwarded", "X_Real_IP", "X_Forwarded_Host", "Via"):
            headers: dict[str, Any] = {name: "127.0.0.1"}
            self.refused(**headers)

    def test_whatever_it_says(self) -> None:
        for name in PASSED_ON:
            headers: dict[str, Any] = {name.decode().replace("-", "_"): "https"}
            self.refused(**headers)

    def test_proxy_protocol(self) -> None:
        """A proxy may name nobody, or clients at its own loopback address, which may be another machine's."""
        proxies = TrustedProxies([ip_network("127.0.0.1")], proxy_protocol=True)
        for named, allow, code in (
            (b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", LOOPBACK, "FORBIDDEN"),
            (b"PROXY TCP6 ::1 ::1 1 2\r\n", LOOPBACK, "FORBIDDEN"),
            (b"PROXY UNKNOWN\r\n", LOOPBACK, "FORBIDDEN"),
            (b"PROXY TCP4 10.1.2.3 127.0.0.1 1 2\r\n", LOOPBACK, "FORBIDDEN"),
            (b"PROXY TCP4 10.1.2.3 127.0.0.1 1 2\r\n", ("10.0.0.0/8",), None),
        ):
            serving = Api(*all_of_them(), allow=allow, proxies=proxies).serving
            received = answers(serving.ask(named + request("/api/config/version/7")).received)
            self.assertEqual(json.loads(received[0].body).get("errorCode"), code, named)

    def test_trusted_proxy_that_names_nobody(self) -> None:
        """What it names cannot be told from its own address."""
        self.refused(proxies=HERE, X_Forwarded_For="unknown")
        self.refused(proxies=HERE, X_Forwarded_For="127.0.0.1")
        self.refused(proxies=HERE, Forwarded="for=10.1.2.3")

    def test_trusted_proxy_and_a_client_beside_it(self) -> None:
        self.admitted(proxies=HERE)

    def test_where_another_network_allows_it(self) -> None:
        self.admitted("0.0.0.0/0", X_Forwarded_For="10.1.2.3")


class HostTests(Case):
    """DNS rebinding: a name of somebody else's that points here."""

    def test_names_of_this_machine(self) -> None:
        for host in (
            "localhost",
            "LOCALHOST:8080",
            "localhost.:1",
            "127.0.0.1",
            "127.0.0.1:80",
            "[::1]:8080",
        ):
            self.admitted(Host=host)

    def test_other_names(self) -> None:
        for host in ("evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.nip.example"):
            self.refused(Host=host)

    def test_odd_ones(self) -> None:
        for host in ("localhost@evil", "localhost:1:2", "[::1", "127.0.0.1:port", "::1"):
            self.assertNotEqual(self.ask(Host=host), "OK", host)

    def test_where_another_network_allows_it(self) -> None:
        self.admitted("0.0.0.0/0", Host="gateway.example")


class BrowserTests(Case):
    """Pages of other sites."""

    def test_own_page(self) -> None:
        self.admitted(Origin="http://localhost:8080", Sec_Fetch_Site="same-origin")
        self.admitted(Origin="https://localhost", Host="localhost:443")
        self.admitted(Origin="http://[::1]", Host="[::1]:80")
        self.admitted("0.0.0.0/0", Origin="https://10.0.0.1", Host="10.0.0.1")

    def test_page_under_a_name(self) -> None:
        """Whoever owns the name may have it mean this gateway for a moment (DNS rebinding)."""
        self.refused("0.0.0.0/0", Origin="https://gateway.example", Host="gateway.example")

    def test_other_origins(self) -> None:
        origins = (
            "http://evil.example",
            "http://localhost",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "null",
            "http://",
            "file://",
            "http://localhost:8080, http://evil.example",
            "http://localhost:8080@evil.example",
            "extension://localhost:8080",
        )
        for origin in origins:
            self.refused(Origin=origin)
            self.refused("0.0.0.0/0", Origin=origin)

    def test_cross_site(self) -> None:
        self.refused(Sec_Fetch_Site="cross-site")
        self.refused("0.0.0.0/0", Sec_Fetch_Site="Cross-Site")
        self.admitted(Sec_Fetch_Site="none")
