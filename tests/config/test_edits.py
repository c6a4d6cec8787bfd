"""Tests of edits of services and of the whole."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import edits
from jairouter.config.view import service_view, tree_view
from jairouter.refusals import AlreadyExists, InvalidConfiguration, InvalidRequest, ServiceNotFound
from tests.config.editing import FILE, GPT, Edited


class ServiceTests(SynchronousTestCase):
    """Adding, changing and taking away services."""

    def setUp(self) -> None:
        self.edited = Edited()

    def test_the_first_edit_leaves_all_that_the_files_say(self) -> None:
        """Where files and edits are two systems, the first edit wipes all other services."""
        self.edited(edits.add_service("tts", {"instances": [{"name": "t", "baseUrl": "http://t"}]}))
        before = Edited().loaded.settings.model
        after = self.edited.loaded.settings.model
        self.assertEqual([after.services[name] for name in before.services], list(before.services.values()))
        self.assertEqual(list(after.services), ["chat", "embedding", "tts"])
        self.assertEqual(after.rate_limit, before.rate_limit)

    def test_an_edit_stores_only_what_it_says(self) -> None:
        self.edited(edits.update_service("chat", {"rateLimit": {"capacity": 7}}))
        self.assertEqual(
            self.edited.changes, {"model": {"services": {"chat": {"rate-limit": {"capacity": 7}}}}}
        )

    def test_a_service_that_is_there_cannot_be_added(self) -> None:
        self.assertRaises(AlreadyExists, self.edited, edits.add_service("chat", {}))

    def test_there_are_only_so_many_services(self) -> None:
        self.assertRaises(InvalidRequest, self.edited, edits.add_service("smell", {}))
        self.assertRaises(ServiceNotFound, self.edited, edits.update_service("smell", {}))
        self.assertRaises(ServiceNotFound, self.edited, edits.delete_service("tts"))

    def test_any_spelling_of_a_service_will_do(self) -> None:
        self.edited(edits.add_service("image-generation", {}))
        self.assertEqual(self.edited.of("imgGen"), {})
        self.edited(edits.delete_service("img_gen"))
        self.assertEqual(self.edited.changes, {})

    def test_a_service_of_the_files_that_is_deleted_stays_deleted(self) -> None:
        self.edited(edits.delete_service("embeddings"))
        self.assertNotIn("embedding", self.edited.loaded.settings.model.services)
        self.assertIsNone(self.edited.changes["model"]["services"]["embedding"])

    def test_a_service_that_only_the_changes_know_is_forgotten_when_it_is_deleted(self) -> None:
        self.edited(edits.add_service("tts", {}))(edits.delete_service("tts"))
        self.assertEqual(self.edited.changes, {})

    def test_a_service_that_was_deleted_comes_back_as_it_is_added(self) -> None:
        """What the files said of it stays away."""
        self.edited(edits.delete_service("chat"))(edits.add_service("chat", {"rateLimit": {"rate": 3}}))
        chat = self.edited.loaded.settings.model.services["chat"]
        self.assertEqual((chat.instances, chat.load_balance), ((), None))
        assert chat.rate_limit is not None
        self.assertEqual(chat.rate_limit.model_fields_set, {"rate"})

    def test_mappings_are_merged_and_the_list_of_instances_is_replaced(self) -> None:
        body = {"rateLimit": {"rate": 5}, "instances": [{"name": "new", "baseUrl": "http://new"}]}
        self.edited(edits.update_service("chat", body))
        chat = self.edited.loaded.settings.model.services["chat"]
        assert chat.rate_limit is not None
        assert chat.load_balance is not None
        self.assertEqual((chat.rate_limit.capacity, chat.rate_limit.rate), (100, 5))
        self.assertEqual(chat.load_balance.type, "round-robin")
        self.assertEqual([each.name for each in chat.instances], ["new"])

    def test_what_was_shown_can_be_sent_back_unchanged(self) -> None:
        for service in ("chat", "embedding"):
            view = service_view(self.edited.loaded, service)
            self.edited(edits.update_service(service, view))
        self.assertEqual(self.edited.version, 0)

    def test_what_was_shown_can_be_edited_and_sent_back(self) -> None:
        """Secrets that were masked stay, and only what was edited is stored."""
        view = service_view(self.edited.loaded, "chat")
        view["instances"][0]["weight"] = 9
        self.edited(edits.update_service("chat", view))
        self.assertEqual(self.edited.of("chat"), {"instances": {GPT: {"weight": 9}}})
        headers = self.edited.instances()["gpt-4"].headers
        self.assertEqual(headers["X-Team"].reveal(), "s3cret")

    def test_an_instance_that_is_not_in_the_list_is_taken_away(self) -> None:
        view = service_view(self.edited.loaded, "chat")
        del view["instances"][0]
        self.edited(edits.update_service("chat", view))
        self.assertEqual(self.edited.of("chat"), {"instances": {GPT: None}})
        self.assertEqual(self.edited.instances()["local"].api_key.reveal(), "s3cret")

    def test_a_member_that_is_not_in_the_list_is_taken_away(self) -> None:
        view = service_view(self.edited.loaded, "chat")
        del view["instances"][0]["headers"]["X-Team"]
        self.edited(edits.update_service("chat", view))
        self.assertEqual(list(self.edited.instances()["gpt-4"].headers), ["Authorization"])

    def test_an_instance_in_a_list_needs_a_name_and_an_address(self) -> None:
        body = {"instances": [{"name": "new"}]}
        refused = self.assertRaises(InvalidConfiguration, self.edited, edits.update_service("chat", body))
        self.assertIn("needs base-url", refused.message)

    def test_null_takes_away_what_the_files_say(self) -> None:
        self.edited(edits.update_service("chat", {"rateLimit": None}))
        self.assertIsNone(self.edited.loaded.settings.model.services["chat"].rate_limit)

    def test_unknown_keys_are_refused_with_what_may_have_been_meant(self) -> None:
        refused = self.assertRaises(
            InvalidConfiguration, self.edited, edits.update_service("chat", {"rateLimt": {}, "x": 1})
        )
        self.assertEqual(len(refused.faults), 2)
        self.assertIn("did you mean rate-limit?", refused.message)


class WholeTests(SynchronousTestCase):
    """Edits of everything at once."""

    def setUp(self) -> None:
        self.edited = Edited()

    def test_a_patch_changes_what_it_names(self) -> None:
        self.edited(edits.merge({"model": {"services": {"chat": {"instances": {GPT: {"weight": 2}}}}}}))
        self.assertEqual(self.edited.of("chat"), {"instances": {GPT: {"weight": 2}}})

    def test_a_patch_names_instances_as_they_are_called_now(self) -> None:
        which = "gpt-4@https://api.openai.com"
        self.edited(edits.update_instance("chat", which, {"name": "gpt-5"}))
        said = {"instances": {"gpt-5@https://api.openai.com": {"weight": 2}}}
        self.edited(edits.merge({"model.services.chat": said}))
        self.assertEqual(self.edited.of("chat"), {"instances": {GPT: {"name": "gpt-5", "weight": 2}}})

    def test_a_patch_cannot_change_an_instance_that_is_not_there(self) -> None:
        body: Any = {"model": {"services": {"chat": {"instances": {"x@http://x": {"weight": 2}}}}}}
        self.assertRaises(InvalidConfiguration, self.edited, edits.merge(body))

    def test_all_that_is_shown_can_be_sent_back(self) -> None:
        model = tree_view(self.edited.loaded, ("model",))
        self.edited(edits.merge({"model": model}))
        self.edited(edits.replace_all({"model": model}))
        self.assertEqual(self.edited.version, 0)

    def test_a_whole_part_may_be_taken_away(self) -> None:
        for path in ("model.services.chat.instances", "model.services", "model", "server"):
            self.edited(edits.merge({path: None}))
        self.assertEqual(self.edited.changes, {"model": None, "server": None})
        self.assertEqual(dict(self.edited.loaded.settings.model.services), {})
        self.edited(edits.add_instance("chat", {"name": "n", "baseUrl": "http://n"}))
        self.assertEqual(list(self.edited.instances()), ["n"])
        self.assertFalse(self.edited.loaded.settings.model.rate_limit.enabled)

    def test_what_says_where_changes_are_kept_cannot_be_changed(self) -> None:
        for body in ({"store": {"type": "memory"}}, {"spring.profiles.active": "x"}, {"$patch": "replace"}):
            self.assertRaises(InvalidConfiguration, self.edited, edits.merge(body))

    def test_replacing_all_forgets_what_was_changed_before(self) -> None:
        self.edited(edits.merge({"model": {"adapter": "vllm"}}))
        self.edited(edits.replace_all({"model": {"rateLimit": {"rate": 3}}}))
        self.assertEqual(self.edited.changes, {"model": {"rate-limit": {"rate": 3}}})

    def test_reset_forgets_all(self) -> None:
        self.edited(edits.merge({"model": {"adapter": "vllm"}}))(edits.reset())
        self.assertEqual(self.edited.changes, {})

    def test_an_edit_that_changes_nothing_returns_the_changes_there_are(self) -> None:
        self.edited(edits.merge({"model": {"adapter": "vllm"}}))
        before = self.edited.changes
        for body in (
            {"model": {"adapter": "vllm"}},
            {"server.port": "8081"},
            {"model.rateLimit.enabled": "on"},
        ):
            self.assertIs(edits.merge(body)(self.edited.loaded, before), before)

    def test_lists_are_replaced(self) -> None:
        include = {"management": {"endpoints": {"web": {"exposure": {"include": ["health"]}}}}}
        self.edited(edits.merge(include))
        self.assertEqual(self.edited.loaded.settings.management.endpoints.web.exposure.include, ("health",))
        self.assertEqual(self.edited.changes, include)

    def test_elements_of_lists_have_no_positions(self) -> None:
        nested: Any = {"security.jwt.accounts": {"[0]": {}}}
        for body in ({"model.services.chat.instances[0].weight": 2}, nested):
            refused = self.assertRaises(InvalidConfiguration, self.edited, edits.merge(body))
            self.assertIn("position", refused.message)

    def test_a_later_edit_of_the_files_shows_where_nothing_was_edited(self) -> None:
        self.edited(edits.update_instance("chat", GPT, {"weight": 5}))
        again = self.edited.refiled(FILE.replace("capacity: 100", "capacity: 200"))
        chat = again.loaded.settings.model.services["chat"]
        assert chat.rate_limit is not None
        self.assertEqual((chat.rate_limit.capacity, again.instances()["gpt-4"].weight), (200, 5))
