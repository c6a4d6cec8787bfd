"""A certificate is renewed, mended and replaced while a gateway runs with it."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import wait_until
from tests.integration.secure import SecurePair, certificate, replace
from tests.integration.wire import post
from tests.upstream.authority import Issued

QUESTION = {"model": "org/chat", "messages": [{"role": "user", "content": "hi"}]}


class RenewalTests(SynchronousTestCase):
    """A certificate is replaced while the gateway runs."""

    def setUp(self) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        self.pair = SecurePair(folder)
        self.addCleanup(self.pair.stop)
        self.gateway = self.pair.gateway

    def wait_for(self, held: Issued) -> None:
        number = held.certificate.serial_number
        wait_until(lambda: self.gateway.serial() == number, lambda: str(self.gateway))

    def component(self) -> dict[str, Any]:
        status, body = self.gateway.get("/actuator/health")
        self.assertEqual(status, 200)
        found: dict[str, Any] = json.loads(body)["components"]["configuration"]
        return found

    def test_as_certbot_does(self) -> None:
        """The links lead elsewhere from one moment to the next; a stream goes on as it began."""
        self.wait_for(self.pair.first)
        client = self.gateway.peer()
        self.addCleanup(client.socket.close)
        client.say(post({**QUESTION, "stream": True}, "/v1/chat/completions", "X-Simulate: pace;every=0.1"))
        client.until(b"data: ")
        second = certificate()
        self.pair.archive(second, 2)
        self.wait_for(second)
        client.until(b"data: [DONE]")
        self.assertEqual(self.component()["details"]["cause"], "certificates changed")

    def test_sighup(self) -> None:
        second = certificate()
        self.pair.archive(second, 2)
        self.gateway.send_signal(signal.SIGHUP)
        self.wait_for(second)

    def test_broken(self) -> None:
        """The old one stays, and everybody can see why."""
        (self.pair.folder / "pem1").write_bytes(b"nonsense")
        wait_until(lambda: self.component()["status"] == "DEGRADED", lambda: str(self.gateway))
        self.assertEqual(self.gateway.serial(), self.pair.first.certificate.serial_number)
        told = f"server.ssl.certificate: {self.pair.folder / 'live.pem'} holds no certificate in PEM form"
        self.gateway.wait_for(re.escape(told))
        self.assertIn(told, self.component()["details"]["reason"])
        second = certificate()
        self.pair.archive(second, 2)
        self.wait_for(second)
        wait_until(lambda: self.component()["status"] == "UP", lambda: str(self.gateway))

    def test_not_there_yet(self) -> None:
        """The configuration names another file, which comes later; nobody writes the configuration again."""
        second, later = certificate(), self.pair.folder / "later.pem"
        file = json.loads(self.gateway.file.read_text())
        file["server"]["ssl"] |= {"certificate": str(later), "certificate-private-key": str(later)}
        self.gateway.file.write_text(json.dumps(file))
        wait_until(lambda: self.component()["status"] == "DEGRADED", lambda: str(self.gateway))
        replace(later, second.pem + second.key_pem())
        self.wait_for(second)
        wait_until(lambda: self.component()["status"] == "UP", lambda: str(self.gateway))

    def test_soon_to_expire(self) -> None:
        """It is said when it comes into force."""
        self.pair.archive(certificate(days=(-80, 10)), 2)
        self.gateway.wait_for("the certificate expires on .*, in [89] days")

    def test_switched_off(self) -> None:
        """That needs a restart; until then nothing is served without TLS."""
        file = json.loads(self.gateway.file.read_text())
        file["server"]["ssl"]["enabled"] = False
        self.gateway.file.write_text(json.dumps(file))
        self.gateway.wait_for("server.ssl.enabled: False takes effect at the next start")
        self.assertEqual(self.gateway.get("/actuator/health")[0], 200)

    def test_drain(self) -> None:
        """Idle clients, who have no reason to look, do not hold it up."""
        client = self.gateway.peer()
        self.addCleanup(client.socket.close)
        client.say(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        client.until(b"}]}")
        began = time.monotonic()
        self.gateway.send_signal(signal.SIGTERM)
        self.assertEqual(self.gateway.wait(), 0)
        self.assertLess(time.monotonic() - began, 4)  # of 5 that a drain may take
