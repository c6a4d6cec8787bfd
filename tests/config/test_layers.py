"""Tests of stored changes over files and environment, and of building many times from what was read once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.instance_key import keys_of
from jairouter.config.loader import ConfigurationFaults, Loaded, Stored, Text, build, load, read
from jairouter.config.tree import lookup
from jairouter.control import Changes
from tests.config.editing import ENVIRON, FILE, GPT


def loaded(changes: Changes, *texts: str, environ: dict[str, str] | None = None, number: int = 7) -> Loaded:
    """Load changes over files."""
    files = [Text(f"{index}.yml", text.encode()) for index, text in enumerate(texts or (FILE,))]
    return load(files, (), ENVIRON if environ is None else environ, Stored(number, changes))


def instances(*said: Any) -> Changes:
    """Changes of the instances of chat."""
    return {"model": {"services": {"chat": {"instances": said[0] if len(said) == 1 else list(said)}}}}


class StoredTests(SynchronousTestCase):
    """Stored changes lie over everything else."""

    def test_files_then_environment_then_changes(self) -> None:
        environ = {**ENVIRON, "SERVER_PORT": "2", "SERVER_ADDRESS": "::"}
        server = loaded({"server": {"port": 3}}, environ=environ).settings.server
        self.assertEqual((server.port, server.address), (3, "::"))

    def test_origins_name_the_version(self) -> None:
        found = loaded({"server": {"port": 3}})
        self.assertEqual(str(found.origins["server.port"]), "version 7")
        self.assertEqual(found.stored, 7)

    def test_a_fault_names_the_version(self) -> None:
        fault = self.assertRaises(ConfigurationFaults, loaded, {"server": {"port": "x"}}).faults[0]
        self.assertEqual(str(fault), 'version 7: server.port: expected an integer from 0 to 65535, found "x"')

    def test_placeholders_are_replaced_when_it_is_built(self) -> None:
        found = loaded(
            {"model": {"adapter": "${A:b}"}}, environ={**ENVIRON, "A": "c", "SECURITY_CHANGES_VARIABLES": "A"}
        )
        self.assertEqual(found.settings.model.adapter, "c")
        self.assertEqual(found.placeholders["model.adapter"], "${A:b}")

    def test_what_was_taken_away_has_its_default(self) -> None:
        self.assertEqual(loaded({"server": None}).settings.server.port, 8080)

    def test_what_is_replaced_is_not_merged(self) -> None:
        changes = {"model": {"services": {"chat": {"rate-limit": {"$patch": "replace", "rate": 1}}}}}
        limit = loaded(changes).settings.model.services["chat"].rate_limit
        assert limit is not None
        self.assertEqual(limit.model_fields_set, {"rate"})

    def test_null_is_a_value_where_files_have_it(self) -> None:
        limit = {"capacity": None}
        changes: Any = {"model": {"services": {"chat": {"rate-limit": {"client-ip": limit}}}}}
        found = loaded(changes).settings.model.services["chat"].rate_limit
        assert found is not None
        self.assertEqual(found.client_ip.model_fields_set, {"capacity"})

    def test_where_changes_are_kept_cannot_be_changed(self) -> None:
        for changes in (
            {"store": {"path": "/x"}},
            {"spring": {"profiles": {"active": "x"}}},
            {"store": None},
        ):
            faults = self.assertRaises(ConfigurationFaults, loaded, changes).faults
            self.assertIn("belongs into the files", str(faults[0]))

    def test_changes_that_are_no_mapping(self) -> None:
        wrong: list[Any] = [None, [], 5, "x"]
        for changes in wrong:
            self.assertRaises(ConfigurationFaults, loaded, changes)

    def test_keys_of_later_versions_are_refused(self) -> None:
        self.assertRaises(ConfigurationFaults, loaded, {"server": {"warp": 3}})


class InstanceTests(SynchronousTestCase):
    """Changes to single instances."""

    def names(self, found: Loaded) -> list[str]:
        """The instances that apply."""
        return [each.name for each in found.settings.model.services["chat"].instances]

    def test_over_a_list(self) -> None:
        found = loaded(instances({GPT: {"weight": 3}, "local@${LOCAL}": None}))
        self.assertEqual(self.names(found), ["gpt-4"])
        self.assertEqual(found.settings.model.services["chat"].instances[0].weight, 3)

    def test_over_nothing(self) -> None:
        whole = {"name": "a", "base-url": "http://a"}
        found = loaded(instances({"a@http://a": whole, "b@http://b": {"weight": 1}}), "")
        self.assertEqual(self.names(found), ["a"])
        self.assertEqual(len(found.notices), 1)

    def test_over_single_elements_of_the_environment(self) -> None:
        environ = {**ENVIRON, "MODEL_SERVICES_CHAT_INSTANCES_1_WEIGHT": "5"}
        found = loaded(instances({"local@${LOCAL}": {"priority": 2}}), environ=environ)
        local = found.settings.model.services["chat"].instances[1]
        self.assertEqual((local.weight, local.priority), (5, 2))

    def test_over_single_elements_that_lie_over_no_list(self) -> None:
        prefix = "MODEL_SERVICES_CHAT_INSTANCES_0"
        environ = {f"{prefix}_NAME": "a", f"{prefix}_BASE_URL": "http://a/"}
        found = loaded(instances({"a@http://a": {"weight": 4}}), "", environ=environ)
        self.assertEqual(found.settings.model.services["chat"].instances[0].weight, 4)

    def test_over_a_service_that_was_taken_away(self) -> None:
        chat = {"$patch": "replace", "instances": {GPT: {"weight": 3}}}
        changes = {"model": {"services": {"chat": chat}}}
        self.assertEqual(self.names(loaded(changes)), [])

    def test_a_list_replaces_all(self) -> None:
        found = loaded(instances([{"name": "n", "base-url": "http://n"}]))
        self.assertEqual(self.names(found), ["n"])

    def test_one_that_is_replaced_keeps_nothing(self) -> None:
        whole = {"$patch": "replace", "name": "gpt-4", "base-url": "http://n"}
        found = loaded(instances({GPT: whole}))
        self.assertEqual(self.names(found), ["local", "gpt-4"])
        self.assertEqual(dict(found.settings.model.services["chat"].instances[1].headers), {})

    def test_a_key_that_several_have(self) -> None:
        text = "model.services.chat.instances: [{name: a, base-url: http://x, path: '/p?a=1'},"
        text += " {name: a, base-url: http://x, path: '/p?a=2'}]"
        faults = self.assertRaises(
            ConfigurationFaults, loaded, instances({"a@http://x/p?********": None}), text
        )
        self.assertIn("several instances have this key", str(faults))

    def test_keys_go_by_what_is_written(self) -> None:
        """What a placeholder stands for may be a secret, and differ from machine to machine."""
        found = loaded(instances({"local@http://localhost:8000": {"weight": 3}}))
        self.assertEqual(found.settings.model.services["chat"].instances[1].weight, 1)
        self.assertIn("which is not there any more", str(found.notices))

    def test_a_key_that_cannot_be_printed(self) -> None:
        found = loaded(instances({"a\n@b": {"weight": 1}}))
        self.assertNotIn("\n", str(found.notices[0]))


class SourcesTests(SynchronousTestCase):
    """What was read once is used many times."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.file = self.directory / "jairouter.yml"
        self.file.write_text(FILE)

    def test_building_leaves_it_as_it_was(self) -> None:
        sources = read([self.directory], ["prod"], ENVIRON)
        first = build(sources, ENVIRON)
        changed = build(sources, ENVIRON, Stored(1, instances({GPT: {"weight": 3}, "x@http://x": None})))
        again = build(sources, ENVIRON)
        self.assertNotEqual(changed.settings, first.settings)
        self.assertEqual((again.settings, again.notices), (first.settings, first.notices))

    def test_what_was_found_in_reading_is_told_each_time(self) -> None:
        sources = read([self.directory], ["prod"], ENVIRON)
        for stored in (None, Stored(1, {}), None):
            told = [str(notice) for notice in build(sources, ENVIRON, stored).notices]
            self.assertEqual(len([text for text in told if "the profile prod has no file" in text]), 1)

    def test_faults_of_reading_are_told_with_all_others(self) -> None:
        self.file.write_text("server.port: x\n---\n[")
        sources = read([self.directory, self.directory / "none.yml"])
        faults = self.assertRaises(ConfigurationFaults, build, sources).faults
        self.assertEqual(len(faults), 3)

    def test_the_digest_tells_whether_anything_is_different(self) -> None:
        digests = [read([self.directory], ["prod"]).digest]
        self.assertEqual(read([self.directory], ["prod"]).digest, digests[0])
        self.file.write_text(FILE + " ")
        digests.append(read([self.directory], ["prod"]).digest)
        (self.directory / "application-prod.yml").write_text("")
        digests.append(read([self.directory], ["prod"]).digest)
        self.file.unlink()
        digests.append(read([self.directory], ["prod"]).digest)
        self.assertEqual(len(set(digests)), 4)

    def test_a_file_that_comes_to_be_changes_the_digest(self) -> None:
        before = read([self.directory / "other.yml"])
        (self.directory / "other.yml").write_text("")
        self.assertNotEqual(read([self.directory / "other.yml"]).digest, before.digest)

    def test_paths_are_what_has_to_be_watched(self) -> None:
        sources = read([self.directory, self.directory / "none.yml", Text("x", b"")])
        self.assertEqual(sources.paths, (self.directory, self.file, self.directory / "none.yml"))

    def test_single_elements_of_a_later_document_lie_over_the_list_of_an_earlier_file(self) -> None:
        later = "model.services.chat.adapter: a\n---\nmodel.services.chat.instances[0].weight: 3"
        found = load([Text("1", FILE.encode()), Text("2", later.encode())], (), ENVIRON)
        first = found.settings.model.services["chat"].instances[0]
        self.assertEqual((first.name, first.weight), ("gpt-4", 3))

    def test_the_tree_has_the_order_of_the_settings(self) -> None:
        replacing = {"$patch": "replace", "name": "z", "base-url": "http://z"}
        found = loaded(instances({GPT: replacing, "a@b": {"weight": 1}}))
        texts = [key.split("@")[0] for key in keys(found)]
        self.assertEqual(texts, ["local", "gpt-4"])
        self.assertEqual(
            [each.name for each in found.settings.model.services["chat"].instances], ["local", "z"]
        )


def keys(found: Loaded) -> tuple[str, ...]:
    """The keys that changes know the instances of chat by."""
    return keys_of(lookup(found.tree, ("model", "services", "chat", "instances")))
