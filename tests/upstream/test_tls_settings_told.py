"""What an operator is told about the settings of TLS: faults, all at once, and notices."""

from __future__ import annotations

from pathlib import Path

from jairouter.config.faults import ConfigurationFaults
from jairouter.upstream.tls_settings import read_tls
from tests.upstream.authority import NOW, issue, root, weak
from tests.upstream.tls_rig import URL, SettingsCase

MISSING = "cannot be read: No such file or directory"


class FaultTests(SettingsCase):
    """What cannot be used is told with file, key and reason, all of it at once."""

    def test_all_at_once(self) -> None:
        faults = self.faults(
            {"tls": {"ca-file": self.none, "key-store": self.files["mine_p12"], "key-store-password": "x"}},
            {"tls": {"certificate": self.files["mine_pem"]}},
            ssl={"enabled": True, "trust-store": self.files["mine_key"]},
        )
        place = "model.services.chat.instances"
        self.assertEqual(
            sorted(faults),
            [
                f"{place}[0].tls.ca-file: {self.none} {MISSING}",
                f"{place}[0].tls.key-store: {self.files['mine_p12']} is not opened by its password",
                f"{place}[1].tls.certificate: {self.files['mine_pem']} holds no private key in PEM form "
                "(-----BEGIN PRIVATE KEY-----)",
                f"webclient.ssl.trust-store: {self.files['mine_key']} holds no certificate in PEM form "
                "(-----BEGIN CERTIFICATE-----)",
            ],
        )

    def test_place(self) -> None:
        """Where the key is written."""
        error = self.assertRaises(ConfigurationFaults, self.read, {"tls": {"ca-file": self.none}})
        told = f"a.yml:11: model.services.chat.instances[0].tls.ca-file: {self.none} {MISSING}"
        self.assertEqual(str(error), told)

    def test_shared_key_is_told_once(self) -> None:
        """However many instances it applies to; also if there is none."""
        ssl = {"enabled": True, "ca-file": self.none}
        told = [f"webclient.ssl.ca-file: {self.none} {MISSING}"]
        self.assertEqual(self.faults({}, {}, ssl=ssl), told)
        self.assertEqual(self.faults(ssl=ssl), told)

    def test_same_file_at_two_instances(self) -> None:
        faults = self.faults({"tls": {"ca-file": self.none}}, {"tls": {"ca-file": self.none}})
        self.assertEqual(len(faults), 2)

    def test_certificate_and_key(self) -> None:
        """Each of the two has a fault of its own."""
        keys = {"certificate": self.none, "certificate-private-key": self.none + "2"}
        place = "model.services.chat.instances[0].tls.certificate"
        expected = [f"{place}: {self.none} {MISSING}", f"{place}-private-key: {self.none}2 {MISSING}"]
        self.assertEqual(self.faults({"tls": keys}), expected)

    def test_key_that_belongs_to_another(self) -> None:
        keys = {"certificate": self.files["root_pem"], "certificate-private-key": self.files["both_pem"]}
        [fault] = self.faults({"tls": keys})
        self.assertTrue(fault.startswith("model.services.chat.instances[0].tls.certificate: "), fault)
        self.assertIn("does not belong", fault)

    def test_key_that_openssl_refuses(self) -> None:
        """It reads well, and is too short to protect anything."""
        Path(self.none).write_bytes(weak())
        [fault] = self.faults({"tls": {"certificate": self.none}})
        self.assertIn(f"tls.certificate: {self.none} is not accepted by OpenSSL: ee key too small", fault)

    def test_java_key_store(self) -> None:
        path = self.none + ".jks"
        Path(path).write_bytes(b"\xfe\xed\xfe\xed")
        [fault] = self.faults(ssl={"enabled": True, "trust-store": path, "trust-store-type": "JKS"})
        self.assertIn("keytool -importkeystore", fault)

    def test_authorities_that_are_not_pem(self) -> None:
        [fault] = self.faults({"tls": {"ca-file": self.files["trust_p12"]}})
        self.assertIn("tls.ca-file: ", fault)
        self.assertIn("holds no certificate in PEM form", fault)

    def test_two_certificates(self) -> None:
        [fault] = self.faults({"tls": {"certificate": "a", "key-store": "b"}})
        self.assertIn("instances[0].tls.key-store: give either certificate or key-store", fault)

    def test_key_without_certificate(self) -> None:
        [fault] = self.faults({"tls": {"certificate-private-key": "a"}})
        self.assertIn("instances[0].tls.certificate-private-key: certificate is not given", fault)

    def test_no_secret_is_shown(self) -> None:
        keys = {
            "key-store": self.files["mine_p12"],
            "key-store-password": "hunter2",
            "key-password": "hunter3",
        }
        loaded = self.load({"tls": {**keys, "trust-store": self.none, "trust-store-password": "hunter4"}})
        error = self.assertRaises(ConfigurationFaults, read_tls, loaded.settings, loaded.origins, NOW)
        self.assertNotIn("hunter", str(error) + repr(error) + repr(loaded.settings))

    def test_without_knowing_where_keys_were_written(self) -> None:
        loaded = self.load({"tls": {"ca-file": self.none}})
        error = self.assertRaises(ConfigurationFaults, read_tls, loaded.settings)
        self.assertEqual(str(error), f"model.services.chat.instances[0].tls.ca-file: {self.none} {MISSING}")


class NoticeTests(SettingsCase):
    """What is worth knowing."""

    def test_all_is_well(self) -> None:
        ssl = {"enabled": True, "ca-file": self.files["root_pem"], "certificate": self.files["both_pem"]}
        self.assertEqual(self.notices({}, ssl=ssl), [])

    def test_trust_all(self) -> None:
        """Each instance is named, with the key that did it."""
        told = self.notices(
            {"tls": {"trust-all": True}}, {}, {"tls": {"trust-all": False}}, ssl={"enabled": True}
        )
        place = "model.services.chat.instances[0]"
        expected = f"{place} (m0): the certificate of {URL} is not checked ({place}.tls.trust-all)"
        self.assertEqual(told, [expected + ": anybody in between can pass for it"])
        told = self.notices({}, {}, ssl={"enabled": True, "trust-all": True})
        self.assertEqual(len(told), 2)
        self.assertIn("instances[1] (m1)", told[1])
        self.assertIn("(webclient.ssl.trust-all)", told[1])

    def test_place(self) -> None:
        [notice] = self.read({"tls": {"trust-all": True}}).notices
        self.assertTrue(str(notice).startswith("a.yml:11: "), notice)

    def test_expired(self) -> None:
        """It may be renewed while the gateway runs elsewhere with the same file; so this is no fault."""
        old = issue("old.test", by=root(), days=(-3, -2))
        Path(self.none).write_bytes(old.pem + old.key_pem())
        [told] = self.notices({"tls": {"certificate": self.none}})
        key = "model.services.chat.instances[0].tls.certificate"
        self.assertTrue(
            told.startswith(f"{key}: {self.none}: the certificate CN=old.test has expired on "), told
        )

    def test_without_knowing_the_time(self) -> None:
        """Nothing is said of what has expired."""
        old = issue("old.test", authority=True, days=(-3, -2))
        Path(self.none).write_bytes(old.pem)
        loaded = self.load({"tls": {"ca-file": self.none}})
        self.assertEqual(read_tls(loaded.settings, loaded.origins).notices, ())

    def test_authority_that_is_not_valid_yet(self) -> None:
        young = issue("young.test", authority=True, days=(2, 3))
        Path(self.none).write_bytes(root().pem + young.pem)
        [told] = self.notices({"tls": {"ca-file": self.none}})
        self.assertIn("the certificate CN=young.test is not valid before ", told)

    def test_tls_of_an_instance_without_tls(self) -> None:
        """Somebody has forgotten an s, perhaps. The files are not looked at."""
        [told] = self.notices({"base-url": "http://10.0.0.1", "tls": {"ca-file": self.none}})
        expected = "model.services.chat.instances[0].tls has no effect: base-url is not https"
        self.assertEqual(told, expected)
        for tls in ({"enabled": False, "ca-file": self.none}, {}):
            self.assertEqual(self.notices({"base-url": "http://10.0.0.1", "tls": tls}), [])

    def test_not_enabled(self) -> None:
        """It looks like safety, and is none."""
        told = "webclient.ssl has no effect: webclient.ssl.enabled is not true"
        self.assertEqual(self.notices({}, ssl={"ca-file": self.none, "key-store": self.none}), [told])
        self.assertEqual(self.notices({}, ssl={"ca-file": self.none, "enabled": False}), [])
