"""Tests for `jairouter.web.management.merging`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from jairouter.control import UndoRule
from jairouter.refusals import StoreUnavailable, VersionDamaged
from jairouter.web.management.endpoint import Endpoint
from jairouter.web.management.merging import endpoints
from jairouter.web.management.parts import Parts
from tests.web.management.versioned import AskingVersions

KEY = "gpt-4@https://api.openai.com/v1/chat/completions"
OTHER = "llama@http://ollama:11434"


class Merging(AskingVersions):
    """Asks the endpoints for merging."""

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        return endpoints(parts, self.back_up, "/var/lib/store")

    def setUp(self) -> None:
        super().setUp()
        self.backups: list[list[int]] = []
        self.backup: Deferred[str] = succeed("/backups/one.tar.gz")

    def back_up(self) -> Deferred[str]:
        self.backups.append(self.numbers())
        return self.backup

    def numbers(self) -> list[int]:
        """Of the stored versions."""
        return [each.number for each in self.successResultOf(self.configuration.store.history())]

    def three(self) -> None:
        """Versions of which none says what the others say."""
        self.change(self.of_instance(KEY, weight=5))
        self.change(self.of_instance(OTHER, weight=6))
        self.change({"model": {"services": {"embedding": None}}})

    def damage(self, number: int) -> None:
        """Let a version not be readable any more."""
        read = self.configuration.store.read

        def damaged(asked: int) -> Any:
            return fail(VersionDamaged(f"version {asked} is damaged")) if asked == number else read(asked)

        self.patch(self.configuration.store, "read", damaged)


class LookingTests(Merging):
    """What there is to be merged."""

    def test_nothing(self) -> None:
        """That is no error."""
        self.assertEqual(self.ask("scanMerge").data, {})
        self.assertEqual(
            self.ask("previewMerge").data, {"mergedConfig": {}, "sourceFiles": [], "totalFiles": 0}
        )
        validated = {"totalFiles": 0, "validFiles": 0, "invalidFiles": 0, "details": []}
        self.assertEqual(self.ask("validateMerge").data, validated)
        statistics = self.ask("statisticsMerge").data
        self.assertEqual((statistics["totalVersionFiles"], statistics["oldestVersion"]), (0, None))
        self.assertFalse(statistics["previewAvailable"])

    def test_where_they_are(self) -> None:
        self.three()
        self.assertEqual(self.ask("scanMerge").data["2"], "/var/lib/store/model-router-config@2.json")

    def test_where_they_are_by_configuration(self) -> None:
        (scan,) = (each for each in endpoints(self.parts) if each.name == "scanMerge")
        self._endpoints = {"scanMerge": scan}
        self.three()
        self.assertEqual(self.ask("scanMerge").data["1"], "./config-store/model-router-config@1.json")

    def test_numbers(self) -> None:
        self.three()
        expected = {
            "totalVersionFiles": 3,
            "oldestVersion": 1,
            "newestVersion": 3,
            "previewAvailable": True,
            "configDirectory": "/var/lib/store",
        }
        self.assertEqual(self.ask("statisticsMerge").data, expected)
        status = self.ask("statusMerge").data
        self.assertEqual((status["availableVersionFiles"], status["serviceReady"]), (3, True))
        self.assertEqual(set(status["versionFiles"]), {"1", "2", "3"})

    def test_a_store_that_is_out_of_order(self) -> None:
        self.three()
        self.patch(self.configuration.store, "history", lambda: fail(StoreUnavailable("no disk")))
        self.assertEqual(self.refusal("scanMerge").code, "STORE_UNAVAILABLE")
        status = self.ask("statusMerge").data
        self.assertEqual((status["serviceReady"], status["availableVersionFiles"]), (False, 0))

    def test_what_would_come_out(self) -> None:
        self.three()
        data = self.ask("previewMerge").data
        services = data["mergedConfig"]["model"]["services"]
        self.assertEqual(services["chat"]["instances"], {KEY: {"weight": 5}, OTHER: {"weight": 6}})
        self.assertIsNone(services["embedding"])
        self.assertEqual((data["totalFiles"], len(data["sourceFiles"]), self.numbers()), (3, 3, [1, 2, 3]))

    def test_each_is_tried(self) -> None:
        self.three()
        self.damage(2)
        data = self.ask("validateMerge").data
        self.assertEqual((data["totalFiles"], data["validFiles"], data["invalidFiles"]), (3, 2, 1))
        bad = data["details"][1]
        self.assertEqual((bad["version"], bad["valid"], bad["errors"]), (2, False, ["version 2 is damaged"]))


class ExecuteTests(Merging):
    """One version of all of them."""

    def test_all_of_them(self) -> None:
        self.three()
        data = self.ask("executeMerge").data
        self.assertEqual((data["success"], data["mergedFilesCount"], data["newVersionCount"]), (True, 3, 1))
        self.assertEqual((data["version"], data["errors"]), (4, []))
        services = self.configuration.loaded.settings.model.services
        self.assertEqual([each.weight for each in services["chat"].instances], [5, 6])
        self.assertNotIn("embedding", services)

    def test_later_ones_win(self) -> None:
        self.weigh(5)
        self.weigh(6)
        self.ask("executeMerge")
        self.assertEqual(self.first_weight(), 6)

    def test_nothing(self) -> None:
        self.assertEqual(self.refusal("executeMerge").code, "INVALID_REQUEST")

    def test_a_damaged_one(self) -> None:
        """It is left out, and that is said."""
        self.three()
        self.damage(2)
        data = self.ask("executeMerge").data
        self.assertEqual((data["success"], data["errors"]), (False, ["version 2 is damaged"]))
        self.assertEqual(data["mergedFilesCount"], 2)
        weights = [
            each.weight for each in self.configuration.loaded.settings.model.services["chat"].instances
        ]
        self.assertEqual(weights, [5, 1])

    def test_an_editor_who_was_too_slow(self) -> None:
        self.three()
        self.assertEqual(self.refusal("executeMerge", parent=2).code, "VERSION_CONFLICT")

    def test_undone_by_itself(self) -> None:
        self.three()
        self.ask("executeMerge", undoWithin="5m")
        self.assertEqual(self.configuration.made[-1][1], UndoRule(300.0))


class OthersTests(Merging):
    """Backup and cleanup, and all together."""

    def test_backup(self) -> None:
        self.three()
        data = self.ask("backupMerge").data
        self.assertEqual((data["success"], data["mergedFilesCount"]), (True, 3))
        self.assertEqual(data["message"], "Backup made: /backups/one.tar.gz")

    def test_no_backup(self) -> None:
        (back_up,) = (each for each in endpoints(self.parts) if each.name == "backupMerge")
        self._endpoints = {"backupMerge": back_up}
        self.assertEqual(self.refusal("backupMerge").code, "NOT_POSSIBLE")

    def test_nothing_is_deleted_unasked(self) -> None:
        self.three()
        self.assertEqual(self.ask("cleanupMerge").data["mergedFilesCount"], 0)
        self.assertEqual(self.numbers(), [1, 2, 3])

    def test_all_but_the_one_in_force(self) -> None:
        self.three()
        data = self.ask("cleanupMerge", deleteOriginals=True).data
        self.assertEqual(data["mergedFiles"], [f"model-router-config@{number}.json" for number in (1, 2)])
        self.assertEqual((self.numbers(), data["errors"]), ([3], []))

    def test_all_together(self) -> None:
        self.three()
        data = self.ask("batchMerge", deleteOriginals=True).data
        self.assertEqual([each["executed"] for each in data.values()], [True, True, True])
        self.assertEqual((self.backups, self.numbers()), ([[1, 2, 3]], [4]))
        self.assertEqual(data["merge"]["result"]["version"], 4)

    def test_together_but_nothing_deleted(self) -> None:
        self.three()
        data = self.ask("batchMerge").data
        self.assertEqual(data["cleanup"], {"executed": False, "result": None})
        self.assertEqual(self.numbers(), [1, 2, 3, 4])

    def test_nothing_is_done_without_the_backup(self) -> None:
        """Where it fails."""
        self.three()
        self.backup = fail(StoreUnavailable("disk full"))
        self.assertEqual(self.refusal("batchMerge", deleteOriginals=True).code, "STORE_UNAVAILABLE")
        self.assertEqual(self.numbers(), [1, 2, 3])
