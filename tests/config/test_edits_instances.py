"""Tests of edits of instances."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import edits
from jairouter.refusals import AlreadyExists, InstanceNotFound, InvalidConfiguration, ServiceNotFound
from tests.config.editing import FILE, GPT, Edited

WHICH = "gpt-4@https://api.openai.com"


class AddTests(SynchronousTestCase):
    """Adding instances."""

    def setUp(self) -> None:
        self.edited = Edited()

    def test_any_host_that_can_be_connected_to(self) -> None:
        hosts = ["localhost:11434", "my_model:8000", "[::1]:80", "10.0.0.1", "a.b.svc.cluster.local", "x/v1"]
        for number, host in enumerate(hosts):
            body = {"name": f"n{number}", "baseUrl": f"http://{host}"}
            self.edited(edits.add_instance("chat", body))
            self.assertEqual(self.edited.instances()[f"n{number}"].base_url, f"http://{host}")
        self.assertEqual(len(self.edited.instances()), 2 + len(hosts))

    def test_it_is_stored_by_its_key(self) -> None:
        body = {"name": "n", "baseUrl": "HTTP://n:1/", "path": "/p", "maxRetries": 2}
        self.edited(edits.add_instance("chat", body))
        expected = {"name": "n", "base-url": "HTTP://n:1/", "path": "/p", "max-retries": 2}
        self.assertEqual(self.edited.of("chat"), {"instances": {"n@http://n:1/p": expected}})

    def test_its_service_is_made_if_need_be(self) -> None:
        self.edited(edits.add_instance("tts", {"name": "n", "base_url": "http://n"}))
        self.assertEqual(list(self.edited.instances("tts")), ["n"])

    def test_one_that_is_there_cannot_be_added(self) -> None:
        same = [
            {"name": "gpt-4", "baseUrl": "https://api.openai.com", "path": "/v1/chat/completions"},
            {"name": "gpt-4", "baseUrl": "HTTPS://api.openai.com/", "path": "/v1/chat/completions"},
            {"name": "gpt-4", "url": "https://api.openai.com", "path": "/v1/chat/completions", "id": "other"},
            {"name": "local", "baseUrl": "${LOCAL}"},
            {"name": "local", "baseUrl": "http://localhost:8000"},
        ]
        for body in same:
            self.assertRaises(AlreadyExists, self.edited, edits.add_instance("chat", body))

    def test_the_same_address_with_another_path_is_another_one(self) -> None:
        body = {"name": "gpt-4", "baseUrl": "https://api.openai.com", "path": "/v2"}
        self.edited(edits.add_instance("chat", body))
        self.assertEqual(len(self.edited.loaded.settings.model.services["chat"].instances), 3)

    def test_name_and_address_are_required(self) -> None:
        refused = self.assertRaises(InvalidConfiguration, self.edited, edits.add_instance("chat", {}))
        self.assertEqual([fault.text for fault in refused.faults], ["this key is required"] * 2)

    def test_one_that_was_deleted_comes_back_as_it_is_added(self) -> None:
        self.edited(edits.delete_instance("chat", WHICH))
        body = {"name": "gpt-4", "baseUrl": "https://api.openai.com", "path": "/v1/chat/completions"}
        self.edited(edits.add_instance("chat", body))
        self.assertEqual(dict(self.edited.instances()["gpt-4"].headers), {})

    def test_one_that_takes_the_old_name_of_another_is_no_change_of_that_one(self) -> None:
        self.edited(edits.update_instance("chat", WHICH, {"name": "gpt-5", "weight": 7}))
        body = {"name": "gpt-4", "baseUrl": "https://api.openai.com", "path": "/v1/chat/completions"}
        self.edited(edits.add_instance("chat", body))
        weights = {name: each.weight for name, each in self.edited.instances().items()}
        self.assertEqual(weights, {"gpt-5": 7, "local": 1, "gpt-4": 1})

    def test_what_was_said_of_one_that_is_gone_does_not_come_back(self) -> None:
        """The files have lost an instance that the changes had something to say about."""
        self.edited(edits.update_instance("embedding", "bge@http://[::1]:9000", {"weight": 7}))
        gone = self.edited.refiled(FILE.replace("bge", "other"))
        gone(edits.add_instance("embedding", {"name": "bge", "baseUrl": "http://[::1]:9000"}))
        self.assertEqual(gone.instances("embedding")["bge"].weight, 1)

    def test_an_instance_id_that_an_answer_made_up_is_none(self) -> None:
        body = {"name": "n", "baseUrl": "http://n/", "instanceId": "n@http://n", "weight": 1}
        self.edited(edits.add_instance("chat", body))
        self.assertIsNone(self.edited.instances()["n"].instance_id)

    def test_what_answers_say_besides_is_ignored(self) -> None:
        body = {
            "name": "n",
            "baseUrl": "http://n",
            "healthStatus": "UP",
            "requestCount": 3,
            "status": "healthy",
        }
        self.edited(edits.add_instance("chat", body))
        self.assertEqual(self.edited.instances()["n"].status, "active")
        self.assertRaises(
            InvalidConfiguration, self.edited, edits.add_instance("chat", {**body, "colour": 1})
        )

    def test_a_list_that_is_stored_takes_one_more(self) -> None:
        """As when changes were imported."""
        stored = {"model": {"services": {"chat": {"instances": [{"name": "s", "base-url": "http://s"}]}}}}
        edited = Edited(changes=stored)(edits.add_instance("chat", {"name": "n", "baseUrl": "http://n"}))
        self.assertEqual(list(edited.instances()), ["s", "n"])


class UpdateTests(SynchronousTestCase):
    """Changing instances."""

    def setUp(self) -> None:
        self.edited = Edited()

    def test_one_member_alone(self) -> None:
        """What is not said stays, with its placeholders."""
        before = self.edited.instances()["gpt-4"]
        self.edited(edits.update_instance("chat", WHICH, {"weight": 4}))
        self.assertEqual(self.edited.instances()["gpt-4"], before.model_copy(update={"weight": 4}))
        self.assertEqual(self.edited.of("chat"), {"instances": {GPT: {"weight": 4}}})

    def test_a_weight_is_not_needed(self) -> None:
        self.edited(edits.update_instance("chat", WHICH, {"name": "gpt-4", "enabled": False}))
        self.assertFalse(self.edited.instances()["gpt-4"].enabled)

    def test_a_new_name_and_address_keep_everything_else(self) -> None:
        body = {"name": "gpt-5", "baseUrl": "http://localhost:1", "path": "/p", "instanceId": "mine"}
        self.edited(edits.update_instance("chat", WHICH, body))
        after = self.edited.instances()["gpt-5"]
        self.assertEqual(after.headers["Authorization"].reveal(), "Bearer k3y")
        self.assertEqual(
            (after.base_url, after.path, after.instance_id), ("http://localhost:1", "/p", "mine")
        )
        self.assertEqual(list(self.edited.of("chat")["instances"]), [GPT])

    def test_it_cannot_become_another_one(self) -> None:
        body = {"name": "gpt-4", "baseUrl": "https://api.openai.com", "path": "/v1/chat/completions"}
        for said in (body, {**body, "baseUrl": "https://api.openai.com/", "instanceId": "x"}):
            self.assertRaises(
                AlreadyExists, self.edited, edits.update_instance("chat", "local@${LOCAL}", said)
            )

    def test_one_that_only_the_changes_know_gets_a_new_key(self) -> None:
        self.edited(edits.add_instance("chat", {"name": "n", "baseUrl": "http://n", "weight": 3}))
        self.edited(edits.update_instance("chat", "n@http://n", {"baseUrl": "http://m"}))
        expected = {"name": "n", "base-url": "http://m", "weight": 3}
        self.assertEqual(self.edited.of("chat"), {"instances": {"n@http://m": expected}})

    def test_what_is_changed_back_is_still_said(self) -> None:
        """The files may change; what somebody has set stays set."""
        self.edited(edits.update_instance("chat", WHICH, {"weight": 4}))
        self.edited(edits.update_instance("chat", WHICH, {"weight": 1}))
        self.assertEqual(self.edited.of("chat"), {"instances": {GPT: {"weight": 1}}})

    def test_its_own_name_says_which_one_is_meant_and_is_no_new_instance_id(self) -> None:
        for name in (WHICH, GPT):
            self.edited(edits.update_instance("chat", WHICH, {"instanceId": name, "weight": 2}))
        self.assertEqual(self.edited.of("chat"), {"instances": {GPT: {"weight": 2}}})

    def test_a_header_in_another_case_is_the_same_header(self) -> None:
        self.edited(edits.update_instance("chat", WHICH, {"headers": {"authorization": "Bearer ${NEXT:}"}}))
        self.assertEqual(self.edited.instances()["gpt-4"].headers["Authorization"].reveal(), "Bearer ")

    def test_one_that_is_not_there(self) -> None:
        self.assertRaises(InstanceNotFound, self.edited, edits.update_instance("chat", "x@http://x", {}))
        self.assertRaises(ServiceNotFound, self.edited, edits.update_instance("tts", "x@http://x", {}))

    def test_one_that_the_files_lost_is_left_out_with_a_notice(self) -> None:
        self.edited(edits.update_instance("embedding", "bge@http://[::1]:9000", {"weight": 7}))
        gone = self.edited.refiled(FILE.replace("bge", "other"))
        self.assertEqual(list(gone.instances("embedding")), ["other"])
        told = (
            "version 1 changes the instance bge@http://[::1]:9000 of embedding, which is not there any more"
        )
        self.assertIn(told, [str(notice) for notice in gone.loaded.notices])


class DeleteTests(SynchronousTestCase):
    """Taking instances away."""

    def setUp(self) -> None:
        self.edited = Edited()

    def test_one_of_the_files(self) -> None:
        self.edited(edits.delete_instance("chat", WHICH))
        self.assertEqual(list(self.edited.instances()), ["local"])
        self.assertEqual(self.edited.of("chat"), {"instances": {GPT: None}})

    def test_one_of_the_files_by_another_name(self) -> None:
        self.edited(edits.update_instance("chat", WHICH, {"name": "gpt-5"}))
        self.edited(edits.delete_instance("chat", "gpt-5@https://api.openai.com"))
        self.assertEqual(list(self.edited.instances()), ["local"])

    def test_one_that_only_the_changes_know_is_forgotten(self) -> None:
        self.edited(edits.add_instance("chat", {"name": "n", "baseUrl": "http://n"}))
        self.edited(edits.delete_instance("chat", "n@http://n"))
        self.assertEqual(self.edited.changes, {})

    def test_one_that_was_replaced_does_not_become_what_the_files_say(self) -> None:
        self.edited(edits.delete_instance("chat", WHICH))
        body = {"name": "gpt-4", "baseUrl": "https://api.openai.com", "path": "/v1/chat/completions"}
        self.edited(edits.add_instance("chat", body))(edits.delete_instance("chat", WHICH))
        self.assertEqual(list(self.edited.instances()), ["local"])

    def test_the_last_one_leaves_the_service(self) -> None:
        self.edited(edits.delete_instance("embedding", "bge@http://[::1]:9000"))
        self.assertEqual(self.edited.instances("embedding"), {})

    def test_one_of_a_list_that_is_stored(self) -> None:
        listed = [{"name": "s", "base-url": "http://s"}, {"name": "t", "base-url": "http://t"}]
        edited = Edited(changes={"model": {"services": {"chat": {"instances": listed}}}})
        edited(edits.delete_instance("chat", "s@http://s"))
        self.assertEqual(list(edited.instances()), ["t"])
