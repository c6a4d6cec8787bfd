"""Tests for `jairouter.web.management.services`."""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface.verify import verifyObject

from jairouter.config.secret import MASK
from jairouter.control import IConfiguration, UndoRule
from jairouter.web.management import services
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from tests.web.management.in_memory import Asking, InMemory

DOCUMENTED = {
    "loadBalancer": "round_robin",
    "rateLimit": {"algorithm": "leaky_bucket", "capacity": 50, "refillRate": 5},
    "circuitBreaker": {"enabled": True, "failureThreshold": 3, "recoveryTimeout": 60000},
}
"""As the reference shows how to add a service."""


class Services(Asking):
    """What the endpoints have in common."""

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        return services.endpoints(parts)


class Reading(Services):
    """Looking at services."""

    def test_the_fake_is_a_configuration(self) -> None:
        self.assertTrue(verifyObject(IConfiguration, InMemory()))

    def test_the_tree_is_that_of_the_files_when_nothing_was_changed(self) -> None:
        tree = self.ask("getConfigurationOfModels").data
        self.assertEqual("least-connections", tree["loadBalance"]["type"])
        self.assertEqual({"chat", "embedding"}, set(tree["services"]))
        ids = [each["instanceId"] for each in tree["services"]["chat"]["instances"]]
        self.assertEqual(["gpt-4@https://api.openai.com", "llama@http://ollama:11434"], ids)

    def test_no_secret_is_shown(self) -> None:
        for query in ({}, {"origins": True}, {"effective": True}, {"effective": True, "origins": True}):
            shown = repr(self.ask("getConfigurationOfModels", **query).data)
            self.assertNotIn("plain-secret", shown)
            self.assertNotIn("resolved-secret", shown)
            self.assertIn("Bearer ${OPENAI_API_KEY}", shown)

    def test_origins_say_where_each_value_comes_from(self) -> None:
        tree = self.ask("getConfigurationOfModels", origins=True).data
        self.assertEqual({"value": "least-connections", "origin": "a.yml:4"}, tree["loadBalance"]["type"])

    def test_effective_values_have_defaults(self) -> None:
        tree = self.ask("getConfigurationOfModels", effective=True).data
        self.assertEqual(5, tree["services"]["chat"]["circuitBreaker"]["failureThreshold"])

    def test_replies_name_the_version_in_force(self) -> None:
        self.assertEqual(0, self.ask("listServices").version)

    def test_services_are_named(self) -> None:
        self.assertEqual(["chat", "embedding"], self.ask("listServices").data)

    def test_all_services_come_with_what_is_configured(self) -> None:
        found = self.ask("getServices").data
        self.assertEqual("round-robin", found["chat"]["loadBalance"]["type"])
        self.assertEqual("e5", found["embedding"]["instances"][0]["name"])

    def test_one_service(self) -> None:
        self.assertEqual("round-robin", self.ask("getService", "CHAT").data["loadBalance"]["type"])

    def test_a_service_that_is_not_configured_is_not_found(self) -> None:
        self.assertEqual((404, "SERVICE_NOT_FOUND"), _said(self.refusal("getService", "img-gen")))
        self.assertEqual((404, "SERVICE_NOT_FOUND"), _said(self.refusal("listModelsOfService", "tts")))

    def test_a_service_that_cannot_be_is_refused_with_those_that_can(self) -> None:
        refusal = self.refusal("getService", "video")
        self.assertEqual((400, "INVALID_REQUEST"), _said(refusal))
        self.assertIn("imgEdit", refusal.message)

    def test_each_model_is_named_once(self) -> None:
        more = {"name": "llama", "baseUrl": "http://ollama2:11434"}
        both = [*self.ask("getService", "chat").data["instances"], more]
        self.ask("updateService", "chat", body={"instances": both})
        self.assertEqual(["gpt-4", "llama"], self.ask("listModelsOfService", "chat").data)


class Changing(Services):
    """Adding, changing and taking away services."""

    def test_a_service_is_added_as_the_documentation_shows(self) -> None:
        reply = self.ask("addService", "tts", body=DOCUMENTED)
        self.assertEqual((201, 1), (reply.status, reply.version))
        tts = self.configuration.loaded.settings.model.services["tts"]
        assert tts.load_balance is not None
        assert tts.rate_limit is not None
        self.assertEqual(
            ("round-robin", 50, 5), (tts.load_balance.type, tts.rate_limit.capacity, tts.rate_limit.rate)
        )

    def test_the_others_stay_when_one_is_added(self) -> None:
        before = dict(self.configuration.loaded.settings.model.services)
        self.ask("addService", "tts", body={})
        after = dict(self.configuration.loaded.settings.model.services)
        del after["tts"]
        self.assertEqual(before, after)

    def test_image_services_can_be_added_in_any_spelling(self) -> None:
        self.ask("addService", "image-generation", body={"instances": []})
        self.ask("addService", "imgEdit", body={"instances": []})
        self.assertEqual(["chat", "embedding", "imgGen", "imgEdit"], self.ask("listServices").data)

    def test_a_service_that_is_there_cannot_be_added(self) -> None:
        self.assertEqual((409, "ALREADY_EXISTS"), _said(self.refusal("addService", "chat", body=DOCUMENTED)))

    def test_an_update_leaves_what_it_does_not_name(self) -> None:
        self.ask("updateService", "chat", body={"rateLimit": {"capacity": 7}})
        shown = self.ask("getService", "chat").data
        self.assertEqual(("round-robin", 7), (shown["loadBalance"]["type"], shown["rateLimit"]["capacity"]))
        self.assertEqual(2, len(shown["instances"]))

    def test_keys_may_be_in_kebab_case(self) -> None:
        self.ask("patchService", "chat", body={"load-balance": {"type": "ip-hash", "hash-algorithm": "sha1"}})
        shown = self.ask("getService", "chat").data["loadBalance"]
        self.assertEqual({"type": "ip-hash", "hashAlgorithm": "sha1"}, shown)

    def test_what_was_shown_can_be_edited_and_sent_back(self) -> None:
        shown = self.ask("getService", "chat").data
        self.assertEqual(MASK, shown["instances"][1]["headers"]["X-Key"])
        shown["instances"][1]["weight"] = 5
        self.ask("updateService", "chat", body=shown)
        gpt, llama = self.configuration.loaded.settings.model.services["chat"].instances
        self.assertEqual((5, "plain-secret"), (llama.weight, llama.headers["X-Key"].reveal()))
        self.assertEqual("Bearer resolved-secret", gpt.headers["Authorization"].reveal())
        self.assertNotIn("secret", repr(self.configuration.changes))

    def test_what_was_shown_and_comes_back_unchanged_makes_no_version(self) -> None:
        reply = self.ask("updateService", "chat", body=self.ask("getService", "chat").data)
        self.assertEqual((False, 0), (reply.data["changed"], reply.version))

    def test_an_update_of_nothing_is_not_found(self) -> None:
        self.assertEqual((404, "SERVICE_NOT_FOUND"), _said(self.refusal("updateService", "tts", body={})))

    def test_all_faults_are_told(self) -> None:
        body = {
            "instances": [{"name": "m", "baseUrl": "ftp://x", "weight": -1}],
            "loadBalance": {"type": "guess"},
        }
        refusal = self.refusal("updateService", "chat", body=body)
        self.assertEqual((400, "INVALID_CONFIGURATION"), _said(refusal))
        self.assertEqual(3, len(refusal.faults))

    def test_a_misspelled_key_is_refused_with_what_was_meant(self) -> None:
        refusal = self.refusal("updateService", "chat", body={"loadBalence": {"type": "random"}})
        self.assertIn("load-balance", str(refusal.faults[0]))

    def test_a_service_is_taken_away(self) -> None:
        self.ask("deleteService", "chat")
        self.assertEqual(["embedding"], self.ask("listServices").data)
        self.assertEqual((404, "SERVICE_NOT_FOUND"), _said(self.refusal("deleteService", "chat")))

    def test_a_reset_goes_back_to_the_files(self) -> None:
        self.ask("deleteService", "chat")
        reply = self.ask("resetConfiguration")
        self.assertEqual((2, {}), (reply.version, self.configuration.changes))
        self.assertEqual(["chat", "embedding"], self.ask("listServices").data)

    def test_an_editor_who_has_seen_an_older_version_is_refused(self) -> None:
        self.ask("addService", "tts", body={}, parent=0)
        self.assertEqual(
            (409, "VERSION_CONFLICT"), _said(self.refusal("addService", "stt", body={}, parent=0))
        )

    def test_a_change_may_be_watched_and_taken_back(self) -> None:
        self.ask("addService", "tts", body={}, undoWithin="60s", undoMargin=0.1)
        self.ask("deleteService", "tts")
        self.assertEqual([UndoRule(60.0, 0.1), None], [undo for _, undo in self.configuration.made])

    def test_the_history_knows_who_and_why(self) -> None:
        self.ask("addService", "tts", body={}, description="speech is wanted")
        self.ask("deleteService", "tts")
        told = [each for each, _ in self.configuration.made]
        self.assertEqual(["add-service", "delete-service"], [each.change_type for each in told])
        self.assertEqual(["speech is wanted", "Service tts taken away"], [each.description for each in told])
        self.assertEqual({"tester"}, {each.who for each in told})


def _said(refusal: object) -> tuple[int, str]:
    return refusal.status, refusal.code  # type: ignore[attr-defined]  # all refusals have them
