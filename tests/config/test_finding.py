"""Tests of finding the instance that somebody means, and of what instances are called."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.finding import by_model, find_instance
from jairouter.config.instance_key import key_of, label_of
from jairouter.config.view import service_view
from jairouter.refusals import InstanceNotFound, NotPossible, ServiceNotFound
from jairouter.traffic.instance import Instance
from tests.config.editing import ENVIRON, FILE, GPT, Edited

TWINS = """\
model.services.chat.instances:
- {name: a, base-url: http://x, path: /1}
- {name: a, base-url: http://x, path: /2}
- {name: a, base-url: http://y, instance-id: mine}
- {name: a, base-url: http://x, instance-id: other}
- {name: b, base-url: http://y, instance-id: mine}
"""


class KeyTests(SynchronousTestCase):
    """What the key of an instance is."""

    def test_name_and_address_and_path(self) -> None:
        self.assertEqual(key_of("a", "http://x"), "a@http://x")
        self.assertEqual(key_of("a", "http://x", "/p"), "a@http://x/p")
        self.assertEqual(key_of("a", "http://x", "/p", "mine"), "a@mine")

    def test_what_the_settings_do_not_tell_apart_has_one_key(self) -> None:
        for url in ("http://x", "http://x/", "HTTP://x//", "Http://x"):
            instance = Edited(f"model.services.chat.instances: [{{name: a, base-url: '{url}'}}]").instances()[
                "a"
            ]
            self.assertEqual(key_of("a", url), f"a@{instance.base_url}")

    def test_placeholders_stay_as_they_are_written(self) -> None:
        self.assertEqual(key_of("${A:b}", "${URL}/"), "${A:b}@${URL}")
        self.assertEqual(key_of("a", "${S}://x/"), "a@${S}://x")
        self.assertEqual(key_of("a", "http://x", "/p?key=${KEY}"), "a@http://x/p?key=${KEY}")

    def test_no_key_holds_a_secret(self) -> None:
        for key in (
            key_of("a", "http://x", "/p?s3cret"),
            key_of("a", "http://u:s3cret@x"),
            key_of("a", "http://x?s3cret"),
        ):
            self.assertNotIn("s3cret", key)

    def test_the_label_is_that_of_answers(self) -> None:
        for path, given in (("/p", ""), (None, ""), ("/p", "mine")):
            instance = Instance("chat", "a", "http://x", path, label=given)
            self.assertEqual(label_of("chat", "a", "http://x", path, given or None), instance.label)


class FindTests(SynchronousTestCase):
    """Which instance is meant."""

    def setUp(self) -> None:
        self.loaded = Edited().loaded
        self.twins = Edited(TWINS).loaded

    def test_by_all_that_it_is_called(self) -> None:
        label = label_of("chat", "gpt-4", "https://api.openai.com", "/v1/chat/completions", None)
        for which in (GPT, "gpt-4@https://api.openai.com", "gpt-4@https://api.openai.com/", label):
            found = find_instance(self.loaded, "chat", which)
            self.assertEqual((found.index, found.key, found.settings.name), (0, GPT, "gpt-4"))

    def test_by_what_placeholders_stand_for_or_as_they_are_written(self) -> None:
        for which in ("local@${LOCAL}", "local@http://localhost:8000"):
            found = find_instance(self.loaded, "CHAT", which)
            self.assertEqual((found.index, found.key), (1, "local@${LOCAL}"))

    def test_a_label_as_a_header_has_it(self) -> None:
        edited = Edited("model.services.chat.instances: [{name: 'a é', base-url: http://x}]")
        instance = Instance("chat", "a é", "http://x")
        which = instance.header_label.decode()
        self.assertEqual(find_instance(edited.loaded, "chat", which).index, 0)

    def test_each_is_found_by_what_it_is_shown_as(self) -> None:
        for loaded in (self.loaded, self.twins):
            for index, shown in enumerate(service_view(loaded, "chat")["instances"]):
                self.assertEqual(find_instance(loaded, "chat", shown["instanceId"]).index, index)

    def test_what_they_are_shown_as(self) -> None:
        ids = [each["instanceId"] for each in service_view(self.twins, "chat")["instances"]]
        self.assertEqual(ids, ["a@http://x/1", "a@http://x/2", "a@http://y", "other", "b@http://y"])

    def test_several_that_are_meant(self) -> None:
        told = self.assertRaises(NotPossible, find_instance, self.twins, "chat", "a@http://x")
        self.assertIn("meant by a@http://x: a@http://x/1, a@http://x/2, other; say which", str(told))
        self.assertRaises(NotPossible, find_instance, self.twins, "chat", "mine")
        self.assertRaises(NotPossible, by_model, self.twins, "chat", "a", "http://x")

    def test_none_that_is_meant(self) -> None:
        self.assertRaises(InstanceNotFound, find_instance, self.loaded, "chat", "")
        self.assertRaises(InstanceNotFound, find_instance, self.loaded, "chat", "gpt-4")
        self.assertRaises(InstanceNotFound, by_model, self.loaded, "chat", "gpt-4", "http://x")
        self.assertRaises(ServiceNotFound, find_instance, self.loaded, "tts", GPT)
        self.assertRaises(ServiceNotFound, by_model, self.loaded, "x\n", "gpt-4", "http://x")

    def test_by_its_model(self) -> None:
        for url in ("https://api.openai.com", "HTTPS://api.openai.com/"):
            self.assertEqual(by_model(self.loaded, "chat", "gpt-4", url).key, GPT)
        for url in ("${LOCAL}", "http://localhost:8000/"):
            self.assertEqual(by_model(self.loaded, "chat", "local", url).index, 1)

    def test_environment_and_all(self) -> None:
        """A variable that overrides an address makes it part of the key."""
        environ = {**ENVIRON, "MODEL_SERVICES_EMBEDDING_INSTANCES_0_BASE_URL": "http://elsewhere/"}
        found = find_instance(Edited(FILE, environ).loaded, "embedding", "bge@http://elsewhere")
        self.assertEqual(found.key, "bge@http://elsewhere")
