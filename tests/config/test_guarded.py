"""Tests for `jairouter.config.guarded`: what whoever may change the configuration does not come by."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import edits, placeholders
from jairouter.config.loader import ConfigurationFaults, Loaded, Sources, Stored, Text, build
from jairouter.config.loader import read as sources_of

YAML = b"""
server:
  ssl: {key-store-password: "${TLS_PASSWORD:${TLS_OTHER:x}}"}
  forward-headers: {trusted-proxies: [10.0.0.1]}
security:
  api-key:
    header: "${model.services.chat.instances[0].name}"
    keys: [{name: a, value: "${KEY}", permissions: [admin]}]
  jwt: {secret: "${JWT}"}
  changes: {variables: ["PLAIN", "${LISTED}_*"]}
management: {api: {allow-from: [127.0.0.1]}}
logging: {audit: {enabled: true, file: /tmp/audit.log}}
model.services.chat.instances:
  - {name: m, base-url: "http://127.0.0.1:1", headers: {X-Own: "Bearer ${OPENAI}"}}
"""
ENVIRON = {
    "KEY": "sk-of-the-files-0123456789abcdefghijklmnop",
    "JWT": "k3Vd0q9mXz7TfLr2Wn8YbPc5HsJg1EaU4iRo6KtQvZyD",
    "TLS_PASSWORD": "tls-password",
    "TLS_OTHER": "other-password",
    "OPENAI": "sk-openai",
    "JAIROUTER_TOKEN": "a-token",
    "PLAIN": "plain",
    "LISTED": "BACKEND",
    "BACKEND_KEY": "sk-backend",
    "AWS_SECRET_ACCESS_KEY": "aws-secret",
    "SECURITY_JWT_ISSUER": "https://issuer.test",
}


def sources(environ: dict[str, str] = ENVIRON) -> Sources:
    """The files of these tests."""
    return sources_of([Text("a.yml", YAML)], (), environ)


def over(changes: dict[str, Any]) -> Loaded:
    """The files with stored changes over them."""
    return build(sources(), ENVIRON, Stored(3, changes))


def with_member(name: str, value: Any) -> dict[str, Any]:
    """Changes to the instance."""
    return {"model": {"services": {"chat": {"instances": {"m@http://127.0.0.1:1": {name: value}}}}}}


def with_header(text: str) -> dict[str, Any]:
    """Changes that give the instance another header."""
    return with_member("headers", {"X-Mine": text})


class GuardedTests(SynchronousTestCase):
    """Changes over files that keep something secret."""

    def refused(self, changes: dict[str, Any]) -> ConfigurationFaults:
        """The faults of changes."""
        with self.assertRaises(ConfigurationFaults) as raised:
            over(changes)
        faults: ConfigurationFaults = raised.exception
        return faults

    def test_who_may_call_is_not_changed(self) -> None:
        hole = {"name": "b", "value": "${PLAIN}", "permissions": ["admin"]}
        for path, changes in (
            ("security", {"security": {"enabled": False}}),
            ("security", {"jairouter": {"security": {"api-key": {"enabled": False}}}}),
            ("security", {"security": {"api-key": {"keys": [hole]}}}),
            ("security", {"security": {"jwt": {"issuer": "me"}}}),
            ("security", {"security": None}),
            ("security", {"security": {"$patch": "replace"}}),
            ("security", {"security.validation.cors.allowed-origins": ["https://a.test"]}),
            ("management.api", {"management": {"api": {"allow-from": ["0.0.0.0/0"]}}}),
            ("management.api", {"management": None}),
            ("logging.audit", {"logging": {"audit": {"enabled": False}}}),
            ("logging.audit", {"logging": {"$patch": "replace"}}),
            ("logging.file", {"logging": {"file": {"name": "/etc/cron.d/x"}}}),
            ("logging.file", {"logging.file.max-history": 1}),
            ("logging.file", {"logging": {"logback": {"rollingpolicy": {"max-history": 1}}}}),
            ("logging.access.file", {"logging": {"access": {"file": "/etc/cron.d/x"}}}),
            ("server.forward-headers", {"server": {"forward-headers": {"trusted-proxies": ["0.0.0.0/0"]}}}),
            ("server.ssl", {"server": {"ssl": None}}),
            ("logging.file", {"logging": {"file": {"name": "/etc/cron.d/jairouter"}}}),
        ):
            self.assertIn(path, {each.path for each in self.refused(changes).faults}, changes)

    def test_nor_is_it_read(self) -> None:
        """An expression may take all memory to be understood; and where nothing was, nothing is put back."""
        pattern = {"response": {"pii-patterns": ["("]}}
        whole = {"$patch": "replace", "sanitization": pattern}
        for changes in ({"security": {"sanitization": pattern}}, {"security": whole}):
            self.assertEqual([each.path for each in self.refused(changes).faults], ["security"])
        bare = sources_of([Text("a.yml", b"server.port: 1")], ())
        with self.assertRaises(ConfigurationFaults) as raised:
            build(bare, {}, Stored(1, {"security": {"sanitization": pattern}}))
        self.assertEqual([each.path for each in raised.exception.faults], ["security"])

    def test_nor_by_what_the_files_take_from_elsewhere(self) -> None:
        """The header of keys is the name of an instance here, which may be changed otherwise."""
        told = self.refused(with_member("name", "X-Anything")).faults
        self.assertEqual([each.path for each in told], ["security"])

    def test_all_else_is_changed(self) -> None:
        self.assertEqual(over({"server": {"port": 81}}).settings.server.port, 81)
        self.assertEqual(over({"logging": {"level": {"root": "debug"}}}).stored, 3)
        self.assertEqual(over({"logging": {"access": {"enabled": False}}}).stored, 3)

    def test_secrets_of_the_gateway_are_not_sent_elsewhere(self) -> None:
        for text in (
            "${JWT}",
            "Bearer ${JWT:x}",
            "${ JWT }",
            "${J${NOTHING:WT}}",
            "${NOTHING:${JWT}}",
            "${KEY}",
            "${TLS_PASSWORD}",
            "${TLS_OTHER}",
            "${security.jwt.secret}",
            "${jairouter.security.jwt.secret}",
            "${SECURITY_JWT_ISSUER}",
            "${security.api-key.keys[0].value}",
            "${JAIROUTER_TOKEN}",
            "${JAIROUTER_THAT_IS_NOT_THERE:x}",
        ):
            faults = self.refused(with_header(text))
            self.assertIn("stored changes cannot use", str(faults), text)
            for secret in ENVIRON.values():
                self.assertNotIn(secret, str(faults))

    def test_nor_by_a_way_round(self) -> None:
        """Another value that is sent somewhere, or one that asks for a value that asks for it."""
        for member in ("name", "base-url", "path", "instance-id"):
            self.assertIn(
                "stored changes cannot use", str(self.refused(with_member(member, "${JWT}"))), member
            )
        told = self.refused({**with_header("${tracing.service-name}"), "tracing": {"service-name": "${JWT}"}})
        self.assertIn("stored changes cannot use", str(told))

    def test_variables_that_the_files_name_and_keys_are_used(self) -> None:
        for text in ("Bearer ${PLAIN}", "${BACKEND_KEY}", "${server.port:8080}", "\\${JWT}"):
            self.assertEqual(over(with_header(text)).stored, 3, text)

    def test_no_other_variable_is_used(self) -> None:
        """It could be sent anywhere; and whether there is such a variable is not told either."""
        for text in (
            "${AWS_SECRET_ACCESS_KEY}",
            "${OPENAI}",
            "${ OPENAI }",
            "${PLAIN:${OPENAI}}${OPENAI:x}",
            "${OPE${PLAIN:x}:${NOTHING:y}}",
            "${NOTHING:x}",
            "${XBACKEND_KEY:x}",
            "${PLAINER:x}",
            "${server.no-such-key:x}",
        ):
            told = str(self.refused(with_header(text)))
            self.assertIn("model.services.chat.instances[0].headers.X-Mine: the placeholder", told, text)
            self.assertIn("no variable that security.changes.variables names", told, text)
            self.assertNotIn("secret", told.replace("AWS_SECRET", ""), text)

    def test_nor_what_another_instance_has(self) -> None:
        for key in (
            "headers.X-Own",
            "headers.X_OWN",
            "headers",
            "base-url",
            "path:x",
            "api-key:x",
        ):
            told = str(self.refused(with_header(f"${{model.services.chat.instances[0].{key}}}")))
            self.assertIn("stored changes cannot use: it ", told, key)

    def test_without_a_list_there_is_no_variable(self) -> None:
        files = sources_of(
            [Text("a.yml", b"model.services.chat.instances: [{name: m, url: 'http://a'}]")], ()
        )
        headers = {
            "model": {"services": {"chat": {"instances": {"m@http://a": {"headers": {"X": "${A:x}"}}}}}}
        }
        with self.assertRaises(ConfigurationFaults):
            build(files, {"A": "b"}, Stored(1, headers))

    def test_the_list_may_come_from_the_environment(self) -> None:
        environ = {"A_1": "b", "C": "d", "SECURITY_CHANGES_VARIABLES": "A_*, C"}
        files = sources_of(
            [Text("a.yml", b"model.services.chat.instances: [{name: m, url: 'http://a'}]")], ()
        )
        added = {"X": "${A_1}", "Y": "${C}"}
        changes = {"model": {"services": {"chat": {"instances": {"m@http://a": {"headers": added}}}}}}
        headers = (
            build(files, environ, Stored(1, changes)).settings.model.services["chat"].instances[0].headers
        )
        self.assertEqual({name: each.reveal() for name, each in headers.items()}, {"X": "b", "Y": "d"})

    def test_the_files_use_what_they_like(self) -> None:
        loaded = over(with_header("x"))
        self.assertEqual(loaded.settings.security.api_key.keys[0].permissions, ("admin",))

    def test_edits_that_repeat_what_is_there_change_nothing(self) -> None:
        """An answer may be sent back as it is."""
        same = {
            "management": {"api": {"allow-from": ["127.0.0.1"]}},
            "security": {"jwt": {"secret": "${JWT}"}},
        }
        loaded = build(sources(), ENVIRON)
        for edit in (edits.merge(same), edits.replace_all(same)):
            self.assertEqual(edit(loaded, {}), {})

    def test_placeholders_that_stand_for_many(self) -> None:
        """Forty times forty, and so on: with a few more of them it would never end."""
        levels = {f"l{each}": f"${{logging.level.l{each - 1}:}}" * 40 for each in range(1, 3)}
        told = str(self.refused({"logging": {"level": levels}}))
        self.assertIn("logging.level.l2: there are more placeholders in it, or in all, than is allowed", told)

    def test_placeholders_that_stand_for_long_texts(self) -> None:
        """Of a few of them alone each is fine."""
        self.patch(placeholders, "_MOST", 250)
        text = {"l0": "x" * 9_000, **{f"l{each}": "${logging.level.l0}" for each in range(1, 5)}}
        told = str(self.refused({"logging": {"level": text}}))
        self.assertNotIn("logging.level.l2: there are more placeholders", told)
        self.assertIn("logging.level.l4: there are more placeholders", told)
