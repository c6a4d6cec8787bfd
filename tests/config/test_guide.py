"""Tests that the production guide's configuration files can be used as they are printed."""

from __future__ import annotations

from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.dump import dump
from jairouter.config.inheritance import circuit_breaker_for, load_balance_for, rate_limit_for
from jairouter.config.loader import ConfigurationFaults, Loaded, load
from jairouter.config.secret import Secret

GUIDE = Path(__file__).parent / "guide"
OPENAI, ANTHROPIC = "sk-openai-secret", "sk-ant-secret"
ENVIRON = {"OPENAI_API_KEY": OPENAI, "ANTHROPIC_API_KEY": ANTHROPIC, "INSTANCE_ID": "2"}


def guide(name: str, profile: str = "prod") -> Loaded:
    """Load one block of the guide the way its deployment does."""
    return load([GUIDE / name], [profile], ENVIRON)


def texts(loaded: Loaded) -> list[str]:
    """Return what the notices say, those of variables left out."""
    return [n.text for n in loaded.notices if n.origin and n.origin.line]


class ProductionTests(SynchronousTestCase):
    """application-prod.yml."""

    def setUp(self) -> None:
        self.loaded = guide("production")

    def test_each_block_that_does_nothing_gives_one_notice(self) -> None:
        found = [text.partition(" has no ")[0] for text in texts(self.loaded)]
        self.assertEqual(
            found,
            [
                "server.tomcat.threads",
                "server.tomcat.connection-timeout",
                "server.tomcat.max-connections",
                "server.tomcat.accept-count",
                "spring.profiles.active",
                *(text.partition(" has no ")[0] for text in texts(self.loaded)[5:]),
            ],
        )
        self.assertEqual(len(found), len(set(found)))

    def test_notices_name_file_and_line(self) -> None:
        lines = (GUIDE / "production" / "application-prod.yml").read_text().splitlines()
        first = self.loaded.notices[0].origin
        assert first is not None and first.line is not None
        self.assertEqual(lines[first.line - 1].strip(), "threads:")

    def test_instances_and_their_headers(self) -> None:
        first, second = self.loaded.settings.model.services["chat"].instances
        self.assertEqual((first.name, first.base_url, first.weight), ("gpt-4", "https://api.openai.com", 1))
        self.assertEqual(first.headers["Authorization"].reveal(), f"Bearer {OPENAI}")
        self.assertEqual((second.path, second.weight), ("/v1/messages", 2))
        self.assertEqual(second.headers["x-api-key"].reveal(), ANTHROPIC)

    def test_the_web_client(self) -> None:
        client = self.loaded.settings.webclient
        self.assertEqual((client.connection_timeout, client.read_timeout), (10, 60))
        self.assertEqual(client.max_in_memory_size, 50 << 20)
        pool = client.connection_pool
        self.assertEqual((pool.max_connections, pool.max_idle_time), (1000, 30))
        self.assertEqual(pool.pending_acquire_timeout, 60)

    def test_the_breaker_of_chat_inherits_key_by_key(self) -> None:
        breaker = circuit_breaker_for(self.loaded.settings.model, "chat")
        self.assertEqual((breaker.failure_threshold, breaker.success_threshold), (3, 3))
        self.assertEqual((breaker.recovery_timeout, breaker.timeout), (30, 30))
        general = circuit_breaker_for(self.loaded.settings.model, "embedding")
        self.assertEqual((general.failure_threshold, general.recovery_timeout), (5, 60))

    def test_the_limit_of_chat_inherits_key_by_key(self) -> None:
        limit = rate_limit_for(self.loaded.settings.model, "chat")
        self.assertEqual((limit.capacity, limit.rate), (5000, 500))
        self.assertEqual(limit.client_ip.max_clients, 50_000)

    def test_the_balancer_of_chat_inherits_key_by_key(self) -> None:
        balance = load_balance_for(self.loaded.settings.model, "chat")
        self.assertEqual(balance.type, "least-connections")
        self.assertTrue(balance.health_check.enabled)

    def test_management_and_store(self) -> None:
        settings = self.loaded.settings
        web = settings.management.endpoints.web
        self.assertEqual(web.exposure.include, ("health", "info", "metrics", "prometheus"))
        self.assertEqual(settings.management.metrics.tags["instance"], "2")
        self.assertEqual(settings.store.file.backup_interval, 3600)
        self.assertEqual(settings.logging.file.total_size_cap, 10 << 30)

    def test_nothing_printable_holds_a_secret(self) -> None:
        shown = yaml.safe_dump(dump(self.loaded.settings)) + repr(self.loaded) + str(self.loaded)
        for secret in (OPENAI, ANTHROPIC):
            self.assertNotIn(secret, shown)


class OtherBlockTests(SynchronousTestCase):
    """The blocks for application-security.yml and for logs."""

    def test_api_keys(self) -> None:
        loaded = guide("api-keys")
        keys = loaded.settings.security.api_key
        self.assertEqual((keys.enabled, keys.header_name), (True, "X-API-Key"))
        self.assertEqual(keys.keys[1].key_id, "backend-service")
        self.assertEqual(keys.keys[0].key_value, Secret("sk-frontend-key-here"))
        self.assertEqual(keys.keys[1].permissions, ("chat:*", "embedding:*", "config:write"))
        weak = [text for text in texts(loaded) if "is weak" in text]
        self.assertEqual([text[:24] for text in weak], [f"security.api-key.keys[{at}]" for at in (0, 1)])
        self.assertNotIn("key-here", str(dump(loaded.settings)) + repr(loaded.settings))

    def test_passwords_that_are_none(self) -> None:
        """What stands for a hash in the guide has to be replaced, except for a trial."""
        with self.assertRaises(ConfigurationFaults) as raised:
            guide("jwt")
        self.assertEqual([each.origin.line for each in raised.exception.faults if each.origin], [11, 15])

    def test_tokens(self) -> None:
        loaded = guide("jwt", "dev")
        jwt = loaded.settings.security.jwt
        self.assertEqual((jwt.algorithm, jwt.issuer), ("HS256", "jairouter-production"))
        self.assertEqual(jwt.accounts[0].roles, ("ADMIN", "USER"))
        self.assertEqual(jwt.accounts[0].password.reveal(), "$2a$10$example-hashed-password")
        shown = str(dump(loaded.settings)) + repr(loaded.settings)
        self.assertNotIn("secret-key-here", shown)
        self.assertNotIn("hashed", shown)

    def test_validation(self) -> None:
        validation = guide("validation").settings.security.validation
        self.assertEqual(validation.max_request_size, 10 << 20)
        self.assertEqual((validation.rate_limit.capacity, validation.rate_limit.rate), (1000, 100))
        self.assertEqual(validation.cors.allowed_methods, ("GET", "POST", "PUT", "DELETE"))
        self.assertTrue(validation.cors.allow_credentials)

    def test_the_audit_log(self) -> None:
        loaded = guide("audit")
        audit = loaded.settings.logging.audit
        self.assertEqual((audit.enabled, audit.file), (True, "/app/logs/security-audit.log"))
        self.assertEqual(audit.fields["timestamp"], "@timestamp")
        self.assertEqual(texts(loaded), [])

    def test_log_levels(self) -> None:
        level = guide("levels").settings.logging.level
        self.assertEqual(level["org.unreal.modelrouter.security"], "DEBUG")
        self.assertEqual(len(level), 12)

    def test_structured_logs(self) -> None:
        structured = guide("structured").settings.logging.structured
        self.assertEqual((structured.enabled, structured.format), (True, "json"))
        self.assertEqual(structured.fields["traceId"], "traceId")

    def test_all_blocks_together(self) -> None:
        paths = sorted(GUIDE.glob("*/*.yml"))
        loaded = load(paths, ["prod", "dev"], ENVIRON)
        self.assertTrue(loaded.settings.security.jwt.enabled)
        self.assertEqual(len(paths), 7)
