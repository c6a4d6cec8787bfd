"""Tests for `jairouter.web.management.versions`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import succeed

from jairouter.control import Draft, Told, UndoRule
from jairouter.reloading.difference import differences
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.parts import Parts
from jairouter.web.management.versions import endpoints
from tests.web.management.versioned import AskingVersions

KEY = "gpt-4@https://api.openai.com/v1/chat/completions"
WEIGHT = f"model.services.chat.instances[{KEY}].weight"

QUERIES: list[dict[str, Any]] = [{}, {"undoWithin": "60s"}]
"""With and without being undone."""


class AskingForVersions(AskingVersions):
    """Asks the endpoints for versions."""

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        return endpoints(parts, lambda before, after: succeed(differences(before, after)))


class LookingTests(AskingForVersions):
    """Which versions there are, and what they say."""

    def test_nothing_stored(self) -> None:
        self.assertEqual(self.ask("getVersions").data, [])
        self.assertEqual(self.ask("getCurrentVersion").data, 0)
        self.assertEqual(self.ask("getVersionsInfo").data, [])

    def test_numbers(self) -> None:
        self.weigh(3)
        self.weigh(4)
        self.assertEqual(self.ask("getVersions").data, [1, 2])
        reply = self.ask("getCurrentVersion")
        self.assertEqual((reply.data, reply.version), (2, 2))

    def test_history(self) -> None:
        self.weigh(3)
        self.weigh(4)
        first, second = self.ask("getVersionsInfo").data
        digest = first.pop("digest")
        self.assertEqual(
            first,
            {
                "version": 1,
                "createdAt": "2026-01-01T00:00:00.000Z",
                "createdBy": "tester",
                "description": "a test",
                "changeType": "test",
                "parent": 0,
                "current": False,
                "damaged": False,
            },
        )
        self.assertEqual(len(digest), 64)
        self.assertEqual((second["parent"], second["current"]), (1, True))

    def test_damaged_ones(self) -> None:
        """They are in the history, with the reason."""
        self.weigh(3)
        entry = self.successResultOf(self.configuration.store.history())[0]
        broken = type(entry)(entry.number, entry.created_at, 0, entry.told, "", "checksum does not match")
        self.patch(self.configuration.store, "history", lambda: succeed((broken,)))
        (told,) = self.ask("getVersionsInfo").data
        self.assertEqual((told["damaged"], told["damage"]), (True, "checksum does not match"))
        self.assertNotIn("digest", told)

    def test_one(self) -> None:
        """As the whole that it comes to, secrets masked."""
        self.weigh(7)
        data = self.ask("getVersion", 1).data
        first, second = data["services"]["chat"]["instances"]
        self.assertEqual(
            (first["weight"], first["headers"]), (7, {"Authorization": "Bearer ${OPENAI_API_KEY}"})
        )
        self.assertEqual(second["headers"], {"X-Key": "********"})

    def test_the_files(self) -> None:
        self.weigh(7)
        self.assertEqual(self.ask("getVersion", 0).data["services"]["chat"]["instances"][0]["weight"], 2)

    def test_more_and_less_of_one(self) -> None:
        self.weigh(7)
        self.assertEqual(self.ask("getVersion", 1, what="tree").data["server"], {"port": 8080})
        changes = self.ask("getVersion", 1, what="changes").data
        self.assertEqual(changes, self.of_instance(KEY, weight=7))
        self.assertEqual(self.ask("getVersion", 0, what="changes").data, {})

    def test_one_that_is_not_there(self) -> None:
        for what in ("model", "tree", "changes"):
            self.assertEqual(self.refusal("getVersion", 9, what=what).code, "VERSION_NOT_FOUND")


class ComparingTests(AskingForVersions):
    """How versions differ."""

    def test_two(self) -> None:
        self.weigh(3)
        self.weigh(4)
        data = self.ask("compareVersions", 1, 2).data
        self.assertEqual((data["from"], data["to"]), (1, 2))
        self.assertEqual(data["modified"], {WEIGHT: {"before": 3, "after": 4}})
        self.assertEqual((data["added"], data["deleted"]), ({}, {}))
        (told,) = data["differences"]
        self.assertEqual(told["text"], f"chat: the weight of {KEY} goes from 3 to 4")

    def test_with_what_is_in_force(self) -> None:
        self.change({"model": {"services": {"embedding": None}}})
        data = self.ask("compareWithCurrent", 0).data
        self.assertEqual((data["from"], data["to"]), (0, 1))
        self.assertIn("model.services.embedding", data["deleted"])
        self.assertIn("model.services.embedding", self.ask("compareVersions", 1, 0).data["added"])

    def test_one_that_is_not_there(self) -> None:
        self.assertEqual(self.refusal("compareVersions", 0, 9).code, "VERSION_NOT_FOUND")
        self.assertEqual(self.refusal("compareWithCurrent", 9).code, "VERSION_NOT_FOUND")


class GoingBackTests(AskingForVersions):
    """A new version that is like an old one."""

    def test_both_ways(self) -> None:
        self.weigh(3)
        self.weigh(4)
        reply = self.ask("applyVersion", 1)
        self.assertEqual((reply.data["version"], reply.data["changed"], self.first_weight()), (3, True, 3))
        self.ask("rollbackVersion", 2)
        self.assertEqual((self.first_weight(), self.ask("getVersions").data), (4, [1, 2, 3, 4]))
        told = [each["changeType"] for each in self.ask("getVersionsInfo").data]
        self.assertEqual(told[2:], ["apply", "rollback"])

    def test_to_the_files(self) -> None:
        self.weigh(3)
        self.assertEqual(self.ask("rollbackVersion", 0).data["version"], 2)
        self.assertEqual((self.first_weight(), self.configuration.changes), (2, {}))

    def test_to_what_is_in_force(self) -> None:
        """No version is made for that."""
        self.weigh(3)
        self.assertFalse(self.ask("applyVersion", 1).data["changed"])

    def test_why(self) -> None:
        self.weigh(3)
        self.ask("rollbackVersion", 0, description="too heavy")
        self.assertEqual(self.ask("getVersionsInfo").data[1]["description"], "too heavy")

    def test_undone_by_itself(self) -> None:
        self.weigh(3)
        self.weigh(4)
        for number, weight in ((1, 3), (0, 2)):
            self.ask("applyVersion", number, undoWithin="60s", undoMargin=0.1)
            self.assertEqual(self.configuration.made[-1][1], UndoRule(60.0, 0.1))
            self.assertEqual(self.first_weight(), weight)

    def test_an_editor_who_was_too_slow(self) -> None:
        self.weigh(3)
        self.weigh(4)
        for query in QUERIES:
            self.assertEqual(self.refusal("applyVersion", 1, parent=1, **query).code, "VERSION_CONFLICT")

    def test_one_that_says_who_may_call(self) -> None:
        """It was stored when versions could say so, or by somebody who may write into the store."""
        for number, name in enumerate(("applyVersion", "rollbackVersion"), 1):
            told = Told("anna", "import", "")
            draft = Draft(number - 1, {"management": {"api": {"allow-from": ["0.0.0.0/0"]}}}, told)
            self.successResultOf(self.configuration.store.add(draft))
            refusal = self.refusal(name, number)
            self.assertEqual(refusal.code, "INVALID_CONFIGURATION")
            self.assertEqual([each.path for each in refusal.faults], ["management.api"])

    def test_one_that_is_not_there(self) -> None:
        for query in QUERIES:
            self.assertEqual(self.refusal("rollbackVersion", 9, **query).code, "VERSION_NOT_FOUND")


class DeletingTests(AskingForVersions):
    """Versions that are not wanted any more."""

    def test_an_old_one(self) -> None:
        self.weigh(3)
        self.weigh(4)
        self.assertIsNone(self.ask("deleteVersion", 1).data)
        self.assertEqual(self.ask("getVersions").data, [2])

    def test_the_one_in_force(self) -> None:
        self.weigh(3)
        self.assertEqual(self.refusal("deleteVersion", 1).code, "NOT_POSSIBLE")
        self.assertEqual(self.ask("getVersions").data, [1])

    def test_the_one_in_force_though_there_is_a_newer_one(self) -> None:
        """As where that one is damaged, or does not fit the files."""
        number = self.weigh(3)
        draft = Draft(number, {}, Told("another process", "test"))
        self.successResultOf(self.configuration.store.add(draft))
        self.assertEqual(self.refusal("deleteVersion", number).code, "NOT_POSSIBLE")

    def test_one_that_is_not_there(self) -> None:
        self.weigh(3)
        self.assertEqual(self.refusal("deleteVersion", 9).code, "VERSION_NOT_FOUND")
