"""The client's address behind real proxies: the true one in the access log, never a forged one."""

from __future__ import annotations

import itertools
import subprocess

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, Shared, wait_until
from tests.integration.proxies import Site
from tests.integration.wire import Peer, post

FORGED = "203.0.113.9"
_NUMBERS = itertools.count(1)


class ProxyTests(SynchronousTestCase):
    """Clients at several addresses of this machine; the proxies' is 127.0.0.1."""

    site = Shared(Site, Site.stop)

    def setUp(self) -> None:
        self.proxies = self.site.get()

    def ask(self, gateway: Gateway, through: str, client: str, **headers: str) -> tuple[str, str | None]:
        """Send one request. Returns the address in the log, and what the backend was told."""
        number = next(_NUMBERS)
        heard = self.proxies.ask(through, client, number, **headers)
        line = gateway.wait_for(rf"(\S+) POST /v1/chat/completions 200 .* id=asked-{number}\n")
        for name in ("x-real-ip", "forwarded", "x-forwarded-proto"):
            self.assertNotIn(name, heard)
        return line[1], heard.get("x-forwarded-for")

    def test_haproxy_with_forwardfor(self) -> None:
        for client in ("127.0.0.2", "127.0.0.3"):
            found = self.ask(self.proxies.plain, "forwardfor", client)
            self.assertEqual(found, (client, f"{client}, 127.0.0.1"))

    def test_nginx_of_the_guide(self) -> None:
        for client in ("127.0.0.4", "127.0.0.5"):
            found = self.ask(self.proxies.plain, "nginx", client)
            self.assertEqual(found, (client, f"{client}, 127.0.0.1"))

    def test_nginx_before_haproxy(self) -> None:
        """Two proxies, each of which says what it sees."""
        found = self.ask(self.proxies.plain, "twice", "127.0.0.6", X_Forwarded_For=FORGED)
        self.assertEqual(found, ("127.0.0.6", "127.0.0.6, 127.0.0.1, 127.0.0.1"))

    def test_haproxy_with_proxy_headers(self) -> None:
        """Of both versions, in front of a request that goes through as it is."""
        for through in ("proxy_v1", "proxy_v2"):
            found = self.ask(self.proxies.behind, through, "127.0.0.7", X_Forwarded_For=FORGED)
            self.assertEqual(found, ("127.0.0.7", "127.0.0.7"), through)

    def test_haproxy_with_both(self) -> None:
        found = self.ask(self.proxies.behind, "both", "127.0.0.8", X_Forwarded_For=FORGED)
        self.assertEqual(found, ("127.0.0.8", "127.0.0.8"))

    def test_forged(self) -> None:
        """Whatever the client writes."""
        for through, gateway in (
            ("forwardfor", self.proxies.plain),
            ("nginx", self.proxies.plain),
            ("proxy_v2", self.proxies.behind),
            ("plain", self.proxies.plain),
        ):
            for value in (FORGED, f"{FORGED},", f"{FORGED}, 127.0.0.1", "unknown", '"'):
                headers = {"X_Forwarded_For": value, "X_Real_IP": FORGED, "Forwarded": f"for={FORGED}"}
                address, told = self.ask(gateway, through, "127.0.0.9", **headers)
                self.assertEqual(address, "127.0.0.9", (through, value))
                self.assertNotIn(FORGED, told or "", (through, value))

    def test_health_checks_of_haproxy(self) -> None:
        """They begin with LOCAL."""

        def checks() -> float:
            # Through HAProxy: the gateway takes no connection without a header
            page = subprocess.run(
                ["curl", "-s", f"http://127.0.0.1:{self.proxies.ports['both']}/actuator/prometheus"],
                capture_output=True,
                check=True,
                text=True,
            ).stdout
            return sum(
                float(line.split()[-1])
                for line in page.splitlines()
                if line.startswith("http_server_requests_total{") and 'liveness"' in line and '"200"' in line
            )

        wait_until(lambda: checks() >= 2, lambda: self.proxies.behind.output)

    def test_without_proxy_header(self) -> None:
        """Even from the address of a proxy, the connection is closed without a word."""
        client = Peer.to(self.proxies.behind.port)
        self.addCleanup(client.close)
        client.say(post({"model": "org/chat"}))
        client.seconds_until_closed()
        self.proxies.behind.wait_for("a connection from 127.0.0.1 is closed: its PROXY header is malformed")

    def test_proxy_header_of_a_stranger(self) -> None:
        """The same request that a proxy may send."""
        curl = ["curl", "-s", "--haproxy-protocol", "-o", "/dev/null", "-w", "%{http_code}", "--interface"]
        url = f"http://127.0.0.1:{self.proxies.behind.port}/actuator/health"
        for address, status in (("127.0.0.1", "200"), ("127.0.0.66", "000")):
            asked = subprocess.run([*curl, address, url], capture_output=True, check=False, text=True)
            self.assertEqual(asked.stdout, status)
        self.proxies.behind.wait_for("a connection from 127.0.0.66 is closed: it is none of the trusted")
