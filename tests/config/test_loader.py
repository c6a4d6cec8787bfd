"""Tests of how files become settings."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.loader import ConfigurationFaults, Text, alone, load
from jairouter.config.loader import read as read_files
from tests.config.reading import faults_of, read

INSTANCE = "{name: a, base-url: 'http://a'}"


class ValueTests(SynchronousTestCase):
    """What single values are read as."""

    def test_nothing_given_means_all_defaults(self) -> None:
        settings = load([]).settings
        self.assertEqual((settings.server.address, settings.server.port), ("0.0.0.0", 8080))
        self.assertEqual(settings.server.drain.timeout, 120.0)
        self.assertEqual(settings.webclient.max_in_memory_size, 10 * 1024 * 1024)
        self.assertEqual(settings.security.validation.max_request_size, 100 * 1024 * 1024)
        self.assertEqual(settings.model.load_balance.type, "random")
        self.assertTrue(settings.logging.access.enabled)

    def test_spellings_of_a_key_are_one_key(self) -> None:
        for key in ("read-timeout", "readTimeout", "read_timeout", "READ-TIMEOUT"):
            self.assertEqual(read(f"webclient: {{{key}: 7s}}").settings.webclient.read_timeout, 7)

    def test_flat_keys_and_nested_keys_mix(self) -> None:
        settings = read("server.port: 81\nserver: {drain.delay: 1s}\nserver.drain: {timeout: 2}")
        self.assertEqual(settings.settings.server.port, 81)
        self.assertEqual(settings.settings.server.drain.delay, 1)
        self.assertEqual(settings.settings.server.drain.timeout, 2)

    def test_flat_keys_reach_into_lists(self) -> None:
        text = "model.services.chat.instances[0].name: a\n"
        text += "model.services.chat.instances[0].base-url: http://a"
        chat = read(text).settings.model.services["chat"]
        self.assertEqual(chat.instances[0].base_url, "http://a")

    def test_keys_that_the_user_chose_keep_their_spelling(self) -> None:
        text = "management.metrics.tags: {DataCenter_1: x}\nlogging.level: {org.Foo-bar: off}"
        settings = read(text).settings
        self.assertEqual(dict(settings.management.metrics.tags), {"DataCenter_1": "x"})
        self.assertEqual(dict(settings.logging.level), {"org.Foo-bar": "OFF"})

    def test_logger_names_may_be_nested(self) -> None:
        level = read("logging.level: {org: {foo: warn, bar: info}}").settings.logging.level
        self.assertEqual(dict(level), {"org.foo": "WARN", "org.bar": "INFO"})

    def test_all_spellings_of_services_give_the_canonical_name(self) -> None:
        for spelling in ("imgGen", "img-gen", "image-generation", "IMAGE_GEN"):
            services = read(f"model.services: {{{spelling}: {{}}}}").settings.model.services
            self.assertEqual(list(services), ["imgGen"])

    def test_durations(self) -> None:
        cases = {"30s": 30, "500ms": 0.5, "5m": 300, "1h": 3600, "2d": 172800, "PT30S": 30}
        cases |= {"PT1M30S": 90, "15": 15, "P1DT1S": 86401, "1.5s": 1.5, "0": 0}
        for text, seconds in cases.items():
            found = read(f"webclient.read-timeout: {text}").settings.webclient.read_timeout
            self.assertEqual(found, seconds, text)

    def test_a_bare_number_is_milliseconds_where_the_guide_has_them(self) -> None:
        breaker = read("model.circuit-breaker.recovery-timeout: 60000").settings.model.circuit_breaker
        self.assertEqual(breaker.recovery_timeout, 60)
        cache = read("model.fallback.cache.ttl: 1500").settings.model.fallback
        self.assertEqual(cache.cache_ttl, 1.5)

    def test_sizes(self) -> None:
        for text, size in {"10MB": 10 << 20, "500KB": 500 << 10, "1GB": 1 << 30, "77": 77}.items():
            found = read(f"webclient.max-in-memory-size: {text}").settings
            self.assertEqual(found.webclient.max_in_memory_size, size)

    def test_refused_durations_and_sizes(self) -> None:
        for text in ("-1s", ".nan", ".inf", "1e400", "99999999999999d", "PT", "P", "ten", "'1 0'"):
            self.assertEqual(len(faults_of(f"webclient.read-timeout: {text}")), 1, text)
            self.assertEqual(len(faults_of(f"webclient.max-in-memory-size: {text}")), 1, text)

    def test_booleans_of_yaml_are_text_where_text_is_wanted(self) -> None:
        tags = read("management.metrics.tags: {a: on, b: 1_000, c: 22:22, d: 2024-01-01, e: 010}")
        values = list(tags.settings.management.metrics.tags.values())
        self.assertEqual(values, ["on", "1_000", "22:22", "2024-01-01", "010"])

    def test_numbers_that_yaml_would_change_are_refused(self) -> None:
        for text in ("010", "22:22", "0x10", "8080.0", "1e3", "true"):
            self.assertEqual(len(faults_of(f"server.port: {text}")), 1, text)
        self.assertEqual(read("server.port: 1_000").settings.server.port, 1000)

    def test_a_list_may_be_a_text_with_commas(self) -> None:
        exposure = read("management.endpoints.web.exposure.include: health, info").settings
        self.assertEqual(exposure.management.endpoints.web.exposure.include, ("health", "info"))

    def test_null_leaves_the_default(self) -> None:
        settings = read("server: {port: , drain: ~}\nmodel:\nwebclient.total-timeout: null").settings
        self.assertEqual(settings, load([]).settings)

    def test_hosts_of_any_kind(self) -> None:
        hosts = ["localhost", "my_model:11434", "[::1]:80", "10.0.0.1", "a.b.example", "x/v1", "my--model"]
        hosts += [
            "a" * 63 + ".example.",
            ".".join(["a" * 63] * 3 + ["b" * 61]),
            "xn--bcher-kva.example",
            "7b",
        ]
        for host in hosts:
            text = f"model.services.chat.instances: [{{name: a, base-url: 'HTTP://{host}/'}}]"
            instance = read(text).settings.model.services["chat"].instances[0]
            self.assertEqual(instance.base_url, f"http://{host}")

    def test_addresses_that_cannot_be_called(self) -> None:
        wrong = ["ftp://a", "a", "http://", "http://a b", "http://a:0", "http://a:70000"]
        wrong += ["http://[::1", "http://a?x=1", "http://a#f", "http:///x", "http://a\\n"]
        for url in wrong:
            text = f'model.services.chat.instances: [{{name: a, base-url: "{url}"}}]'
            self.assertEqual(len(faults_of(text)), 1, url)

    def test_hosts_that_can_never_be_connected_to(self) -> None:
        """Each would be an error for every request; said at load, it is one for the operator."""
        wrong = [
            "http://a..b",
            "http://.a",
            "http://a%20b",
            "http://a!",
            "http://-a",
            "http://a-",
            "http://.",
        ]
        wrong += ["http://" + "a" * 64, "http://" + ".".join(["a" * 63] * 3 + ["b" * 62])]
        for url in wrong:
            text = f'model.services.chat.instances: [{{name: a, base-url: "{url}"}}]'
            self.assertEqual(len(faults_of(text)), 1, url)

    def test_hosts_of_https(self) -> None:
        """A private authority may certify names of containers too."""
        for host in ("my-host", "xn--bcher-kva.example", "10.0.0.1:8443", "[::1]", "a--b", "my_host"):
            text = f"model.services.chat.instances: [{{name: a, base-url: 'https://{host}'}}]"
            instance = read(text).settings.model.services["chat"].instances[0]
            self.assertEqual(instance.base_url, f"https://{host}")

    def test_jairouter_in_front_is_the_same_tree(self) -> None:
        settings = read("jairouter: {security: {api-key: {enabled: true}}}\njairouter.tracing.enabled: on")
        self.assertTrue(settings.settings.security.on)
        self.assertTrue(settings.settings.security.on)
        self.assertTrue(settings.settings.tracing.enabled)

    def test_aliases(self) -> None:
        text = """
        model:
          rate-limit: {type: leaky_bucket, refillRate: 5}
          loadBalancer: round_robin
          fallback: {type: cache}
        """
        model = read(text).settings.model
        self.assertEqual((model.rate_limit.algorithm, model.rate_limit.rate), ("leaky-bucket", 5))
        self.assertEqual(model.load_balance.type, "round-robin")
        self.assertEqual(model.fallback.strategy, "cache")

    def test_the_body_of_a_fallback_may_be_a_mapping(self) -> None:
        fallback = read("model.fallback.response: {error: {code: 5, text: busy}}").settings
        self.assertEqual(fallback.model.fallback.response, '{"error": {"code": 5, "text": "busy"}}')

    def test_the_shutdown_phase_is_the_drain_timeout_if_that_is_not_given(self) -> None:
        phase = "spring.lifecycle.timeout-per-shutdown-phase: 30s\n"
        self.assertEqual(read(phase).settings.server.drain.timeout, 30)
        both = read(phase + "server.drain.timeout: 9s").settings
        self.assertEqual(both.server.drain.timeout, 9)

    def test_an_immediate_shutdown_does_not_drain(self) -> None:
        drain = read("server.shutdown: immediate").settings.server.drain
        self.assertEqual((drain.delay, drain.timeout), (0, 0))

    def test_origins_name_file_and_line(self) -> None:
        loaded = read("server:\n  port: ${P}\n", environ={"P": "5", "SERVER_ADDRESS": "::"})
        self.assertEqual(str(loaded.origins["server.port"]), "a.yml:2")
        where = str(loaded.origins["server.address"])
        self.assertEqual(where, "environment variable SERVER_ADDRESS")
        self.assertEqual(loaded.placeholders["server.port"], "${P}")


class AloneTests(SynchronousTestCase):
    """One section by itself."""

    def path(self, text: str, **environ: str) -> str:
        return alone(read_files([Text("a.yml", text.encode())], (), environ), environ, "store").store.path

    def test_what_is_wrong_elsewhere(self) -> None:
        text = "nonsense: 1\nserver.port: x\nwebclient.base-url: ${NO}\nstore.path: ${WHERE}/b"
        self.assertEqual(self.path(text, WHERE="/a"), "/a/b")

    def test_not_given(self) -> None:
        self.assertEqual(self.path("server.port: x"), "./config-store")

    def test_what_is_wrong_there(self) -> None:
        for text in ("store.path: ${NO}", "store.type: x", "store.pth: x", "store: 5", "store: {"):
            with self.subTest(text):
                faults = self.assertRaises(ConfigurationFaults, self.path, f"server.port: x\n{text}").faults
                self.assertFalse(any("port" in each.path for each in faults))


class LayerTests(SynchronousTestCase):
    """How files are laid over one another."""

    def test_mappings_are_merged_and_lists_replaced(self) -> None:
        one = b"management.metrics.tags: {a: 1, b: 2}\nsecurity.jwt.accounts: [{username: x, password: p}]"
        two = b"management.metrics.tags: {b: 3}\nsecurity.jwt.accounts: []"
        settings = load([Text("1", one), Text("2", two)]).settings
        self.assertEqual(dict(settings.management.metrics.tags), {"a": "1", "b": "3"})
        self.assertEqual(settings.security.jwt.accounts, ())

    def test_documents_of_one_file_are_layers(self) -> None:
        self.assertEqual(read("server.port: 1\n---\nserver.port: 2").settings.server.port, 2)

    def test_a_document_applies_to_its_profiles(self) -> None:
        text = "server.port: 1\n---\nspring.config.activate.on-profile: {}\nserver.port: 2"
        cases = {"prod": 2, "'!dev & prod'": 2, "dev": 1, "dev, prod": 2, "(dev | eu) & prod": 1}
        for condition, port in cases.items():
            found = read(text.format(condition), ["prod"]).settings.server.port
            self.assertEqual(found, port, condition)

    def test_a_condition_that_makes_no_sense_is_a_fault(self) -> None:
        for condition in ("'a &'", "'(a'", "'a b'", "'&'", "'a)'"):
            found = faults_of(f"spring.config.activate.on-profile: {condition}")
            self.assertEqual(len(found), 1)

    def test_a_base_file_can_name_the_profiles(self) -> None:
        text = (
            "spring.profiles.active: ${P:prod}\n---\nspring.config.activate.on-profile: prod\nserver.port: 2"
        )
        loaded = read(text)
        self.assertEqual((loaded.profiles, loaded.settings.server.port), (("prod",), 2))
        self.assertEqual(read(text, environ={"P": "dev"}).profiles, ("dev",))

    def test_the_option_comes_before_the_variable_before_the_file(self) -> None:
        text = "spring.profiles.active: file"
        environ = {"SPRING_PROFILES_ACTIVE": "variable, other"}
        self.assertEqual(read(text, ["option"], environ).profiles, ("option",))
        self.assertEqual(read(text, [], environ).profiles, ("variable", "other"))

    def test_a_profile_cannot_lead_to_another_directory(self) -> None:
        self.assertEqual(len(faults_of("", ["../../etc/x"])), 1)

    def test_active_profiles_in_a_profile_file_give_a_notice(self) -> None:
        text = Text("application-prod.yml", b"spring.profiles.active: prod")
        loaded = load([text])
        self.assertEqual(loaded.profiles, ())
        self.assertIn("application-prod.yml:1: spring.profiles.active", str(loaded.notices[0]))
