"""Tests of environment variables that override keys."""

from __future__ import annotations

import itertools

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.loader import load
from tests.config.reading import faults_of, read

CHAT = """
model.services.chat:
  instances:
  - {name: a, base-url: http://a, headers: {X-Api-Key: x}}
  - {name: b, base-url: http://b}
"""


class OverrideTests(SynchronousTestCase):
    """Variables that stand for keys."""

    def test_a_variable_overrides_a_file(self) -> None:
        self.assertEqual(read("server.port: 1", environ={"SERVER_PORT": "2"}).settings.server.port, 2)

    def test_words_of_a_key_may_be_joined_or_parted(self) -> None:
        for name in ("WEBCLIENT_READTIMEOUT", "WEBCLIENT_READ_TIMEOUT", "JAIROUTER_WEBCLIENT_READ_TIMEOUT"):
            self.assertEqual(load([], (), {name: "7s"}).settings.webclient.read_timeout, 7)

    def test_keys_of_services(self) -> None:
        environ = {"MODEL_SERVICES_CHAT_LOAD_BALANCE_TYPE": "ROUND_ROBIN"}
        environ |= {"MODEL_SERVICES_IMG_GEN_ADAPTER": "gpustack"}
        services = read(CHAT, environ=environ).settings.model.services
        balance = services["chat"].load_balance
        self.assertEqual(balance and balance.type, "round-robin")
        self.assertEqual(services["imgGen"].adapter, "gpustack")

    def test_elements_of_lists(self) -> None:
        for name in ("MODEL_SERVICES_CHAT_INSTANCES_1_WEIGHT", "MODEL_SERVICES_CHAT_INSTANCES[1]_WEIGHT"):
            instances = read(CHAT, environ={name: "4"}).settings.model.services["chat"].instances
            self.assertEqual([instance.weight for instance in instances], [1, 4])

    def test_a_further_element_of_a_list(self) -> None:
        prefix = "MODEL_SERVICES_CHAT_INSTANCES_2_"
        environ = {f"{prefix}NAME": "c", f"{prefix}BASE_URL": "http://c"}
        instances = read(CHAT, environ=environ).settings.model.services["chat"].instances
        self.assertEqual([instance.name for instance in instances], ["a", "b", "c"])

    def test_a_gap_in_a_list_is_a_fault(self) -> None:
        (found,) = faults_of(CHAT, environ={"MODEL_SERVICES_CHAT_INSTANCES_7_WEIGHT": "4"})
        self.assertIn("instances[7]: there is no [6]", found)

    def test_names_that_a_file_chose_are_recognised(self) -> None:
        environ = {"MODEL_SERVICES_CHAT_INSTANCES_0_HEADERS_X_API_KEY": "y"}
        instances = read(CHAT, environ=environ).settings.model.services["chat"].instances
        self.assertEqual({k: v.reveal() for k, v in instances[0].headers.items()}, {"X-Api-Key": "y"})

    def test_variables_of_other_programs_are_left_alone(self) -> None:
        environ = {"PATH": "/bin", "HOME": "/", "SERVER_SOFTWARE": "x", "MODEL": "y", "LOGGING": "z"}
        environ |= {"SERVER": "1", "_": "x", "server_port": "1", "STORE_": "x", "SERVER__PORT": "x"}
        self.assertEqual(load([], (), environ).settings, load([]).settings)

    def test_variables_of_kubernetes_are_left_alone(self) -> None:
        environ = {"JAIROUTER_SERVICE_HOST": "10.0.0.1", "JAIROUTER_SERVICE_PORT": "80"}
        environ |= {"JAIROUTER_PORT": "tcp://10.0.0.1:80", "SERVER_PORT": "tcp://10.0.0.2:80"}
        environ |= {"JAIROUTER_PORT_80_TCP_ADDR": "10.0.0.1", "JAIROUTER_SERVICE_PORT_HTTP": "80"}
        self.assertEqual(load([], (), environ).settings, load([]).settings)

    def test_the_prefix_makes_an_unknown_name_a_fault(self) -> None:
        (found,) = faults_of("", environ={"JAIROUTER_SERVER_PROT": "1"})
        self.assertIn("environment variable JAIROUTER_SERVER_PROT: no key has this name", found)

    def test_a_name_that_a_placeholder_asks_for_is_no_fault(self) -> None:
        loaded = read("server.port: ${JAIROUTER_DEMO_PORT:1}", environ={"JAIROUTER_DEMO_PORT": "2"})
        self.assertEqual(loaded.settings.server.port, 2)

    def test_an_empty_variable_is_as_good_as_none(self) -> None:
        self.assertEqual(read("server.port: 5", environ={"SERVER_PORT": ""}).settings.server.port, 5)

    def test_a_bad_value_names_the_variable(self) -> None:
        (found,) = faults_of("", environ={"SERVER_PORT": "x"})
        told = 'server.port: expected an integer from 0 to 65535, found "x"'
        self.assertEqual(found, f"environment variable SERVER_PORT: {told}")

    def test_two_variables_that_differ_are_a_fault(self) -> None:
        environ = {"WEBCLIENT_READTIMEOUT": "1", "WEBCLIENT_READ_TIMEOUT": "2"}
        self.assertEqual(len(faults_of("", environ=environ)), 1)

    def test_variables_of_deployment_files_give_notices(self) -> None:
        environ = {"JAVA_OPTS": "-Xmx1g", "CLUSTER_NODES": "a", "INSTANCE_ID": "1"}
        told = [notice.text for notice in load([], (), environ).notices]
        self.assertEqual(len(told), 3)
        self.assertIn("JAVA_OPTS is not applicable: there is no Java virtual machine", told)

    def test_not_where_the_configuration_names_them(self) -> None:
        """As the guide's does."""
        loaded = read(
            "management.metrics.tags.instance: ${INSTANCE_ID:unknown}", environ={"INSTANCE_ID": "1"}
        )
        self.assertEqual(loaded.notices, ())

    def test_what_is_not_text_is_a_fault(self) -> None:
        self.assertEqual(len(faults_of("", environ={"SERVER_ADDRESS": "\udcff"})), 1)


class PlaceholderTests(SynchronousTestCase):
    """What `${...}` stands for."""

    def _name(self, text: str, **environ: str) -> str:
        return read(f"spring.application.name: '{text}'", environ=environ).settings.spring.application.name

    def test_variables_and_defaults(self) -> None:
        self.assertEqual(self._name("a ${X} b", X="1"), "a 1 b")
        self.assertEqual(self._name("${X:d}"), "d")
        self.assertEqual(self._name("${X:d}", X=""), "")
        self.assertEqual(self._name("<${X:}>"), "<>")
        self.assertEqual(self._name("${X:http://h:1/}"), "http://h:1/")
        self.assertEqual(self._name("${X:${Y:z}}"), "z")
        self.assertEqual(self._name("${X${Y}}", Y="1", X1="one"), "one")

    def test_other_keys(self) -> None:
        self.assertEqual(self._name("${server.port:9}"), "9")
        text = "server.port: 7\nspring.application.name: p${SERVER-PORT:}${server.port}"
        self.assertEqual(read(text).settings.spring.application.name, "p7")

    def test_the_active_profiles(self) -> None:
        text = "spring.application.name: ${spring.profiles.active:default}"
        self.assertEqual(read(text, ["a,b"]).settings.spring.application.name, "a,b")
        self.assertEqual(read(text).settings.spring.application.name, "default")

    def test_typed_values(self) -> None:
        loaded = read("server.port: ${P:81}\nmodel.rate-limit.enabled: ${ON}", environ={"ON": "yes"})
        self.assertEqual(loaded.settings.server.port, 81)
        self.assertTrue(loaded.settings.model.rate_limit.enabled)

    def test_an_escaped_placeholder_is_text(self) -> None:
        self.assertEqual(self._name(r"\${X}"), "${X}")

    def test_what_a_variable_holds_is_not_looked_into(self) -> None:
        self.assertEqual(self._name("${X}", X="${Y}"), "${Y}")

    def test_unresolved_placeholders_are_faults_with_their_place(self) -> None:
        (found,) = faults_of("\nspring.application.name: ${NOPE}")
        self.assertIn("a.yml:2: spring.application.name: the placeholder ${NOPE} stands for", found)

    def test_cycles_are_faults(self) -> None:
        text = "store.path: ${logging.file.name}\nlogging.file.name: ${store.path}"
        self.assertEqual(len(faults_of(text)), 2)
        self.assertEqual(len(faults_of("store.path: ${store.path}")), 1)

    def test_unclosed_and_absurdly_nested_placeholders_are_faults(self) -> None:
        self.assertEqual(len(faults_of("store.path: ${A")), 1)
        self.assertEqual(len(faults_of(f"store.path: {'${A:' * 500}{'}' * 500}")), 1)

    def test_expansion_is_bounded(self) -> None:
        keys = ["server.ssl.certificate", "server.ssl.key-store", "server.ssl.key-alias"]
        keys += ["server.ssl.trust-store", "server.ssl.key-store-type", "server.ssl.protocol"]
        lines = [f"{keys[0]}: {'x' * 1000}"]
        lines += (f"{b}: {('${' + a + '}') * 20}" for a, b in itertools.pairwise(keys))
        self.assertTrue(faults_of("\n".join(lines)))

    def test_they_are_not_looked_into_where_keys_have_no_meaning(self) -> None:
        self.assertEqual(len(read("spring.datasource.password: ${NOPE}").notices), 1)
