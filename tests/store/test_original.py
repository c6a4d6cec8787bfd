"""Directories that another product wrote are read where they are."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jairouter.config.edits import update_instance
from jairouter.refusals import VersionConflict, VersionDamaged
from jairouter.store.original import changes_of
from tests.config.editing import Edited
from tests.store.rig import StoreTestCase, draft

CHAT = {"name": "gpt-4", "baseUrl": "http://10.0.0.1:8000", "path": "/v1/chat/completions", "weight": 2}
TREE = {
    "adapter": "gpustack",
    "loadBalance": {"type": "round-robin", "hashAlgorithm": "md5"},
    "services": {"chat": {"instances": [CHAT], "rateLimit": {"clientIpEnable": True}}},
}


CANONICAL = {
    "model": {
        "adapter": "gpustack",
        "load-balance": {"type": "round-robin", "hash-algorithm": "md5"},
        "services": {
            "chat": {
                "instances": [
                    {
                        "name": "gpt-4",
                        "base-url": "http://10.0.0.1:8000",
                        "path": "/v1/chat/completions",
                        "weight": 2,
                    }
                ],
                "rate-limit": {"client-ip-enable": True},
            }
        },
    }
}
"""The same, as edits need it."""


class OriginalTestCase(StoreTestCase):
    """A directory."""

    def setUp(self) -> None:
        super().setUp()
        self.path.mkdir()
        self.base = self.path / "model-router-config.json"

    def write(self, path: Path, tree: Any, at: float = 1000.0) -> None:
        path.write_text(json.dumps(tree))
        os.utime(path, (at, at))


class DirectoryTests(OriginalTestCase):
    """Versions of both."""

    def numbers(self) -> list[tuple[int, int]]:
        """Numbers and parents."""
        return [(each.number, each.parent) for each in self.files.history()]

    def test_keys_that_nobody_knows(self) -> None:
        """The original passes them over, and all the rest applies."""
        chat = {**CHAT, "tierOfNobody": 3}
        services: Any = {"chat": {"instances": [chat], "rateLimit": {"clientIpEnable": True}}, "video": {}}
        self.write(
            self.path / "model-router-config@1.json", {**TREE, "services": services, "asyncMode": {"a": 1}}
        )
        self.assertEqual(self.files.read(1).changes, CANONICAL)

    def test_read(self) -> None:
        self.write(self.file(3), {})
        self.write(self.file(5), TREE)
        version = self.files.read(5)
        self.assertEqual(version.changes, CANONICAL)
        self.assertEqual((version.entry.created_at, version.entry.parent), (1000.0, 3))
        self.assertEqual((version.entry.told.who, version.entry.digest), ("unknown", ""))
        self.assertEqual(self.files.history(), (self.files.read(3).entry, version.entry))

    def test_edited(self) -> None:
        """An edit finds the instance that it means, and changes that one only."""
        self.write(self.file(1), TREE)
        edited = Edited("{}", {}, self.files.read(1).changes)
        edited(update_instance("chat", "gpt-4@http://10.0.0.1:8000", {"weight": 7}))
        (instance,) = edited.instances().values()
        self.assertEqual((instance.weight, instance.path), (7, "/v1/chat/completions"))
        self.assertEqual(edited.changes["model"]["load-balance"], CANONICAL["model"]["load-balance"])

    def test_what_cannot_be_understood(self) -> None:
        """It is as it was written, and whoever makes a configuration of it says what is wrong."""
        tree = {"services": {"chat": {"instances": ["gpt-4"]}}}
        self.write(self.file(1), tree)
        self.assertEqual(self.files.read(1).changes, {"model": tree})

    def test_ours_follow(self) -> None:
        self.write(self.file(987_654_321), TREE)
        self.assertEqual(self.files.add(draft(987_654_321)).number, 987_654_322)
        self.assertEqual(self.numbers(), [(987_654_321, 0), (987_654_322, 987_654_321)])

    def test_parent_when_the_one_before_is_deleted(self) -> None:
        for number in (1, 2, 3):
            self.write(self.file(number), TREE)
        self.files.history()
        self.files.delete(2)
        self.assertEqual(self.numbers(), [(1, 0), (3, 1)])
        self.assertEqual(self.files.read(3).entry.parent, 1)

    def test_only_a_base(self) -> None:
        """It is version 1, and stays version 1, as it is, when ours follow."""
        self.write(self.base, TREE, at=1234.5)
        before = self.files.read(1)
        self.assertEqual(before.changes, CANONICAL)
        self.assertRaises(VersionConflict, self.files.add, draft(0))
        self.assertEqual(self.files.add(draft(1)).number, 2)
        self.assertEqual(self.files.read(1), before)
        self.assertEqual((self.numbers(), before.entry.created_at), ([(1, 0), (2, 1)], 1234.5))

    def test_base_of_a_version(self) -> None:
        """Then it is a copy of one of them."""
        self.write(self.base, TREE)
        self.write(self.file(4), TREE)
        self.assertEqual(self.numbers(), [(4, 0)])

    def test_base_that_is_none(self) -> None:
        self.base.mkdir()
        self.assertEqual(self.files.history()[0].damage, "it is not a file")
        self.assertEqual(self.files.add(draft(1)).number, 2)

    def test_cut_short(self) -> None:
        """It was not written in one step."""
        self.file(1).write_text(json.dumps(TREE)[:-1])
        self.assertRaises(VersionDamaged, self.files.read, 1)

    def test_ours_without_a_format(self) -> None:
        """A version of ours that lost a member is not taken for one of theirs."""
        for member in ("format", "changes", "sha256"):
            self.write(self.file(1), {"services": TREE["services"], member: {}})
            self.assertRaises(VersionDamaged, self.files.read, 1)


class HistoryTests(OriginalTestCase):
    """Who made a version is told by another file, if at all."""

    def remember(self, *lines: Any) -> None:
        self.write(self.path / "model-router-config.history.json", {"history": lines})

    def test_told(self) -> None:
        self.write(self.file(1), TREE)
        self.files.history()
        self.remember(
            {
                "version": 1,
                "createdAt": "2025-08-25T10:00:00.5Z",
                "createdBy": "admin",
                "description": "two\nlines",
                "changeType": "ADD_INSTANCE",
            }
        )
        (entry,) = self.files.history()
        self.assertEqual(entry, self.files.read(1).entry)
        told = entry.told
        self.assertEqual(
            (told.who, told.change_type, told.description), ("admin", "add-instance", "two lines")
        )
        self.assertEqual(entry.created_at, datetime(2025, 8, 25, 10, 0, 0, 500_000, tzinfo=UTC).timestamp())

    def test_times(self) -> None:
        """As a text or a list in the server's time, or as a number."""
        self.write(self.file(1), TREE)
        local = datetime(2025, 8, 25, 10, 0).astimezone().timestamp()
        for written, expected in (
            ("2025-08-25T10:00:00", local),
            ([2025, 8, 25, 10, 0], local),
            ([2025, 8, 25, 10, 0, 1, 500_000_000], local + 1.5),
            (1_736_935_200.5, 1_736_935_200.5),
            (1_736_935_200_500, 1_736_935_200.5),
            ("yesterday", 1000.0),
            ([2025, 13, 1], 1000.0),
            (True, 1000.0),
            ({}, 1000.0),
        ):
            self.remember({"version": 1, "createdAt": written})
            self.assertEqual(self.files.read(1).entry.created_at, expected, written)

    def test_of_no_use(self) -> None:
        """It only tells about versions: nothing in it makes one unreadable."""
        self.write(self.file(1), TREE)
        lines: Any
        for lines in (
            (),
            (1, None, [], {"version": "1"}),
            ({"version": 1, "createdBy": 5, "createdAt": None},),
        ):
            self.remember(*lines)
            self.assertEqual(self.files.read(1).entry.told.who, "unknown")
        for text in ("", "[]", '{"history": 3}', "x"):
            (self.path / "model-router-config.history.json").write_text(text)
            self.assertEqual(self.files.read(1).entry.told.who, "unknown")
            self.assertEqual(self.files.history()[0].damage, "")


class ChangesTests(StoreTestCase):
    """What such a version changes."""

    def instance(self, **members: Any) -> Any:
        tree = {"services": {"chat": {"instances": [{**CHAT, **members}]}}}
        return changes_of(tree)["model"]["services"]["chat"]["instances"][0]

    def test_nothing(self) -> None:
        """The first version is often written before there is anything to write."""
        tree: Any
        for tree in ({}, {"services": {}}, {"services": None}, {"adapter": "x"}, {"services": [1]}):
            self.assertEqual(changes_of(tree), {}, tree)

    def test_null(self) -> None:
        """It means there that nothing is given; in changes it would take away what the files say."""
        tree = {"fallback": None, "services": {"chat": {"adapter": None, "instances": [CHAT]}, "tts": None}}
        self.assertEqual(changes_of(tree), {"model": {"services": {"chat": {"instances": [CHAT]}}}})
        self.assertEqual(
            self.instance(rateLimit=None, headers={"a": None, "b": "c"}), {**CHAT, "headers": {"b": "c"}}
        )

    def test_beside_the_model(self) -> None:
        noise = {"_metadata": {"x": 1}, "store": {"type": "file"}, "tracing": {"sampling": {}}}
        self.assertEqual(changes_of({**TREE, **noise}), {"model": TREE})

    def test_what_checks_said(self) -> None:
        self.assertEqual(self.instance(status="HEALTHY", lastHealthCheck="x", requestCount=3), CHAT)

    def test_status(self) -> None:
        self.assertEqual(self.instance(status="INACTIVE")["status"], "inactive")

    def test_id(self) -> None:
        """One that is made up of name and address would hold on to an address that is changed later."""
        self.assertEqual(self.instance(instanceId="gpt-4@http://10.0.0.1:8000"), CHAT)
        self.assertEqual(self.instance(instanceId="5c9b-1")["instanceId"], "5c9b-1")

    def test_odd_shapes(self) -> None:
        """They are left to whoever knows what a service is."""
        self.assertEqual(
            changes_of({"services": {"chat": {"instances": "x"}, "tts": {"instances": [1]}}}),
            {"model": {"services": {"chat": {"instances": "x"}, "tts": {"instances": [1]}}}},
        )
