"""Tests for `jairouter.web.management.transfer`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import yaml

from jairouter.config.faults import Fault, Origin
from jairouter.config.secret import MASK
from jairouter.control import Draft, Standing, Told
from jairouter.store.version_file import compose
from jairouter.web.management import transfer
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from tests.web.management.in_memory import TODAY, Asking, InMemory

LLAMA = "llama@http://ollama:11434"
PATCH = {"model": {"services": {"chat": {"instances": {LLAMA: {"weight": 7}}}}}}
STORED = {
    "adapter": None,
    "loadBalance": {"type": "round-robin", "hashAlgorithm": "md5"},
    "rateLimit": None,
    "services": {
        "rerank": {
            "loadBalance": {"type": "random"},
            "rateLimit": {"enabled": True, "algorithm": "token-bucket", "capacity": 100, "rate": 10},
            "instances": [
                {
                    "name": "bge",
                    "baseUrl": "http://10.0.0.7:9997",
                    "path": "/v1/rerank",
                    "weight": 1,
                    "instanceId": "bge@http://10.0.0.7:9997",
                    "status": "HEALTHY",
                }
            ],
        }
    },
}
"""A version as the original stores one."""


class Transfer(Asking):
    """What the endpoints have in common."""

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        return transfer.endpoints(parts)

    def weight(self) -> int:
        """Of the instance that `PATCH` changes."""
        return self.configuration.loaded.settings.model.services["chat"].instances[1].weight


class Whole(Transfer):
    """The configuration as a whole."""

    def test_all_that_was_given_is_shown(self) -> None:
        data = self.ask("getConfiguration").data
        self.assertEqual(({"port": 8080}, {"server", "model", "security"}), (data["server"], set(data)))

    def test_secrets_are_not_shown(self) -> None:
        for query in ({}, {"origins": True}, {"effective": True}):
            shown = repr(self.ask("getConfiguration", **query).data)
            self.assertNotIn("-secret", shown)
            self.assertIn(MASK, shown)

    def test_origins(self) -> None:
        self.ask("patchConfiguration", body={"server": {"port": 9090}})
        data = self.ask("getConfiguration", origins=True).data
        self.assertEqual({"value": 9090, "origin": "version 1"}, data["server"]["port"])

    def test_effective_values_have_defaults(self) -> None:
        self.assertEqual("graceful", self.ask("getConfiguration", effective=True).data["server"]["shutdown"])

    def test_anything_can_be_patched(self) -> None:
        reply = self.ask("patchConfiguration", body={**PATCH, "webclient": {"readTimeout": "9s"}})
        self.assertEqual((1, True), (reply.version, reply.data["changed"]))
        self.assertEqual((7, 9.0), (self.weight(), self.configuration.loaded.settings.webclient.read_timeout))

    def test_null_takes_away(self) -> None:
        self.ask("patchConfiguration", body={"model": {"services": {"embedding": None}}})
        self.assertEqual({"chat"}, set(self.configuration.loaded.settings.model.services))

    def test_where_versions_are_kept_cannot_be_changed(self) -> None:
        refusal = self.refusal("patchConfiguration", body={"store": {"path": "/tmp"}})
        self.assertEqual("INVALID_CONFIGURATION", refusal.code)

    def test_the_whole_that_was_shown_may_come_back(self) -> None:
        reply = self.ask("patchConfiguration", body=self.ask("getConfiguration").data)
        self.assertFalse(reply.data["changed"])


class Status(Transfer):
    """Which configuration is in force."""

    def test_what_is_in_force_is_told(self) -> None:
        data = self.ask("getConfigurationStatus").data
        self.assertEqual((0, ["a.yml"]), (data["version"], data["files"]))
        standing = {"good": True, "at": "2026-01-01T00:00:00.000Z", "cause": "start", "errors": []}
        self.assertEqual(standing, data["standing"])

    def test_why_another_is_not_is_told(self) -> None:
        fault = Fault("expected an integer", Origin("a.yml", 3), "server.port")
        self.configuration.standing = Standing(TODAY + 5, "SIGHUP", "it is not valid", (fault,))
        standing = self.ask("getConfigurationStatus").data["standing"]
        error = {"path": "server.port", "message": "expected an integer", "origin": "a.yml:3"}
        self.assertEqual((False, "it is not valid", [error]), tuple(standing[each] for each in _STANDING))

    def test_a_reload_is_asked_for(self) -> None:
        self.assertFalse(self.ask("reloadConfiguration").data["changed"])
        self.assertEqual(["asked for by tester"], self.configuration.reloads)


class Export(Transfer):
    """What leaves the gateway."""

    def test_changes_are_what_an_import_takes(self) -> None:
        self.ask("patchConfiguration", body=PATCH)
        exported = self.ask("exportConfiguration").data
        self.assertEqual(PATCH, exported)
        self.configuration = other = InMemory()
        self.setUpEndpoints()
        self.ask("importConfiguration", body=exported)
        self.assertEqual((7, PATCH), (self.weight(), other.changes))

    def test_changes_as_yaml(self) -> None:
        self.ask("patchConfiguration", body=PATCH)
        self.assertEqual(PATCH, yaml.safe_load(self.ask("exportConfiguration", format="yaml").data))

    def test_all_that_is_in_force(self) -> None:
        data = self.ask("exportConfiguration", what="effective").data
        self.assertEqual(8080, data["server"]["port"])
        self.assertNotIn("-secret", repr(data))

    def test_a_secret_in_changes_of_another_product_is_masked(self) -> None:
        headers = {"X-Key": "plain", "Authorization": "Bearer ${OPENAI_API_KEY}"}
        instance = {"name": "m", "base-url": "http://m", "headers": headers}
        self.configuration.changes = {"model": {"services": {"tts": {"instances": [instance]}}}}
        exported = self.ask("exportConfiguration").data["model"]["services"]["tts"]["instances"][0]
        self.assertEqual({**headers, "X-Key": MASK}, exported["headers"])


class Import(Transfer):
    """What comes in."""

    def services(self) -> set[str]:
        """Those that are configured."""
        return set(self.configuration.loaded.settings.model.services)

    def test_a_version_of_the_original(self) -> None:
        self.ask("importConfiguration", body=STORED)
        self.assertEqual({"chat", "embedding", "rerank"}, self.services())
        (bge,) = self.configuration.loaded.settings.model.services["rerank"].instances
        self.assertEqual(("bge", None, "active"), (bge.name, bge.instance_id, bge.status))

    def test_a_model_tree_in_kebab_case(self) -> None:
        self.ask("importConfiguration", body={"services": {"tts": {"load-balance": {"type": "random"}}}})
        self.assertIn("tts", self.services())

    def test_a_model_tree_without_services(self) -> None:
        self.ask(
            "importConfiguration", body={"services": {}, "rateLimit": None, "loadBalance": {"type": "random"}}
        )
        self.assertEqual("random", self.configuration.loaded.settings.model.load_balance.type)

    def test_the_whole_tree(self) -> None:
        self.ask("importConfiguration", body={"server": {"port": 1}, "model": {"services": {"stt": {}}}})
        self.assertEqual(
            (1, True), (self.configuration.loaded.settings.server.port, "stt" in self.services())
        )

    def test_a_stored_version_of_ours(self) -> None:
        stored = json.loads(compose(Draft(0, PATCH, Told("me", "patch")), 1, TODAY))
        self.ask("importConfiguration", body=stored)
        self.assertEqual(7, self.weight())

    def test_a_stored_version_of_a_format_that_is_not_known_is_refused(self) -> None:
        self.assertEqual(
            "INVALID_REQUEST", self.refusal("importConfiguration", body={"format": 2, "changes": {}}).code
        )

    def test_the_whole_answer_to_an_export(self) -> None:
        self.ask("importConfiguration", body={"success": True, "message": "OK", "data": PATCH})
        self.assertEqual(7, self.weight())

    def test_where_versions_are_kept_elsewhere(self) -> None:
        """It says nothing about where they are kept here."""
        body = {"store": {"path": "/elsewhere"}, "spring": {"x": 1}, **PATCH}
        self.ask("importConfiguration", body=body)
        self.assertEqual(7, self.weight())
        self.assertNotIn("store", self.configuration.changes)

    def test_merged_changes_lie_over_those_that_are_there(self) -> None:
        self.ask("patchConfiguration", body={"server": {"port": 1}})
        self.ask("importConfiguration", body=PATCH)
        self.assertEqual((1, 7), (self.configuration.loaded.settings.server.port, self.weight()))

    def test_replacing_changes_take_their_place(self) -> None:
        self.ask("patchConfiguration", body={"server": {"port": 1}})
        self.ask("importConfiguration", body=PATCH, mode="replace")
        self.assertEqual((8080, 7), (self.configuration.loaded.settings.server.port, self.weight()))
        self.assertEqual(PATCH, self.configuration.changes)

    def test_what_is_no_configuration_is_refused(self) -> None:
        bodies: tuple[dict[str, Any], ...] = (
            {"serices": {}},
            {"services": []},
            {"services": {"chat": "x"}},
            {"model": []},
        )
        for body in bodies:
            self.assertEqual(400, self.refusal("importConfiguration", body=body).status)

    def test_who_may_call_belongs_into_the_files(self) -> None:
        """Whoever may change the configuration would otherwise say that they may do everything."""
        for path, body in (
            ("security", {"security": {"enabled": False}}),
            ("security", {"jairouter": {"security": {"jwt": {"issuer": "me"}}}}),
            ("management.api", {"management": {"api": {"allowFrom": ["0.0.0.0/0"]}}}),
            ("logging.audit", {"logging.audit.enabled": True}),
        ):
            modes: tuple[tuple[str, dict[str, Any]], ...] = (
                ("patchConfiguration", {}),
                ("importConfiguration", {"mode": "merge"}),
                ("importConfiguration", {"mode": "replace"}),
            )
            for name, query in modes:
                refusal = self.refusal(name, body=body, **query)
                self.assertEqual([each.path for each in refusal.faults], [path])

    def test_it_is_told_as_an_import(self) -> None:
        self.ask("importConfiguration", body=PATCH, description="from the old site")
        told = self.configuration.made[0][0]
        self.assertEqual(("import", "from the old site"), (told.change_type, told.description))


_STANDING = ("good", "reason", "errors")
