"""Tests for `jairouter.tls.listener`: what `server.ssl` amounts to, or what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.faults import ConfigurationFaults
from jairouter.config.files import Text
from jairouter.config.loader import load
from jairouter.tls.listener import ListenerTls
from jairouter.upstream.tls_settings import ReadTls, read_tls
from tests.upstream.authority import NOW, issue, issued, root, stranger, trust_store, weak, write


class Case(SynchronousTestCase):
    """A folder with files, and configurations that name them."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        mine, long = issued("gateway.test"), issue("long.test", by=root(), days=(-1, 90))
        self.long = long
        self.files = write(
            self.folder,
            long_pem=long.pem + root().pem,
            long_key=long.key_pem(),
            secret_key=long.key_pem("opensesame"),
            both_pem=long.pem + long.key_pem(),
            mine_pem=mine.pem,
            mine_key=mine.key_pem(),
            mine_p12=mine.store("opensesame"),
            root_pem=root().pem,
            trust_p12=trust_store("opensesame", root().certificate, stranger().certificate),
            java_jks=b"\xfe\xed\xfe\xed\x00\x00\x00\x02",
            weak_pem=weak(),
        )
        self.pair = {
            "certificate": self.files["long_pem"],
            "certificate-private-key": self.files["long_key"],
        }
        self.store = {"key-store": self.files["mine_p12"], "key-store-password": "opensesame"}

    def read(self, ssl: dict[str, Any]) -> ReadTls:
        """One key on each line, the first of `server.ssl` on line 4."""
        text = json.dumps({"server": {"ssl": ssl}}, indent=1)
        loaded = load([Text("a.yml", text.encode())], (), {})
        return read_tls(loaded.settings, loaded.origins, NOW)

    def listener(self, **keys: Any) -> ListenerTls:
        found = self.read(
            {"enabled": True, **{name.replace("_", "-"): x for name, x in keys.items()}}
        ).listener
        assert found is not None
        return found

    def faults(self, ssl: dict[str, Any]) -> list[str]:
        error = self.assertRaises(ConfigurationFaults, self.read, {"enabled": True, **ssl})
        return [f"{fault.path}: {fault.text}" for fault in error.faults]

    def notices(self, ssl: dict[str, Any]) -> list[str]:
        return [each.text for each in self.read(ssl).notices]


class ReadTests(Case):
    """What is read."""

    def test_off(self) -> None:
        for ssl in ({}, {"enabled": False, **self.pair}):
            found = self.read(ssl)
            self.assertEqual((found.listener, found.notices), (None, ()))

    def test_forgotten_switch(self) -> None:
        """Whoever names a certificate and has TLS on nothing is told."""
        told = "server.ssl has no effect: server.ssl.enabled is not true"
        self.assertEqual(self.notices(self.pair), [told])

    def test_certificate(self) -> None:
        found = self.listener(**self.pair)
        self.assertEqual(found.identity.certificate, self.long.certificate)
        self.assertEqual(found.identity.chain, (root().certificate,))
        self.assertEqual(found.files, (self.files["long_pem"], self.files["long_key"]))
        self.assertEqual(found.expires, self.long.certificate.not_valid_after_utc)
        self.assertEqual((found.client_auth, found.versions), ("none", ("TLSv1.2", "TLSv1.3")))

    def test_key_in_the_same_file(self) -> None:
        self.assertEqual(
            self.listener(certificate=self.files["both_pem"]).identity.certificate, self.long.certificate
        )

    def test_encrypted_key(self) -> None:
        keys = {**self.pair, "certificate-private-key": self.files["secret_key"]}
        self.listener(**keys, key_password="opensesame")
        place = f"server.ssl.certificate-private-key: {self.files['secret_key']}"
        self.assertEqual(self.faults(keys), [f"{place} holds an encrypted private key; give key-password"])

    def test_key_store(self) -> None:
        found = self.listener(**self.store, key_store_type="PKCS12", key_alias="X")
        self.assertEqual(found.identity.certificate, issued("gateway.test").certificate)

    def test_client_certificates(self) -> None:
        """Who may make them: both files together."""
        store = {"trust-store": self.files["trust_p12"], "trust-store-password": "opensesame"}
        keys = {**self.pair, **store, "trust-certificate": self.files["root_pem"]}
        for wanted, mode in (("want", 0), ("need", SSL.VERIFY_FAIL_IF_NO_PEER_CERT)):
            found = self.listener(**keys, client_auth=wanted)
            self.assertEqual(found.authorities, (root().certificate, stranger().certificate))
            self.assertEqual(found.context().get_verify_mode(), SSL.VERIFY_PEER | mode)

    def test_files_differ(self) -> None:
        """From one moment to the next, as when somebody writes a new certificate, or takes it away."""
        found = self.listener(**self.pair)
        path = Path(self.files["long_key"])
        before = path.read_bytes()
        self.assertFalse(found.files_differ())
        path.write_bytes(before + b"\n")
        self.assertTrue(found.files_differ())
        path.unlink()
        self.assertTrue(found.files_differ())
        path.write_bytes(before)
        self.assertFalse(found.files_differ())


class FaultTests(Case):
    """What keeps a configuration from being used."""

    def test_nothing_to_show(self) -> None:
        told = "needs certificate and certificate-private-key, or key-store"
        self.assertEqual(self.faults({}), [f"server.ssl.enabled: {told}"])

    def test_all_at_once(self) -> None:
        none = str(self.folder / "none")
        faults = self.faults(
            {"certificate": none, "trust-certificate": none, "client-auth": "need", "ciphers": ["nonsense"]}
        )
        missing = f"{none} cannot be read: No such file or directory"
        self.assertEqual(
            faults,
            [
                f"server.ssl.certificate: {missing}",
                f"server.ssl.trust-certificate: {missing}",
                "server.ssl.ciphers[0]: OpenSSL knows no cipher suite nonsense",
            ],
        )

    def test_with_those_of_backends(self) -> None:
        """Both are told."""
        none = str(self.folder / "none")
        text = json.dumps(
            {"server": {"ssl": {"enabled": True}}, "webclient": {"ssl": {"enabled": True, "ca-file": none}}}
        )
        loaded = load([Text("a.yml", text.encode())], (), {})
        error = self.assertRaises(ConfigurationFaults, read_tls, loaded.settings, loaded.origins)
        paths = sorted(fault.path for fault in error.faults)
        self.assertEqual(paths, ["server.ssl.enabled", "webclient.ssl.ca-file"])

    def test_files_that_were_read(self) -> None:
        """Any of them may have to be mended."""
        keys = {**self.pair, "certificate": self.files["mine_pem"], "trust-certificate": "/none"}
        error = self.assertRaises(ConfigurationFaults, self.read, {"enabled": True, **keys})
        self.assertEqual(error.files, (self.files["mine_pem"], self.files["long_key"], "/none"))

    def test_place(self) -> None:
        error = self.assertRaises(
            ConfigurationFaults, self.read, {"enabled": True, **self.pair, "client-auth": "need"}
        )
        told = "need needs trust-certificate or trust-store: whose certificates are good?"
        self.assertEqual(str(error), f"a.yml:7: server.ssl.client-auth: {told}")

    def test_key_of_another_certificate(self) -> None:
        keys = {**self.pair, "certificate-private-key": self.files["mine_key"]}
        told = "begins with a certificate that the private key of certificate-private-key does not belong to"
        self.assertEqual(self.faults(keys), [f"server.ssl.certificate: {self.files['long_pem']} {told}"])

    def test_contradictions(self) -> None:
        self.assertEqual(
            self.faults({**self.pair, **self.store}),
            ["server.ssl.key-store: give either certificate or key-store"],
        )
        keys = {**self.store, "certificate-private-key": self.files["long_key"]}
        self.assertEqual(self.faults(keys), ["server.ssl.certificate-private-key: certificate is not given"])

    def test_java_key_store(self) -> None:
        """It is said how to convert it."""
        [told] = self.faults({"key-store": self.files["java_jks"], "key-store-type": "JKS"})
        self.assertIn("server.ssl.key-store: ", told)
        self.assertIn("is a key store of a kind that only Java reads; convert it: keytool", told)

    def test_alias(self) -> None:
        told = "there is no such entry; the one with a private key is called x"
        self.assertEqual(self.faults({**self.store, "key-alias": "y"}), [f"server.ssl.key-alias: {told}"])

    def test_weak_key(self) -> None:
        told = "is not accepted by OpenSSL: ee key too small"
        self.assertEqual(
            self.faults({"certificate": self.files["weak_pem"]}),
            [f"server.ssl.certificate: {self.files['weak_pem']} {told}"],
        )

    def test_versions(self) -> None:
        """Those that are out of use."""
        [told] = self.faults({**self.pair, "enabled-protocols": ["TLSv1.1", "TLSv1.2"]})
        self.assertIn("server.ssl.enabled-protocols[0]: ", told)
        self.assertIn("one of TLSv1.2, TLSv1.3", told)
        told = "name at least one of TLSv1.2, TLSv1.3"
        self.assertEqual(
            self.faults({**self.pair, "enabled-protocols": []}), [f"server.ssl.enabled-protocols: {told}"]
        )

    def test_no_secrets(self) -> None:
        [told] = self.faults({**self.store, "key-store-password": "wrong-word"})
        self.assertEqual(
            told, f"server.ssl.key-store: {self.files['mine_p12']} is not opened by its password"
        )


class NoticeTests(Case):
    """What is to be known."""

    def about(self, days: tuple[int, int]) -> list[str]:
        held = issue("dated.test", by=root(), days=days)
        path = write(self.folder, dated_pem=held.pem + held.key_pem())["dated_pem"]
        told = self.notices({"enabled": True, "certificate": path})
        return [each.replace(f"server.ssl.certificate: {path}: the certificate ", "") for each in told]

    def test_expired(self) -> None:
        [told] = self.about((-2, -1))
        self.assertRegex(told, r"^CN=dated.test has expired on \d{4}-\d\d-\d\d$")

    def test_not_yet(self) -> None:
        [told] = self.about((1, 30))
        self.assertRegex(told, r"^CN=dated.test is not valid before \d{4}-\d\d-\d\d$")

    def test_soon(self) -> None:
        [told] = self.about((-1, 14))
        self.assertRegex(told, r"^expires on \d{4}-\d\d-\d\d, in \d+ days$")
        self.assertEqual(self.about((-1, 16)), [])

    def test_authorities_that_nobody_needs(self) -> None:
        told = self.notices({"enabled": True, **self.pair, "trust-certificate": self.files["root_pem"]})
        self.assertEqual(told, ["server.ssl.trust-certificate has no effect: server.ssl.client-auth is none"])
