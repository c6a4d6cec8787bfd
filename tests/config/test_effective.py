"""Tests for `jairouter.config.effective`."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.effective import effective_view
from jairouter.config.secret import MASK
from tests.config.reading import read


def service(text: str, *, origins: bool = False, environ: dict[str, str] | None = None) -> Any:
    """All values of the chat service."""
    loaded = read(text, (), environ)
    return effective_view(loaded, ("model", "services", "chat"), origins=origins)


class Effective(SynchronousTestCase):
    """What applies is shown where it applies."""

    def test_a_service_has_what_applies_to_all(self) -> None:
        shown = service("model: {load-balance: {type: ip-hash}, services: {chat: {}}}")
        self.assertEqual("ip-hash", shown["loadBalance"]["type"])

    def test_what_nobody_wrote_has_its_default(self) -> None:
        shown = service(
            "model: {services: {chat: {instances: [{name: m, base-url: 'http://a'}]}}}", origins=True
        )
        self.assertEqual({"value": 1, "origin": "defaults"}, shown["instances"][0]["weight"])

    def test_the_origin_is_that_of_the_nearest_place(self) -> None:
        text = "model:\n load-balance: {type: ip-hash}\n services:\n  chat: {load-balance: {type: random}}"
        self.assertEqual(
            {"value": "random", "origin": "a.yml:4"}, service(text, origins=True)["loadBalance"]["type"]
        )

    def test_a_secret_in_the_default_of_a_placeholder(self) -> None:
        url = "{name: m, base-url: 'http://a', path: '${NO:/x?key=s3cret}', api-key: '${NO:s3cret}'"
        text = f"model: {{services: {{chat: {{instances: [{url}, headers: {{A: '${{NO:s3cret}}'}}}}]}}}}}}"
        for environ in ({}, {"NO": "/other"}):
            shown = service(text, environ=environ)["instances"][0]
            self.assertNotIn("s3cret", str(shown))
            self.assertEqual((shown["apiKey"], shown["headers"]), (MASK, {"A": MASK}))

    def test_what_is_inherited_has_the_origin_of_the_outer_place(self) -> None:
        text = "model:\n load-balance: {type: ip-hash}\n services: {chat: {}}"
        self.assertEqual(
            {"value": "ip-hash", "origin": "a.yml:2"}, service(text, origins=True)["loadBalance"]["type"]
        )

    def test_an_older_key_that_stands_in_for_another_is_its_origin(self) -> None:
        text = "model:\n circuit-breaker: {timeout: 30000}\n services: {chat: {}}"
        shown = service(text, origins=True)["circuitBreaker"]
        self.assertEqual({"value": "30s", "origin": "a.yml:2"}, shown["recoveryTimeout"])
        self.assertEqual({"value": None, "origin": "defaults"}, shown["timeout"])

    def test_failover_stands_in_for_retry(self) -> None:
        text = "model:\n load-balance: {failover: {retry-attempts: 4}}\n services: {chat: {}}"
        self.assertEqual(
            {"value": 4, "origin": "a.yml:2"}, service(text, origins=True)["retry"]["maxRetries"]
        )

    def test_there_is_a_limit_only_where_one_is_given(self) -> None:
        shown = service("model: {rate-limit: {capacity: 7}, services: {chat: {}}}")
        self.assertNotIn("rateLimit", shown)
        given = service("model: {rate-limit: {capacity: 7}, services: {chat: {rate-limit: {rate: 2}}}}")
        self.assertEqual((7, "2"), (given["rateLimit"]["capacity"], str(given["rateLimit"]["rate"])))

    def test_the_breaker_of_an_instance_has_what_applies_further_out(self) -> None:
        text = """
        model:
          circuit-breaker: {failure-threshold: 9}
          services:
            chat:
              circuit-breaker: {success-threshold: 4}
              instances: [{name: m, base-url: 'http://a', circuit-breaker: {enabled: true}}]
        """
        breaker = service(text)["instances"][0]["circuitBreaker"]
        self.assertEqual(
            (True, 4, 9), tuple(breaker[k] for k in ("enabled", "successThreshold", "failureThreshold"))
        )

    def test_placeholders_are_shown_as_written_also_where_they_are_inherited(self) -> None:
        text = "model: {load-balance: {hash-header: '${H}'}, services: {chat: {}}}"
        self.assertEqual("${H}", service(text, environ={"H": "X-User"})["loadBalance"]["hashHeader"])

    def test_secrets_are_masked_and_names_of_headers_stay(self) -> None:
        text = (
            "model: {services: {chat: {instances: [{name: m, base-url: 'http://a',"
            " headers: {x-api-key: hidden, Authorization: 'Bearer ${K}'}}]}}}"
        )
        shown = service(text, environ={"K": "resolved"})["instances"][0]["headers"]
        self.assertEqual({"x-api-key": MASK, "Authorization": "Bearer ${K}"}, shown)

    def test_instances_have_their_instance_id(self) -> None:
        given = "{name: m, base-url: 'http://a'}, {name: m, base-url: 'http://b', instance-id: b}"
        shown = service(f"model: {{services: {{chat: {{instances: [{given}]}}}}}}")
        self.assertEqual(["m@http://a", "b"], [each["instanceId"] for each in shown["instances"]])

    def test_the_whole_tree_is_shown(self) -> None:
        shown = effective_view(read("server: {port: 99}"))
        self.assertEqual(99, shown["server"]["port"])
        self.assertEqual("file", shown["store"]["type"])
