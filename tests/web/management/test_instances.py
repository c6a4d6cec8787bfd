"""Tests for `jairouter.web.management.instances`, and for `instance_answers`, which does what they say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jairouter.config.secret import MASK
from jairouter.web.management import instances
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from jairouter.web.management.paths import Paths
from tests.web.management.in_memory import Asking

GPT = "gpt-4@https://api.openai.com"
LLAMA = "llama@http://ollama:11434"
DOCUMENTED = {
    "name": "qwen2:7b",
    "baseUrl": "http://localhost:8000",
    "apiKey": "${OPENAI_API_KEY}",
    "weight": 1,
    "enabled": True,
    "adapter": "ollama",
}
"""As the reference shows how to add an instance, but for the key, which it gives in plain text."""


class Instances(Asking):
    """What the endpoints have in common."""

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        return instances.endpoints(parts)

    def settings(self, service: str = "chat", index: int = -1) -> Any:
        """Of one of the instances in force."""
        return self.configuration.loaded.settings.model.services[service].instances[index]


class Reading(Instances):
    """Looking at instances."""

    def test_instances_are_listed_with_what_is_known_about_them(self) -> None:
        gpt, llama = self.ask("listInstances", "chat").data
        self.assertEqual((GPT, 2, "active", "unknown", 0), _some(gpt))
        self.assertEqual("/v1/chat/completions", gpt["path"])
        self.assertEqual((LLAMA, "llama"), (llama["instanceId"], llama["name"]))

    def test_secrets_are_masked_and_placeholders_shown_as_written(self) -> None:
        gpt, llama = self.ask("listInstances", "chat").data
        self.assertEqual({"Authorization": "Bearer ${OPENAI_API_KEY}"}, gpt["headers"])
        self.assertEqual({"X-Key": MASK}, llama["headers"])

    def test_one_is_found_by_model_and_address(self) -> None:
        found = self.ask("findInstance", "chat", modelName="llama", baseUrl="http://ollama:11434/").data
        self.assertEqual(LLAMA, found["instanceId"])

    def test_one_is_found_by_its_id_or_what_answers_call_it(self) -> None:
        self.assertEqual("gpt-4", self.ask("getInstance", "chat", GPT).data["name"])
        self.assertEqual("gpt-4", self.ask("getInstance", "chat", f"{GPT}/v1/chat/completions").data["name"])
        label = self.ask("getInstance", "chat", GPT).data["label"]
        self.assertEqual("gpt-4", self.ask("getInstance", "chat", label).data["name"])

    def test_one_that_is_not_there_is_not_found(self) -> None:
        self.assertEqual(
            (404, "INSTANCE_NOT_FOUND"), _said(self.refusal("getInstance", "chat", "x@http://y"))
        )
        refusal = self.refusal("findInstance", "chat", modelName="x", baseUrl="http://y")
        self.assertEqual((404, "INSTANCE_NOT_FOUND"), _said(refusal))
        self.assertEqual((404, "SERVICE_NOT_FOUND"), _said(self.refusal("listInstances", "tts")))

    def test_paths_with_a_word_in_them_are_no_instances(self) -> None:
        paths = Paths(self.endpoints(self.parts))
        for path, name in (
            ("info/chat", "findInstance"),
            ("type/chat", "listInstances"),
            ("chat/x", "getInstance"),
        ):
            found = paths.find([b"api", b"config", b"instance", *path.encode().split(b"/")])
            assert found is not None
            self.assertEqual(name, found.methods["GET"].name)


class Adding(Instances):
    """Adding instances."""

    def test_an_instance_is_added_as_the_documentation_shows(self) -> None:
        reply = self.ask("addInstance", "chat", body=DOCUMENTED)
        self.assertEqual((201, "qwen2:7b@http://localhost:8000"), (reply.status, reply.data["instanceId"]))
        added = self.settings()
        self.assertEqual(("qwen2:7b", "http://localhost:8000", 1), (added.name, added.base_url, added.weight))
        self.assertEqual(3, len(self.configuration.loaded.settings.model.services["chat"].instances))

    def test_the_history_says_which(self) -> None:
        """Whoever looks for the one that is missing has nothing but the history."""
        self.ask("addInstance", "chat", body=DOCUMENTED)
        self.ask("deleteInstance", "chat", LLAMA)
        self.ask("deleteInstanceAt", "chat", modelName="gpt-4", baseUrl="https://api.openai.com")
        self.assertEqual(
            [
                "Instance qwen2:7b@http://localhost:8000 of chat added",
                f"Instance {LLAMA} of chat taken away",
                f"Instance {GPT} of chat taken away",
            ],
            [told.description for told, _ in self.configuration.made],
        )

    def test_a_key_in_plain_text_is_refused_with_what_to_write(self) -> None:
        refusal = self.refusal("addInstance", "chat", body={**DOCUMENTED, "apiKey": "sk-xxx"})
        self.assertEqual((400, "INVALID_CONFIGURATION"), _said(refusal))
        self.assertIn("${NAME}", str(refusal.faults[0]))
        self.assertNotIn("sk-xxx", refusal.message + str(refusal.faults))

    def test_a_placeholder_is_stored_as_it_was_written(self) -> None:
        headers = {"Authorization": "Bearer ${OPENAI_API_KEY}"}
        self.ask("addInstance", "chat", body={"name": "m", "baseUrl": "http://m", "headers": headers})
        self.assertIn("${OPENAI_API_KEY}", repr(self.configuration.changes))
        self.assertNotIn("resolved-secret", repr(self.configuration.changes))
        self.assertEqual("Bearer resolved-secret", self.settings().headers["Authorization"].reveal())

    def test_any_host_that_can_be_reached_will_do(self) -> None:
        hosts = (
            "localhost",
            "vllm_1",
            "model.svc.cluster.local",
            "[::1]:8000",
            "10.0.0.9:9",
            "api.openai.com",
        )
        for host in hosts:
            reply = self.ask("addInstance", "chat", body={"name": "m", "base-url": f"http://{host}"})
            self.assertEqual(f"m@http://{host}", reply.data["instanceId"])

    def test_the_service_is_added_with_its_first_instance(self) -> None:
        self.ask("addInstance", "image-generation", body={"name": "sd", "base_url": "http://sd:7860"})
        self.assertEqual("sd", self.settings("imgGen").name)

    def test_one_that_is_there_cannot_be_added(self) -> None:
        body = {"name": "llama", "baseUrl": "http://ollama:11434"}
        self.assertEqual((409, "ALREADY_EXISTS"), _said(self.refusal("addInstance", "chat", body=body)))

    def test_one_that_comes_back_is_shown_wherever_it_stands(self) -> None:
        self.ask("deleteInstance", "chat", GPT)
        self.ask("addInstance", "chat", body={"name": "a", "baseUrl": "http://a"})
        body = {"name": "gpt-4", "baseUrl": "https://api.openai.com", "path": "/v1/chat/completions"}
        reply = self.ask("addInstance", "chat", body=body)
        self.assertEqual((GPT, "gpt-4"), (reply.data["instanceId"], reply.data["instance"]["name"]))

    def test_one_without_a_name_or_address_is_refused(self) -> None:
        refusal = self.refusal("addInstance", "chat", body={"weight": 3})
        self.assertEqual((400, "INVALID_CONFIGURATION"), _said(refusal))
        self.assertEqual(2, len(refusal.faults))


class Changing(Instances):
    """Changing instances and taking them away."""

    def test_an_instance_is_changed_as_the_documentation_shows(self) -> None:
        instance = {"name": "llama", "baseUrl": "http://ollama:11434", "weight": 2, "enabled": True}
        reply = self.ask("updateNamedInstance", "chat", body={"instanceId": LLAMA, "instance": instance})
        self.assertEqual(
            (LLAMA, 2, 2),
            (reply.data["instanceId"], reply.data["instance"]["weight"], self.settings().weight),
        )

    def test_members_of_the_body_may_be_in_kebab_case(self) -> None:
        self.ask("patchNamedInstance", "chat", body={"instance-id": LLAMA, "instance": {"max-retries": 4}})
        self.assertEqual(4, self.settings().max_retries)

    def test_what_is_not_named_stays(self) -> None:
        self.ask("patchInstance", "chat", LLAMA, body={"weight": 4})
        self.assertEqual(
            (4, "plain-secret"), (self.settings().weight, self.settings().headers["X-Key"].reveal())
        )
        self.assertEqual(2, self.settings(index=0).weight)

    def test_what_was_shown_can_be_edited_and_sent_back(self) -> None:
        shown = self.ask("getInstance", "chat", LLAMA).data
        self.ask("updateInstance", "chat", LLAMA, body={**shown, "weight": 9})
        self.assertEqual(
            (9, "plain-secret"), (self.settings().weight, self.settings().headers["X-Key"].reveal())
        )
        self.assertIsNone(self.settings().instance_id)
        self.assertNotIn("secret", repr(self.configuration.changes))

    def test_what_was_shown_and_comes_back_unchanged_makes_no_version(self) -> None:
        for which in (GPT, LLAMA):
            reply = self.ask(
                "updateInstance", "chat", which, body=self.ask("getInstance", "chat", which).data
            )
            self.assertEqual((False, 0), (reply.data["changed"], reply.version))
            self.assertIn("Nothing to change", reply.message)

    def test_an_instance_that_moves_has_another_id(self) -> None:
        reply = self.ask("patchInstance", "chat", LLAMA, body={"baseUrl": "http://[fd00::7]:11434"})
        self.assertEqual("llama@http://[fd00::7]:11434", reply.data["instanceId"])
        self.assertEqual("llama@http://[fd00::7]:11434", reply.data["instance"]["instanceId"])
        again = self.ask("patchInstance", "chat", reply.data["instanceId"], body={"weight": 3})
        self.assertEqual(3, again.data["instance"]["weight"])

    def test_the_one_that_was_changed_is_shown_also_when_it_has_moved_among_others(self) -> None:
        for name in ("a", "b", "c"):
            self.ask("addInstance", "chat", body={"name": name, "baseUrl": f"http://{name}:1"})
        for which, port in (
            ("a@http://a:1", 2),
            ("b@http://b:1", 3),
            ("a@http://a:2", 1),
            ("c@http://c:1", 4),
        ):
            url = f"http://{which[0]}:{port}"
            reply = self.ask("patchInstance", "chat", which, body={"baseUrl": url})
            self.assertEqual(
                (which[0], url), (reply.data["instance"]["name"], reply.data["instance"]["baseUrl"])
            )
            self.assertEqual(f"{which[0]}@{url}", reply.data["instanceId"])

    def test_one_cannot_become_another_that_is_there(self) -> None:
        body = {"name": "gpt-4", "baseUrl": "https://api.openai.com", "path": "/v1/chat/completions"}
        self.assertEqual(
            (409, "ALREADY_EXISTS"), _said(self.refusal("patchInstance", "chat", LLAMA, body=body))
        )

    def test_faults_are_told_with_their_place(self) -> None:
        refusal = self.refusal("patchInstance", "chat", LLAMA, body={"weight": "many"})
        self.assertEqual((400, "INVALID_CONFIGURATION"), _said(refusal))
        self.assertIn("weight", refusal.faults[0].path)

    def test_one_that_is_not_there_cannot_be_changed(self) -> None:
        refusal = self.refusal("patchInstance", "chat", "x@http://y", body={"weight": 1})
        self.assertEqual((404, "INSTANCE_NOT_FOUND"), _said(refusal))

    def test_one_is_taken_away_by_its_id(self) -> None:
        self.assertEqual(LLAMA, self.ask("deleteInstance", "chat", LLAMA).data["instanceId"])
        self.assertEqual(["gpt-4"], [each["name"] for each in self.ask("listInstances", "chat").data])

    def test_one_is_taken_away_by_model_and_address(self) -> None:
        self.ask("deleteInstanceAt", "chat", modelName="gpt-4", baseUrl="https://api.openai.com")
        self.assertEqual(["llama"], [each["name"] for each in self.ask("listInstances", "chat").data])

    def test_one_is_taken_away_by_its_id_in_the_query(self) -> None:
        self.ask("deleteInstanceAt", "chat", instanceId=GPT)
        self.assertEqual(["llama"], [each["name"] for each in self.ask("listInstances", "chat").data])

    def test_which_one_to_take_away_has_to_be_said(self) -> None:
        refusal = self.refusal("deleteInstanceAt", "chat", modelName="gpt-4")
        self.assertEqual((400, "INVALID_REQUEST"), _said(refusal))

    def test_one_that_is_gone_is_not_found(self) -> None:
        self.ask("deleteInstance", "chat", LLAMA)
        self.assertEqual((404, "INSTANCE_NOT_FOUND"), _said(self.refusal("deleteInstance", "chat", LLAMA)))

    def test_an_editor_who_has_seen_an_older_version_is_refused(self) -> None:
        self.ask("patchInstance", "chat", LLAMA, body={"weight": 4})
        refusal = self.refusal("deleteInstance", "chat", LLAMA, parent=0)
        self.assertEqual((409, "VERSION_CONFLICT"), _said(refusal))


class Status(Instances):
    """In use, out of use, and on the way out."""

    def test_an_instance_is_drained_and_comes_back(self) -> None:
        reply = self.ask("drainInstance", "chat", LLAMA)
        self.assertEqual(("draining", True), (reply.data["instance"]["status"], reply.data["changed"]))
        self.assertEqual("draining", self.settings().status)
        self.assertEqual("active", self.ask("enableInstance", "chat", LLAMA).data["instance"]["status"])
        self.assertTrue(self.settings().active)

    def test_an_instance_is_taken_out_of_use(self) -> None:
        self.assertEqual("inactive", self.ask("disableInstance", "chat", LLAMA).data["instance"]["status"])
        self.assertFalse(self.settings().active)

    def test_what_is_so_already_makes_no_version(self) -> None:
        reply = self.ask("enableInstance", "chat", LLAMA)
        self.assertEqual((False, 0), (reply.data["changed"], reply.data["version"]))
        self.ask("drainInstance", "chat", LLAMA)
        self.assertFalse(self.ask("drainInstance", "chat", LLAMA).data["changed"])

    def test_one_that_is_not_enabled_is_enabled_whatever_its_status(self) -> None:
        self.ask("patchInstance", "chat", LLAMA, body={"enabled": False})
        self.assertEqual("inactive", self.ask("getInstance", "chat", LLAMA).data["status"])
        self.ask("enableInstance", "chat", LLAMA)
        self.assertTrue(self.settings().active)

    def test_one_that_is_not_enabled_is_out_of_use_already(self) -> None:
        self.ask("patchInstance", "chat", LLAMA, body={"enabled": False})
        self.assertFalse(self.ask("disableInstance", "chat", LLAMA).data["changed"])

    def test_one_that_is_not_enabled_is_drained_all_the_same(self) -> None:
        self.ask("patchInstance", "chat", LLAMA, body={"enabled": False})
        self.assertEqual("draining", self.ask("drainInstance", "chat", LLAMA).data["instance"]["status"])

    def test_the_status_that_was_shown_does_not_undo_what_stands_beside_it(self) -> None:
        self.ask("patchInstance", "chat", LLAMA, body={"enabled": False})
        shown = self.ask("getInstance", "chat", LLAMA).data
        self.ask("updateInstance", "chat", LLAMA, body={**shown, "enabled": True})
        self.assertTrue(self.settings().active)

    def test_the_kind_of_change_is_told(self) -> None:
        self.ask("drainInstance", "chat", LLAMA)
        self.assertEqual("drain-instance", self.configuration.made[0][0].change_type)


def _some(shown: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(shown[each] for each in ("instanceId", "weight", "status", "healthStatus", "inFlight"))


def _said(refusal: object) -> tuple[int, str]:
    return refusal.status, refusal.code  # type: ignore[attr-defined]  # all refusals have them
