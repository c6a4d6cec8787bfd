"""Tests of secrets in edits: none is stored, and those that are there stay."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import edits
from jairouter.config.patch import canonical_changes, secrets_in
from jairouter.config.secret import MASK
from jairouter.config.view import tree_view
from jairouter.control import Edit
from jairouter.refusals import InvalidConfiguration
from tests.config.editing import FILE, GPT, Edited

NEW = {"name": "n", "baseUrl": "http://n"}


class SecretTests(SynchronousTestCase):
    """A secret is written where the gateway runs, and never into what is stored."""

    def setUp(self) -> None:
        self.edited = Edited()

    def refused(self, edit: Edit) -> str:
        """The message of the refusal of an edit."""
        refusal = self.assertRaises(InvalidConfiguration, self.edited, edit)
        self.assertNotIn("s3cret", str(refusal.faults) + refusal.message)
        return "\n".join(str(fault) for fault in refusal.faults)

    def test_a_literal_is_refused_wherever_it_stands(self) -> None:
        bodies: list[dict[str, Any]] = [
            {"headers": {"X": "s3cret"}},
            {"apiKey": "s3cret"},
            {"apiKey": "\\${s3cret}"},
            {"path": "/v1?key=s3cret"},
            {"baseUrl": "http://user:s3cret@host"},
            {"baseUrl": "http://host?s3cret"},
        ]
        for body in bodies:
            told = self.refused(edits.add_instance("chat", {**NEW, **body}))
            self.assertIn("a secret is not stored; write ${NAME}", told)
            told = self.refused(edits.update_service("chat", {"instances": [{**NEW, **body}]}))
            self.assertIn("a secret is not stored", told)

    def test_a_literal_in_a_list_is_refused(self) -> None:
        accounts = [{"username": "u", "password": "s3cret"}]
        told = self.refused(edits.merge({"security": {"jwt": {"accounts": accounts}}}))
        self.assertIn("security.jwt.accounts[0].password", told)

    def test_every_secret_is_told_of(self) -> None:
        body = {**NEW, "apiKey": "s3cret", "headers": {"X": "s3cret"}}
        self.assertEqual(len(self.refused(edits.add_instance("chat", body)).splitlines()), 2)

    def test_a_placeholder_is_stored_as_it_is_written(self) -> None:
        self.edited(edits.add_instance("chat", {**NEW, "apiKey": "${OPENAI}", "path": "/v1?key=${OPENAI}"}))
        self.assertNotIn("k3y", json.dumps(self.edited.changes))
        instance = self.edited.instances()["n"]
        self.assertEqual((instance.api_key.reveal(), instance.path), ("k3y", "/v1?key=k3y"))

    def test_what_placeholders_of_the_files_stand_for_is_not_stored(self) -> None:
        for edit in (
            edits.update_instance("chat", GPT, {"weight": 3, "name": "gpt-5"}),
            edits.delete_instance("chat", "local@http://localhost:8000"),
            edits.add_service("tts", {}),
        ):
            self.edited(edit)
            self.assertNotIn("k3y", json.dumps(self.edited.changes))
            self.assertNotIn("localhost", json.dumps(self.edited.changes))

    def test_a_mask_leaves_the_secret(self) -> None:
        body = {"weight": 3, "headers": {"X-Team": MASK}}
        self.edited(edits.update_instance("chat", GPT, body))
        self.assertEqual(self.edited.of("chat"), {"instances": {GPT: {"weight": 3}}})

    def test_a_mask_where_there_is_no_secret_is_refused(self) -> None:
        bodies = {"api-key": {"apiKey": MASK}, "X": {"headers": {"X": MASK}}, "path": {"path": f"/v1?{MASK}"}}
        for key, body in bodies.items():
            told = self.refused(edits.update_instance("chat", GPT, body))
            self.assertIn(f"{key}: {MASK} means that a secret stays as it is, and there is none here", told)

    def test_a_mask_in_a_list_is_refused(self) -> None:
        accounts = [{"username": "u", "password": MASK}]
        self.assertIn("as a whole", self.refused(edits.merge({"security.jwt.accounts": accounts})))

    def test_a_masked_query_leaves_the_query(self) -> None:
        text = FILE.replace("path: /v1/chat/completions", "path: /v1?key=s3cret")
        edited = Edited(text)(
            edits.update_instance("chat", "gpt-4@https://api.openai.com", {"path": f"/v1?{MASK}"})
        )
        self.assertEqual((edited.version, edited.instances()["gpt-4"].path), (0, "/v1?key=s3cret"))

    def test_the_key_of_an_instance_holds_no_secret(self) -> None:
        text = FILE.replace("path: /v1/chat/completions", "path: /v1?key=s3cret")
        edited = Edited(text)(edits.update_instance("chat", "gpt-4@https://api.openai.com", {"weight": 3}))
        self.assertEqual(edited.instances()["gpt-4"].weight, 3)
        self.assertNotIn("s3cret", json.dumps(edited.changes))

    def test_a_mask_is_a_text_like_any_other_where_there_are_no_secrets(self) -> None:
        self.edited(edits.update_instance("chat", GPT, {"name": MASK}))
        self.assertIn(MASK, self.edited.instances())

    def test_places_of_secrets_in_changes(self) -> None:
        changes = {
            "model": {"services": {"chat": {"instances": {"a@b": {"headers": {"X": "1", "Y": "${Y}"}}}}}},
            "security": {"jwt": {"accounts": [{"username": "u", "password": "p"}]}},
        }
        places = (
            ("model", "services", "chat", "instances", "a@b", "headers", "X"),
            ("security", "jwt", "accounts", 0, "password"),
        )
        self.assertEqual(secrets_in(canonical_changes(changes, ())), places)


class NothingNewTests(SynchronousTestCase):
    """What says nothing new is not stored."""

    def setUp(self) -> None:
        self.edited = Edited()

    def test_another_way_of_writing_the_same(self) -> None:
        bodies: list[Any] = [
            {"model.rate-limit.enabled": True},
            {"server": {"port": 8081}},
            {"model": {"services": {"chat": {"load-balancer": "ROUND_ROBIN"}}}},
            {"server": {"drain": {"timeout": "PT2M"}}},
            {"model": {"services": {"tts": None}}},
            {"management.endpoints.web.exposure.include": None},
        ]
        for body in bodies:
            self.edited(edits.merge(body))
            self.assertEqual(self.edited.version, 0, body)

    def test_a_default_counts_where_it_is_inherited_over(self) -> None:
        """`rate: 10` is the default, but at a service it is more than nothing."""
        self.edited(edits.update_service("chat", {"rateLimit": {"rate": 10}}))
        self.assertEqual(self.edited.of("chat"), {"rate-limit": {"rate": 10}})

    def test_another_placeholder_is_something_new(self) -> None:
        body = {"headers": {"Authorization": "Bearer ${OPENAI:}"}}
        self.edited(edits.update_instance("chat", GPT, body))
        self.assertEqual(self.edited.of("chat")["instances"][GPT], body)

    def test_a_list_that_is_the_same(self) -> None:
        edited = Edited("management.endpoints.web.exposure.include: health, info")
        edited(edits.merge({"management.endpoints.web.exposure.include": ["health", "info"]}))
        self.assertEqual(edited.version, 0)
        edited(edits.merge({"management.endpoints.web.exposure.include": ["health"]}))
        self.assertEqual(edited.version, 1)


class FixedTests(SynchronousTestCase):
    """What cannot be changed while the gateway runs."""

    def setUp(self) -> None:
        text = "store: {path: '${HOME}/store', max-versions: 5}\nspring.profiles.active: a\n"
        self.edited = Edited(text, {"HOME": "/home"})

    def test_what_was_shown_may_come_back(self) -> None:
        shown = tree_view(self.edited.loaded)
        self.assertEqual(shown["store"]["path"], "${HOME}/store")
        self.edited(edits.merge({**shown, "server": {"port": 81}}))
        self.assertEqual(self.edited.changes, {"server": {"port": 81}})

    def test_changed(self) -> None:
        for body in (
            {"store": {"path": "/x"}},
            {"store.type": "memory"},
            {"store": None},
            {"store": {"$patch": "replace", "path": "${HOME}/store"}},
            {"spring": {"profiles": {"active": ["b"]}}},
        ):
            for edit in (edits.merge(body), edits.replace_all(body)):
                refusal = self.assertRaises(InvalidConfiguration, self.edited, edit)
                self.assertIn("cannot be changed while", refusal.message)
