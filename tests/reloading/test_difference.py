"""Tests for `jairouter.reloading.difference`."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.loader import Loaded, Stored, build
from jairouter.config.secret import MASK
from jairouter.control import Difference
from jairouter.reloading.difference import differences
from tests.config.reading import read
from tests.fuzz.examples import examples

FIRST = {"name": "m", "base-url": "http://10.0.0.1:9000"}
SECOND = {"name": "m", "base-url": "http://10.0.0.2:9000", "weight": 2}
KEY = "m@http://10.0.0.1:9000"
PATH = f"model.services.chat.instances[{KEY}"
ENVIRON = {"KEY": "sk-1", "OTHER": "sk-2", "URL": "http://10.0.0.1:9000", "SLOW": "9s"}


def chat(*instances: dict[str, Any], model: dict[str, Any] | None = None, **service: Any) -> Loaded:
    """A configuration with one service."""
    services = {"chat": {**{key.replace("_", "-"): v for key, v in service.items()}, "instances": instances}}
    return loaded({"model": {**(model or {}), "services": services}})


def loaded(tree: dict[str, Any], environ: dict[str, str] | None = None) -> Loaded:
    """A configuration."""
    return read(yaml.safe_dump(_plain(tree)), environ={**ENVIRON, **(environ or {})})


def _plain(tree: Any) -> Any:
    match tree:
        case dict():
            return {key: _plain(value) for key, value in tree.items()}
        case list() | tuple():
            return [_plain(each) for each in tree]
    return tree


def texts(before: Loaded, after: Loaded) -> list[str]:
    """What people are told."""
    return [each.text for each in differences(before, after)]


class InstanceTests(SynchronousTestCase):
    """Instances that come, go, change and move."""

    def test_a_value(self) -> None:
        before, after = chat(FIRST, SECOND), chat(FIRST, {**SECOND, "weight": 3})
        path = "model.services.chat.instances[m@http://10.0.0.2:9000].weight"
        text = "chat: the weight of m@http://10.0.0.2:9000 goes from 2 to 3"
        self.assertEqual(differences(before, after), (Difference("changed", path, 2, 3, text),))

    def test_one_that_is_new(self) -> None:
        (found,) = differences(chat(FIRST), chat(SECOND, FIRST))
        self.assertEqual((found.kind, found.before, found.after), ("added", None, SECOND))
        self.assertEqual(found.path, "model.services.chat.instances[m@http://10.0.0.2:9000]")
        self.assertEqual(found.text, "chat: m@http://10.0.0.2:9000 is added (weight 2)")

    def test_one_that_is_gone(self) -> None:
        (found,) = differences(chat(FIRST, SECOND), chat(SECOND))
        self.assertEqual((found.kind, found.before, found.after), ("removed", FIRST, None))
        self.assertEqual(found.text, "chat: m@http://10.0.0.1:9000 is removed")

    def test_order(self) -> None:
        """It gives nobody another share."""
        self.assertEqual(differences(chat(FIRST, SECOND), chat(SECOND, FIRST)), ())

    def test_one_that_has_moved(self) -> None:
        """All but its address is equal."""
        moved = {**SECOND, "base-url": "http://10.0.0.3:9000"}
        (found,) = differences(chat(FIRST, SECOND), chat(moved, FIRST))
        self.assertEqual(found.path, "model.services.chat.instances[m@http://10.0.0.2:9000].base-url")
        told = "chat: m@http://10.0.0.2:9000 moves from http://10.0.0.2:9000 to http://10.0.0.3:9000"
        self.assertEqual((found.kind, found.text), ("changed", told))

    def test_one_that_is_known_by_its_id(self) -> None:
        """Whatever else about it changes."""
        before = {**FIRST, "instance-id": "a"}
        after = {**before, "base-url": "http://10.0.0.3:9000", "weight": 4}
        told = ["chat: m@a moves from http://10.0.0.1:9000 to http://10.0.0.3:9000"]
        self.assertEqual(
            texts(chat(before), chat(after)), [*told, "chat: the weight of m@a goes from 1 to 4"]
        )

    def test_one_that_is_given_an_id(self) -> None:
        (found,) = differences(chat(FIRST), chat({**FIRST, "instance-id": "a"}))
        self.assertEqual((found.kind, found.before, found.after), ("added", None, "a"))

    def test_paths_that_differ_in_what_is_not_shown(self) -> None:
        """Their keys are the same, and they are told apart all the same."""
        one, other = ({**FIRST, "path": f"/x?key={key}"} for key in ("one-1", "two-2"))
        self.assertEqual(texts(chat(one, {**other, "weight": 2}), chat({**other, "weight": 2}, one)), [])

    def test_one_that_a_stored_change_has_moved(self) -> None:
        """It is still called what changes call it."""
        changes = {KEY: {"base-url": "http://10.0.0.7:9000", "weight": 5}}
        stored = Stored(3, {"model": {"services": {"chat": {"instances": changes}}}})
        before = chat(FIRST, SECOND)
        found = differences(before, build(before.sources, ENVIRON, stored))
        self.assertEqual([each.path.rpartition("]")[0] for each in found], [PATH, PATH])
        self.assertEqual([each.after for each in found], ["http://10.0.0.7:9000", 5])

    def test_two_ways_to_switch_it_off(self) -> None:
        off, idle = {**FIRST, "enabled": False}, {**FIRST, "status": "inactive"}
        self.assertEqual(texts(chat(off), chat(idle)), [])
        self.assertEqual(texts(chat(FIRST), chat(idle)), ["chat: m@http://10.0.0.1:9000 is switched off"])
        self.assertEqual(texts(chat(off), chat(FIRST)), ["chat: m@http://10.0.0.1:9000 is switched on"])

    def test_draining(self) -> None:
        drained = {**FIRST, "status": "draining"}
        self.assertEqual(texts(chat(FIRST), chat(drained)), ["chat: m@http://10.0.0.1:9000 is drained"])
        self.assertEqual(
            texts(chat(drained), chat(FIRST)), ["chat: m@http://10.0.0.1:9000 takes requests again"]
        )

    def test_tls(self) -> None:
        """What is not given comes from further out, so a default that is given is something."""
        found = differences(
            chat({**FIRST, "tls": {"server-name": "a"}}),
            chat({**FIRST, "tls": {"server-name": "a", "trust-all": False}}),
        )
        self.assertEqual([(each.kind, each.after) for each in found], [("added", False)])


class SecretTests(SynchronousTestCase):
    """What may be known, and what not."""

    def headers(self, **headers: str) -> Loaded:
        return chat({**FIRST, "headers": headers})

    def test_not_shown(self) -> None:
        (found,) = differences(self.headers(Authorization="one-1"), self.headers(Authorization="two-2"))
        self.assertEqual((found.kind, found.before, found.after), ("changed", MASK, MASK))
        self.assertEqual(found.text, "chat: headers.Authorization of m@http://10.0.0.1:9000 changed")

    def test_that_comes_and_goes(self) -> None:
        none, some = self.headers(), self.headers(Authorization="one-1")
        what = "chat: headers.Authorization of m@http://10.0.0.1:9000"
        self.assertEqual(texts(none, some), [f"{what} is added"])
        self.assertEqual(texts(some, none), [f"{what} is removed"])

    def test_placeholders(self) -> None:
        """They are shown, and not what they stand for."""
        before, after = (self.headers(Authorization=f"Bearer ${{{name}}}") for name in ("KEY", "OTHER"))
        (found,) = differences(before, after)
        self.assertEqual((found.before, found.after), ("Bearer ${KEY}", "Bearer ${OTHER}"))
        self.assertTrue(found.text.endswith("goes from Bearer ${KEY} to Bearer ${OTHER}"), found.text)

    def test_placeholders_that_stand_for_something_else(self) -> None:
        tree = {"model": {"services": {"chat": {"instances": [{**FIRST, "headers": {"A": "${KEY}"}}]}}}}
        (found,) = differences(loaded(tree), loaded(tree, {"KEY": "sk-3"}))
        self.assertEqual((found.before, found.after), ("${KEY}", "${KEY}"))
        self.assertTrue(found.text.endswith("changed"), found.text)

    def test_written_around_placeholders(self) -> None:
        """A default, or what stands beside it, may be the secret."""
        before, after = self.headers(A="${NONE:sk-default}"), self.headers(A="sk-half${KEY}")
        (found,) = differences(before, after)
        self.assertEqual((found.before, found.after), (MASK, MASK))
        self.assertTrue(found.text.endswith("changed"), found.text)

    def test_queries_of_paths(self) -> None:
        before, after = (chat({**FIRST, "path": f"/x?key={key}"}) for key in ("one-1", "two-2"))
        for found in (*differences(before, after), *differences(before, chat())):
            self.assertNotIn("one-1", repr(found))
            self.assertNotIn("two-2", repr(found))

    def test_what_was_added_with_one(self) -> None:
        (found,) = differences(chat(), self.headers(A="one-1", B="Bearer ${KEY}"))
        self.assertEqual(found.after["headers"], {"A": MASK, "B": "Bearer ${KEY}"})

    def test_the_same_address_by_another_name(self) -> None:
        """What a placeholder stands for is what counts."""
        self.assertEqual(texts(chat(FIRST), chat({**FIRST, "base-url": "${URL}"})), [])


class InheritedTests(SynchronousTestCase):
    """What applies to a service or an instance, wherever it was given."""

    def test_given_and_inherited(self) -> None:
        outer = {"rate-limit": {"capacity": 100}}
        one = chat(FIRST, rate_limit={"enabled": True, "capacity": 100}, model=outer)
        other = chat(FIRST, rate_limit={"enabled": True}, model=outer)
        self.assertEqual(texts(one, other), [])

    def test_told_once(self) -> None:
        """Where it was changed, and not for each that inherits it."""
        before, after = (
            chat(
                {**FIRST, "circuit-breaker": {"enabled": True}},
                circuit_breaker={"success-threshold": 1},
                model={"circuit-breaker": {"failure-threshold": number}},
            )
            for number in (3, 4)
        )
        self.assertEqual(
            texts(before, after), ["all services: circuit-breaker.failure-threshold goes from 3 to 4"]
        )

    def test_given_to_one_service(self) -> None:
        before, after = chat(FIRST), chat(FIRST, load_balance={"type": "ip-hash"})
        self.assertEqual(texts(before, after), ["chat: load-balance.type goes from random to ip-hash"])

    def test_a_service_that_says_otherwise(self) -> None:
        """A change further out that does not reach it."""
        before, after = (
            chat(FIRST, load_balance={"type": "random"}, model={"load-balance": {"type": kind}})
            for kind in ("random", "ip-hash")
        )
        self.assertEqual(
            texts(before, after), ["all services: load-balance.type goes from random to ip-hash"]
        )

    def test_an_instance_whose_service_says_otherwise(self) -> None:
        """What changed at the same time further out is not why."""
        before, after = (
            chat(
                {**FIRST, "circuit-breaker": {"failure-threshold": number}},
                circuit_breaker={"failure-threshold": 9},
                model={"circuit-breaker": {"failure-threshold": number}},
            )
            for number in (3, 4)
        )
        self.assertEqual(len(texts(before, after)), 2)

    def test_a_limit_of_its_own(self) -> None:
        """It is there or not; not each of its values is told."""
        before, after = chat(FIRST), chat(FIRST, rate_limit={"enabled": True, "capacity": 5})
        (found,) = differences(before, after)
        self.assertEqual((found.kind, found.path), ("added", "model.services.chat.rate-limit"))
        self.assertEqual(found.text, "chat: the rate limit is added: enabled true, capacity 5")
        (found,) = differences(after, before)
        self.assertEqual((found.kind, found.after), ("removed", None))

    def test_limits_that_a_switch_further_out_brings(self) -> None:
        before, after = (
            chat(FIRST, rate_limit={"capacity": 5}, model={"rate-limit": {"enabled": enabled}})
            for enabled in (False, True)
        )
        paths = [each.path for each in differences(before, after)]
        self.assertEqual(paths, ["model.services.chat.rate-limit", "model.rate-limit"])

    def test_given_where_a_placeholder_stands_further_out(self) -> None:
        """What is shown is the value that was given nearer."""
        before, after = (
            chat(FIRST, load_balance={"slow-start": slow}, model={"load-balance": {"slow-start": "${SLOW}"}})
            for slow in ("1s", "2s")
        )
        (found,) = differences(before, after)
        self.assertEqual((found.before, found.after), ("1s", "2s"))

    def test_inherited_from_a_placeholder(self) -> None:
        outer = {"load-balance": {"slow-start": "${SLOW}"}}
        (found,) = differences(
            chat(FIRST, load_balance={"slow-start": "1s"}, model=outer), chat(FIRST, model=outer)
        )
        self.assertEqual((found.before, found.after), ("1s", "${SLOW}"))

    def test_a_timeout_that_is_a_recovery_timeout(self) -> None:
        """As it is in older files."""
        before, after = (chat(FIRST, circuit_breaker={key: "9s"}) for key in ("timeout", "recovery-timeout"))
        self.assertEqual(texts(before, after), [])


class OtherTests(SynchronousTestCase):
    """Services as a whole, and all that is not under `model`."""

    def test_services(self) -> None:
        both = {"chat": {"instances": [FIRST]}, "tts": {"adapter": "normal", "instances": [SECOND]}}
        before = loaded({"model": {"services": {"chat": both["chat"]}}})
        after = loaded({"model": {"services": both}})
        service, instance = differences(before, after)
        self.assertEqual((service.path, service.after), ("model.services.tts", {"adapter": "normal"}))
        self.assertEqual((service.text, instance.kind), ("tts: the service is added", "added"))
        self.assertEqual([each.kind for each in differences(after, before)], ["removed", "removed"])

    def test_values(self) -> None:
        (found,) = differences(loaded({}), loaded({"server": {"port": 9090}}))
        self.assertEqual((found.path, found.before, found.after), ("server.port", 8080, 9090))
        self.assertEqual(found.text, "server.port goes from 8080 to 9090")

    def test_lists_of_what_has_names(self) -> None:
        keys = [{"key-id": name, "key-value": f"{name}-0123456789abcdef"} for name in "abc"]

        def having(*several: dict[str, str]) -> Loaded:
            return loaded({"security": {"api-key": {"keys": list(several)}}})

        self.assertEqual(differences(having(*keys), having(*reversed(keys))), ())
        (found,) = differences(having(*keys), having(keys[0], keys[2]))
        self.assertEqual((found.kind, found.path), ("removed", "security.api-key.keys[b]"))
        self.assertNotIn("0123456789", repr(found))

    def test_long_values(self) -> None:
        before, after = (
            loaded({"model": {"fallback": {"response": text}}}) for text in ("a\n" * 500, "b\n" * 500)
        )
        (found,) = differences(before, after)
        self.assertEqual(len(found.before), 1000)
        self.assertLess(len(found.text), 300)
        self.assertTrue(found.text.isprintable())


LEAVES: dict[tuple[Any, ...], list[object]] = {
    ("server", "port"): [1234, 4321],
    ("webclient", "connection-timeout"): ["5s", "6s"],
    ("model", "load-balance", "type"): ["ip-hash", "round-robin"],
    ("model", "circuit-breaker", "failure-threshold"): [7, 8],
    ("model", "rate-limit", "capacity"): [7, 8],
    ("model", "services", "chat", "adapter"): ["normal", "other"],
    ("model", "services", "chat", "retry", "max-retries"): [0, 1],
    ("model", "services", "chat", "fallback", "cache-size"): [7, 8],
    ("model", "services", "chat", "rate-limit", "rate"): [3, 4],
    ("model", "services", "chat", "instances", 0, "weight"): [5, 6],
    ("model", "services", "chat", "instances", 0, "priority"): [1, 2],
    ("model", "services", "chat", "instances", 1, "headers", "X-Key"): ["a", "b"],
    ("model", "services", "chat", "instances", 1, "circuit-breaker", "success-threshold"): [4, 5],
    ("model", "services", "chat", "instances", 1, "rate-limit", "capacity"): [21, 22],
    ("store", "path"): ["/a", "/b"],
}
Chosen = dict[tuple[Any, ...], int]
CHOICES = st.dictionaries(st.sampled_from(sorted(LEAVES, key=str)), st.integers(0, 1))


def made(chosen: Chosen) -> Loaded:
    """A configuration that gives some of the leaves."""
    tree: dict[str, Any] = {"model": {"services": {"chat": {"instances": [dict(FIRST), dict(SECOND)]}}}}
    for path, which in chosen.items():
        node: Any = tree
        for step in path[:-1]:
            node = node[step] if isinstance(step, int) else node.setdefault(step, {})
        node[path[-1]] = LEAVES[path][which]
    return loaded(tree)


class AnyTests(SynchronousTestCase):
    """Whatever is configured."""

    @given(CHOICES)
    @examples(15)
    def test_of_itself(self, chosen: Chosen) -> None:
        self.assertEqual(differences(made(chosen), made(chosen)), ())

    @given(CHOICES, st.sampled_from(sorted(LEAVES, key=str)))
    @examples(40)
    def test_every_change_of_a_leaf(self, chosen: Chosen, leaf: tuple[Any, ...]) -> None:
        """It is found, and nothing else is; and the other way round it is the same with before and after."""
        before, after = made({**chosen, leaf: 0}), made({**chosen, leaf: 1})
        (found,) = differences(before, after)
        self.assertEqual(found.path.rpartition(".")[2], leaf[-1])
        self.assertEqual(found.kind, "changed")
        (back,) = differences(after, before)
        self.assertEqual((back.path, back.before, back.after), (found.path, found.after, found.before))
