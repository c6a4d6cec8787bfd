"""Settings of TLS: what applies to which instance, and what instances share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from OpenSSL import SSL

from jairouter.upstream import tls_settings
from jairouter.upstream.tls import BackendTls
from jairouter.upstream.tls_settings import ReadTls
from tests.upstream.authority import issued, root, stranger
from tests.upstream.tls_rig import SettingsCase


class Case(SettingsCase):
    """What contexts are made of.

    Attributes:
        contexts: The options of each that was made.
    """

    def setUp(self) -> None:
        super().setUp()
        self.contexts: list[dict[str, Any]] = []
        self.patch(tls_settings, "client_context", self.context)

    def context(self, **options: Any) -> SSL.Context:
        self.contexts.append(options)
        return SSL.Context(SSL.TLS_CLIENT_METHOD)


class WhatAppliesTests(Case):
    """Keys of `webclient.ssl`, and of an instance over them."""

    def options(self, tls: dict[str, Any] | None, ssl: dict[str, Any] | None = None) -> dict[str, Any]:
        """What the context of one instance is made of."""
        self.read({} if tls is None else {"tls": tls}, ssl=ssl)
        return self.contexts[-1]

    def test_nothing_given(self) -> None:
        """The system's authorities."""
        expected: dict[str, Any] = {"authorities": [], "system": True, "verify": True, "identity": None}
        self.assertEqual(self.options(None), expected)
        self.assertEqual(self.options({}), expected)

    def test_authorities_in_place_of_the_systems(self) -> None:
        options = self.options({"ca-file": self.files["root_pem"]})
        self.assertEqual((options["authorities"], options["system"]), ([root().certificate], False))

    def test_authorities_and_the_systems(self) -> None:
        options = self.options({"ca-file": self.files["root_pem"], "trust-system": True})
        self.assertEqual((options["authorities"], options["system"]), ([root().certificate], True))

    def test_both_kinds_of_authorities(self) -> None:
        keys = {"trust-store": self.files["trust_p12"], "trust-store-password": "opensesame"}
        options = self.options({**keys, "ca-file": self.files["root_pem"]})
        self.assertEqual(options["authorities"], [root().certificate, stranger().certificate])

    def test_trust_all(self) -> None:
        self.assertFalse(self.options({"trust-all": True})["verify"])

    def test_certificate(self) -> None:
        key = {"certificate-private-key": self.files["mine_key"], "key-password": "opensesame"}
        identity = self.options({"certificate": self.files["mine_pem"], **key})["identity"]
        self.assertEqual(identity.certificate, issued("gateway.test").certificate)

    def test_certificate_with_its_key_in_the_same_file(self) -> None:
        identity = self.options({"certificate": self.files["both_pem"]})["identity"]
        self.assertEqual(identity.certificate, issued("gateway.test").certificate)

    def test_key_store(self) -> None:
        for kind in ({}, {"key-store-type": "pkcs12"}):
            keys = {"key-store": self.files["mine_p12"], "key-store-password": "opensesame", **kind}
            self.assertEqual(self.options(keys)["identity"].certificate, issued("gateway.test").certificate)
        keys = {"key-store": self.files["both_pem"], "key-store-type": "PEM"}
        self.assertEqual(self.options(keys)["identity"].certificate, issued("gateway.test").certificate)

    def test_shared_keys(self) -> None:
        options = self.options(None, {"enabled": True, "ca-file": self.files["root_pem"]})
        self.assertEqual(options["authorities"], [root().certificate])

    def test_shared_keys_that_are_not_enabled(self) -> None:
        for enabled in ({}, {"enabled": False}):
            options = self.options({}, {**enabled, "ca-file": self.none})
            self.assertEqual((options["authorities"], options["system"]), ([], True))

    def test_instance_key_by_key(self) -> None:
        """What it does not give comes from further out."""
        shared = {"enabled": True, "ca-file": self.files["root_pem"], "certificate": self.files["both_pem"]}
        options = self.options({"ca-file": self.files["other_pem"]}, shared)
        self.assertEqual(options["authorities"], [stranger().certificate])
        self.assertEqual(options["identity"].certificate, issued("gateway.test").certificate)
        self.assertTrue(self.options({"trust-all": False}, {"enabled": True, "trust-all": True})["verify"])

    def test_instance_that_takes_a_key_back(self) -> None:
        shared = {"enabled": True, "ca-file": self.files["root_pem"]}
        for nothing in (None, ""):
            options = self.options({"ca-file": nothing}, shared)
            self.assertEqual((options["authorities"], options["system"]), ([], True))

    def test_instance_with_another_certificate(self) -> None:
        """The password and kind of another file would open nothing, nor do two certificates make sense."""
        shared = {"key-store": self.files["mine_p12"], "key-store-password": "opensesame"}
        shared = {"enabled": "true", "key-store-type": "PKCS12", **shared}
        identity = self.options({"certificate": self.files["both_pem"]}, shared)["identity"]
        self.assertEqual(identity.certificate, issued("gateway.test").certificate)
        self.assertTrue(self.options({"key-store": self.files["both_pem"]}, shared)["identity"])

    def test_instance_with_another_trust_store(self) -> None:
        shared = {"trust-store": self.files["trust_p12"], "trust-store-password": "opensesame"}
        shared = {"enabled": "true", "trust-store-type": "PKCS12", **shared}
        options = self.options({"trust-store": self.files["root_pem"]}, shared)
        self.assertEqual(options["authorities"], [root().certificate])

    def test_instance_without_any_of_it(self) -> None:
        shared = {"enabled": True, "ca-file": self.files["root_pem"], "trust-all": True}
        options = self.options({"enabled": False, "ca-file": self.none}, shared)
        self.assertEqual((options["authorities"], options["system"], options["verify"]), ([], True, True))

    def test_names_of_another_product(self) -> None:
        keys = {"trust-certificate": self.files["root_pem"], "private-key": self.files["both_pem"]}
        options = self.options({**keys, "certificate": self.files["mine_pem"]})
        self.assertEqual(options["authorities"], [root().certificate])
        self.assertIsNotNone(options["identity"])


class SharingTests(Case):
    """Instances have the same object exactly if they may share connections."""

    def tls(self, *instances: dict[str, Any], ssl: dict[str, Any] | None = None) -> list[BackendTls | None]:
        read = self.read(*instances, ssl=ssl)
        return [read.instances.get(("chat", index)) for index in range(len(instances))]

    def test_equal_options(self) -> None:
        keys = {"tls": {"ca-file": self.files["root_pem"]}}
        one, two, three = self.tls(keys, keys, {}, ssl={"enabled": True, **keys["tls"]})
        self.assertIs(one, two)
        self.assertIs(one, three)
        self.assertEqual(len(self.contexts), 1)

    def test_other_options(self) -> None:
        one, two, three = self.tls(
            {"tls": {"ca-file": self.files["root_pem"]}}, {"tls": {"ca-file": self.files["other_pem"]}}, {}
        )
        self.assertEqual(len({one, two, three}), 3)

    def test_other_name(self) -> None:
        """One context, but not the same connections."""
        one, two, three = self.tls(
            {"tls": {"server-name": "a.test"}},
            {"tls": {"server-name": "b.test"}},
            {"tls": {"serverName": "a.test"}},
        )
        self.assertIs(one, three)
        self.assertIsNot(one, two)
        self.assertEqual(len(self.contexts), 1)

    def test_without_tls(self) -> None:
        self.assertEqual(self.tls({"base-url": "http://10.0.0.1"}), [None])
        self.assertEqual(self.contexts, [])

    def test_no_instance_at_all(self) -> None:
        """Nothing is read for nobody."""
        self.assertEqual(self.read().instances, {})
        self.assertEqual(self.contexts, [])

    def test_instance_that_gets_no_requests(self) -> None:
        """What it names need not be there yet."""
        off = {"enabled": False, "tls": {"ca-file": self.none}}
        self.assertEqual(self.tls(off, {**off, "enabled": True, "status": "inactive"}), [None, None])


class AgainTests(Case):
    """What is read once more, for a reload."""

    def again(self, first: ReadTls, **tls: Any) -> tuple[BackendTls, BackendTls]:
        """What secures an instance before, and after it was read again."""
        second = self.read({"tls": tls}, old=first)
        return first.instances["chat", 0], second.instances["chat", 0]

    def test_nothing_has_changed(self) -> None:
        """Connections that are open stay so."""
        first = self.read({"tls": {"ca-file": self.files["root_pem"]}})
        before, after = self.again(first, **{"ca-file": self.files["root_pem"]})
        self.assertIs(before, after)
        self.assertEqual(len(self.contexts), 1)

    def test_other_name(self) -> None:
        """The context is used again, though what is to be certified is another name."""
        first = self.read({"tls": {"ca-file": self.files["root_pem"]}})
        before, after = self.again(first, **{"ca-file": self.files["root_pem"], "server-name": "b.internal"})
        self.assertIsNot(before, after)
        self.assertEqual(len(self.contexts), 1)

    def test_other_contents_under_the_same_name(self) -> None:
        path = self.mktemp()
        Path(path).write_bytes(Path(self.files["root_pem"]).read_bytes())
        first = self.read({"tls": {"ca-file": path}})
        Path(path).write_bytes(Path(self.files["other_pem"]).read_bytes())
        before, after = self.again(first, **{"ca-file": path})
        self.assertIsNot(before, after)
        self.assertEqual(len(self.contexts), 2)

    def test_other_authorities_of_the_system(self) -> None:
        """As after an upgrade of the package that has them."""
        self.patch(tls_settings, "_system", lambda: (1,))
        first = self.read({})
        self.patch(tls_settings, "_system", lambda: (2,))
        before, after = self.again(first)
        self.assertIsNot(before, after)

    def test_third_time(self) -> None:
        """What was used again is known the next time as well."""
        first = self.read({"tls": {"ca-file": self.files["root_pem"]}})
        second = self.read({"tls": {"ca-file": self.files["root_pem"]}}, old=first)
        before, after = self.again(second, **{"ca-file": self.files["root_pem"]})
        self.assertIs(before, after)
        self.assertEqual(len(self.contexts), 1)
