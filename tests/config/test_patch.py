"""Tests of changes as they are read and brought into form."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import json_nodes
from jairouter.config.faults import Findings, Origin
from jairouter.config.patch import canonical_changes, read_changes
from jairouter.config.tree import leaves
from jairouter.refusals import InvalidConfiguration, InvalidRequest

CHAT = ("model", "services", "chat")


class CanonicalTests(SynchronousTestCase):
    """JSON in any spelling into kebab case."""

    def faults(self, body: Any, path: tuple[str, ...] = ()) -> list[str]:
        """The faults of what must be refused."""
        refusal = self.assertRaises(InvalidConfiguration, canonical_changes, body, path)
        return [str(fault) for fault in refusal.faults]

    def test_spellings_and_aliases(self) -> None:
        said = {"rateLimit": {"refill_rate": 5, "TYPE": "token_bucket"}, "loadBalancer": "random"}
        expected = {
            "rate-limit": {"rate": 5, "algorithm": "token_bucket"},
            "load-balance": {"type": "random"},
        }
        self.assertEqual(canonical_changes(said, CHAT), expected)

    def test_flat_keys(self) -> None:
        said = {"model.services.img-gen.rateLimit.capacity": 5, "jairouter.server.port": 1}
        expected = {"model": {"services": {"imgGen": {"rate-limit": {"capacity": 5}}}}, "server": {"port": 1}}
        self.assertEqual(canonical_changes(said, ()), expected)

    def test_numbers_and_booleans_keep_their_type(self) -> None:
        said = {"capacity": 5, "rate": 0.000001, "enabled": False, "key": "5", "max-requests": 3.0}
        self.assertEqual(canonical_changes(said, (*CHAT, "rate-limit")), said)

    def test_null_takes_away_or_is_a_value(self) -> None:
        said = {"rateLimit": None, "adapter": None}
        self.assertEqual(canonical_changes(said, CHAT), {"rate-limit": None, "adapter": None})
        tree = read_changes({"model": {"services": {"chat": said}}}, Origin("x"), Findings())
        self.assertEqual([path[-1] for path, _ in leaves(tree)], ["adapter"])

    def test_a_mapping_that_replaces(self) -> None:
        said = {"rateLimit": {"$patch": "replace", "rate": 1}, "instances": {"$patch": "replace"}}
        expected = {"rate-limit": {"$patch": "replace", "rate": 1}, "instances": {"$patch": "replace"}}
        self.assertEqual(canonical_changes(said, CHAT), expected)

    def test_anything_else_that_patches_is_refused(self) -> None:
        self.assertEqual(len(self.faults({"$patch": "delete"}, CHAT)), 1)
        self.assertEqual(len(self.faults({"$patch": 1}, CHAT)), 1)
        self.assertEqual(len(self.faults({"instances": {"a@b": {"$patch": "merge"}}}, CHAT)), 1)

    def test_keys_of_instances_are_not_taken_apart(self) -> None:
        said = {"instances": {"gpt-4.1@https://a.b:1/v1[0]": {"maxRetries": 1}}}
        expected = {"instances": {"gpt-4.1@https://a.b:1/v1[0]": {"max-retries": 1}}}
        self.assertEqual(canonical_changes(said, CHAT), expected)
        self.assertEqual(canonical_changes(expected, CHAT), expected)

    def test_what_is_no_key_of_an_instance_is_refused(self) -> None:
        (told,) = self.faults({"instances": {"weight": 3}}, CHAT)
        self.assertIn("the key of an instance is", told)

    def test_a_fault_names_the_instance(self) -> None:
        (told,) = self.faults({"instances": {"a@b": {"wieght": 3}}}, CHAT)
        start = "the request: model.services.chat.instances[a@b].wieght: unknown key; did you mean weight?"
        self.assertEqual(told, start)

    def test_a_mapping_is_kept_as_a_text_where_texts_are_asked_for(self) -> None:
        said = {"fallback": {"response": {"error": {"code": 5, "ok": False}}}}
        expected = {"fallback": {"response": '{"error": {"code": 5, "ok": false}}'}}
        self.assertEqual(canonical_changes(said, CHAT), expected)

    def test_wrong_shapes(self) -> None:
        for body in ({"instances": 5}, {"rateLimit": [1]}, {"adapter": {"a": 1}}, {"instances": [5, None]}):
            self.assertTrue(self.faults(body, CHAT), body)
        wrongs: list[Any] = [None, 5, "x", [], True]
        for wrong in wrongs:
            self.assertEqual(len(self.faults(wrong, CHAT)), 1, wrong)

    def test_the_same_key_in_two_spellings(self) -> None:
        one, two = {"a@b": {"weight": 1}}, [{"name": "n"}]
        for body in (
            {"rateLimit": {"rate": 1}, "rate-limit": {"RATE": 2}},
            {"rateLimit": {"rate": 1}, "rate-limit": None},
            {"rateLimit": None, "rate-limit": {"rate": 1}},
            {"instances": one, "INSTANCES": two},
            {"instances": two, "INSTANCES": one},
        ):
            self.assertTrue(self.faults(body, CHAT), body)

    def test_values_of_no_use(self) -> None:
        deep: Any = {}
        for _ in range(500):
            deep = {"a": deep}
        for value in (
            float("nan"),
            float("inf"),
            10**5000,
            1e300,
            "\ud800",
            {"\ud800": 1},
            deep,
            {1},
            {1: 2},
        ):
            self.assertTrue(self.faults({"fallback": {"response": value}}, CHAT))

    def test_too_many_values(self) -> None:
        self.patch(json_nodes, "MOST_NODES", 100)
        self.assertEqual(len(self.faults({"instances": [{}] * 99}, CHAT)), 1)
        self.assertEqual(canonical_changes({"instances": [{}] * 98}, CHAT), {"instances": [{}] * 98})

    def test_a_place_that_is_not_there(self) -> None:
        self.assertRaises(InvalidRequest, canonical_changes, {}, ("model", "nothing"))

    def test_the_argument_is_left_alone(self) -> None:
        said = {
            "rateLimit": {"$patch": "replace", "rate": 1},
            "instances": [{"healthStatus": 1, "name": "a"}],
        }
        before = repr(said)
        canonical_changes(said, CHAT)
        self.assertEqual(repr(said), before)
