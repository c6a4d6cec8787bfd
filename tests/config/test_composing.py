"""Tests of changes that are laid over changes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.composing import compose, pruned
from jairouter.config.faults import Findings, Origin
from jairouter.config.layers import merge, settle
from jairouter.config.patch import read_changes, to_json
from jairouter.config.tree import Members, Node
from tests.fuzz.examples import examples

NOTHING: Node = Members({}, Origin("nothing"))
WHOLE = {"name": "a", "base-url": "http://x"}
NAMES = st.sampled_from(["a", "b"])
URLS = st.sampled_from(["http://x", "http://y"])
KEYS = st.builds(lambda name, url: f"{name}@{url}", NAMES, URLS)


def mappings(members: dict[str, st.SearchStrategy[Any]], patch: bool) -> st.SearchStrategy[Any]:
    """Make mappings of some of these members; as patches, they may replace and take away."""
    optional = {name: st.one_of(inner, st.none()) if patch else inner for name, inner in members.items()}
    plain = st.fixed_dictionaries({}, optional=optional)
    return st.one_of(plain, plain, plain.map(lambda said: {"$patch": "replace", **said})) if patch else plain


def named(keys: st.SearchStrategy[str], value: st.SearchStrategy[Any], patch: bool) -> st.SearchStrategy[Any]:
    """Make mappings whose keys the user chooses."""
    plain = st.dictionaries(keys, st.one_of(value, st.none()) if patch else value, max_size=3)
    return st.one_of(plain, plain, plain.map(lambda said: {"$patch": "replace", **said})) if patch else plain


def trees(patch: bool) -> st.SearchStrategy[Any]:
    """Make parts of a configuration, or patches of it."""
    number = st.integers(1, 3)
    limit = mappings(
        {"capacity": number, "key": st.just("k"), "client-ip": mappings({"capacity": number}, patch)}, patch
    )
    others = {"weight": number, "rate-limit": limit, "headers": named(st.just("H"), st.just("${H}"), patch)}
    whole = st.fixed_dictionaries({"name": NAMES, "base-url": URLS}, optional=others)
    lists = st.lists(whole, max_size=3, unique_by=lambda each: (each["name"], each["base-url"]))
    keyed = named(KEYS, st.one_of(whole, mappings({"name": NAMES, "base-url": URLS, **others}, True)), True)
    instances = st.one_of(keyed, keyed, lists) if patch else lists
    service = mappings({"adapter": st.just("x"), "rate-limit": limit, "instances": instances}, patch)
    services = named(st.sampled_from(["chat", "tts"]), service, patch)
    model = mappings({"adapter": st.just("y"), "rate-limit": limit, "services": services}, patch)
    deep = instances.map(lambda said: {"services": {"chat": {"instances": said}}})
    model = st.one_of(model, deep, deep)
    root = {"model": st.one_of(model, st.none()) if patch else model, "server": st.just({"port": 1})}
    return st.fixed_dictionaries({"model": root.pop("model")}, optional=root)


def laid(tree: Node, *layers: Any) -> Any:
    """Lay changes over a tree, one after the other, and return what it amounts to."""
    findings = Findings()
    for layer in layers:
        tree = merge(tree, read_changes(layer, Origin("changes"), findings), findings)
    settled = settle(tree, findings)
    findings.check()
    return to_json(settled)


def tree_of(said: Any) -> Node:
    """Make a tree."""
    return merge(NOTHING, read_changes(said, Origin("file"), Findings()), Findings())


def without_empty(said: Any, path: tuple[str, ...] = ()) -> Any:
    """Leave out mappings and lists that are empty, and mean the same as none."""
    if not isinstance(said, dict):
        return [without_empty(each, (*path, "*")) for each in said] if isinstance(said, list) else said
    inside = {name: without_empty(inner, (*path, name)) for name, inner in said.items()}
    anyway = {"model", "services", "instances", "headers", "client-ip"} | (
        {"rate-limit"} if len(path) == 1 else set()
    )
    return {name: inner for name, inner in inside.items() if inner not in ({}, []) or name not in anyway}


class ComposeTests(SynchronousTestCase):
    """What is done one after the other, done at once."""

    @examples(150)
    @given(trees(patch=False), trees(patch=True), trees(patch=True))
    def test_it_does_what_both_do(self, low: Any, one: Any, two: Any) -> None:
        tree = tree_of(low)
        self.assertEqual(laid(tree, compose(one, two)), laid(tree, one, two))

    @examples(60)
    @given(trees(patch=False), trees(patch=True), trees(patch=True), trees(patch=True))
    def test_it_does_not_matter_which_are_put_together_first(self, low: Any, a: Any, b: Any, c: Any) -> None:
        tree = tree_of(low)
        together = laid(tree, compose(a, compose(b, c)))
        self.assertEqual(laid(tree, compose(compose(a, b), c)), together)

    @examples(60)
    @given(trees(patch=False), trees(patch=True))
    def test_pruning_changes_nothing(self, low: Any, patch: Any) -> None:
        tree = tree_of(low)
        self.assertEqual(without_empty(laid(tree, pruned(patch, tree))), without_empty(laid(tree, patch)))

    def test_what_comes_after_taking_away_stands_alone(self) -> None:
        taken = {"model": {"services": {"chat": None}}}
        given_again: Any = {"model": {"services": {"chat": {}}}}
        both = compose(taken, given_again)
        self.assertEqual(both, {"model": {"services": {"chat": {"$patch": "replace"}}}})

    def test_an_instance_that_was_renamed_keeps_its_key(self) -> None:
        before = {"model": {"services": {"chat": {"instances": {"a@http://x": {"name": "b"}}}}}}
        after = {"model": {"services": {"chat": {"instances": {"a@http://x": {"weight": 3}}}}}}
        both = compose(before, after)["model"]["services"]["chat"]["instances"]
        self.assertEqual(both, {"a@http://x": {"name": "b", "weight": 3}})

    def test_what_is_said_of_an_instance_waits_until_all_is_said(self) -> None:
        """One change alone may be no instance, and two together one."""
        first = {"model": {"services": {"chat": {"instances": {"a@http://x": {"weight": 3}}}}}}
        second = {"model": {"services": {"chat": {"instances": {"a@http://x": WHOLE}}}}}
        expected = {"model": {"services": {"chat": {"instances": [{"weight": 3, **WHOLE}]}}}}
        self.assertEqual(laid(NOTHING, first, second), expected)
        self.assertEqual(laid(NOTHING, compose(first, second)), expected)

    def test_pruning_leaves_a_limit_that_is_there_without_saying_anything(self) -> None:
        said: Any = {"model": {"services": {"chat": {"rate-limit": {}, "instances": {}}, "tts": {}}}}
        expected: Any = {"model": {"services": {"chat": {"rate-limit": {}}, "tts": {}}}}
        self.assertEqual(pruned(said, NOTHING), expected)

    def test_pruning_leaves_out_what_is_there_below(self) -> None:
        said: Any = {"model": {"services": {"chat": {"rate-limit": {}}}}}
        self.assertEqual(pruned(said, tree_of(said)), {})

    def test_arguments_are_left_alone(self) -> None:
        below = {"model": {"services": {"chat": {"instances": [{"name": "a", "base-url": "http://x"}]}}}}
        before = repr(below)
        compose(below, {"model": {"services": {"chat": {"instances": {"a@http://x": None}}}}})
        self.assertEqual(repr(below), before)
