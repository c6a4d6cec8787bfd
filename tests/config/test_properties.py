"""Properties that hold for any configuration."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.dump import dump
from jairouter.config.forms import Form, OneOf, Unfit
from jairouter.config.loader import ConfigurationFaults, Loaded, Text, load
from jairouter.config.naming import camel
from jairouter.config.settings.root import Settings
from jairouter.config.shape import Group, Leaf, Listing, Naming, Shape

BOUNDED = settings(max_examples=45, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["30s", "10MB", "random", "${A}", "${A:1}", "${", "a,b", "http://a", "/x", "chat"]),
)


def tried(content: bytes, environ: dict[str, str] | None = None) -> Loaded | None:
    """Load what may be refused, but must not fail in any other way."""
    try:
        return load([Text("a.yml", content)], [], environ)
    except ConfigurationFaults as faults:
        assert faults.faults
        assert all("\n" not in str(fault) for fault in faults.faults)
        return None


def values(shape: Shape) -> st.SearchStrategy[Any]:
    """Make trees that are nearly of the right shape."""
    match shape:
        case Leaf():
            return SCALARS
        case Listing():
            return st.one_of(SCALARS, st.lists(values(shape.item), max_size=3))
        case Naming():
            names = st.sampled_from(["chat", "imgGen", "img-gen", "a.b", "x", "", "A"])
            return st.one_of(SCALARS, st.dictionaries(names, values(shape.value), max_size=3))
        case Group():
            return st.deferred(lambda: _trees(shape))


def _trees(shape: Group) -> st.SearchStrategy[Any]:
    members = list(shape.members.values())
    pairs = [
        st.tuples(st.sampled_from([m.key, camel(m.field), m.field, m.key.upper()]), values(m.shape))
        for m in members
    ]
    some = st.lists(st.one_of(*pairs, st.tuples(st.text(max_size=6), SCALARS)), max_size=4)
    return st.one_of(SCALARS, some.map(dict), some.map(dict))


def fitting(shape: Shape) -> st.SearchStrategy[Any]:
    """Make trees that are of the right shape."""
    match shape:
        case Leaf():
            return st.sampled_from(_fitting_texts(shape.form))
        case Listing():
            return st.lists(fitting(shape.item), max_size=2)
        case Naming():
            names = st.sampled_from(_fitting_texts(shape.keys))
            return st.dictionaries(names, fitting(shape.value), max_size=2)
        case Group():
            return st.deferred(lambda: _fitting_trees(shape))


def _fitting_trees(shape: Group) -> st.SearchStrategy[Any]:
    required = {m.key: fitting(m.shape) for m in shape.members.values() if m.required}
    others = [m for m in shape.members.values() if not m.required]
    some = st.lists(st.sampled_from(others), max_size=3, unique_by=lambda m: m.key)
    chosen = some.flatmap(
        lambda members: st.fixed_dictionaries({**required, **{m.key: fitting(m.shape) for m in members}})
    )
    return chosen


def _fitting_texts(form: Form) -> list[str]:
    """Choose the texts that a form accepts, out of all sorts."""
    names = list(form.names) if isinstance(form, OneOf) else []
    sorts = ["1", "7s", "10MB", "0.25", "true", "http://a", "/x?k=v", "on", "null", "~", "a: b"]
    sorts += [
        "\\${A}",
        "#",
        "é",
        "a\nb",
        " x ",
        "'",
        '"',
        "X-Y",
        "tts",
        "img-gen",
        "2024-01-01",
        "10.0.0.1",
        "fd00::/8",
        "",
    ]
    return [text for text in (*names, *sorts) if _is_fit(form, text)]


def _is_fit(form: Form, text: str) -> bool:
    try:
        form.parse(text)
    except Unfit:
        return False
    return True


TREES = values(Group(Settings))
FITTING = fitting(Group(Settings))


class LoaderProperties(SynchronousTestCase):
    """The loader loads or refuses, whatever it is given."""

    @BOUNDED
    @given(st.binary(max_size=200))
    def test_any_bytes(self, content: bytes) -> None:
        tried(content)

    @BOUNDED
    @given(st.text(st.sampled_from("abc01-:_[]{},&*!|>%@`'\"#?<~ \n\t\\${}.xuUN"), max_size=80))
    def test_any_text_of_the_characters_of_yaml(self, text: str) -> None:
        tried(text.encode())

    @BOUNDED
    @given(TREES)
    def test_any_tree(self, tree: Any) -> None:
        tried(yaml.safe_dump(tree).encode(errors="replace"))

    @BOUNDED
    @given(
        st.dictionaries(
            st.from_regex(r"(JAIROUTER_)?(SERVER|MODEL|LOGGING|STORE)_[A-Z0-9_\[\]]{0,30}"),
            st.text(max_size=9),
            max_size=5,
        )
    )
    def test_any_environment(self, environ: dict[str, str]) -> None:
        tried(b"", environ)

    @BOUNDED
    @given(FITTING)
    def test_what_was_loaded_can_be_written_and_loaded_again(self, tree: Any) -> None:
        loaded = tried(yaml.safe_dump(tree).encode(), {"A": "5"})
        if loaded is not None:
            for changed in (False, True):
                written = yaml.safe_dump(dump(loaded.settings, reveal=True, changed=changed))
                again = load([Text("b.yml", written.encode())])
                self.assertEqual(again.settings, loaded.settings)

    @BOUNDED
    @given(st.floats(0, 1e9), st.integers(0, 2**53))
    def test_durations_and_sizes_are_written_exactly(self, seconds: float, size: int) -> None:
        webclient = {"read-timeout": 0, "max-in-memory-size": max(size, 1)}
        given_settings = Settings.model_validate(
            {"webclient": {"read_timeout": seconds, "max_in_memory_size": webclient["max-in-memory-size"]}}
        )
        written = yaml.safe_dump(dump(given_settings, reveal=True, changed=True)).encode()
        self.assertEqual(load([Text("a", written)]).settings, given_settings)

    def test_every_key_in_every_spelling_gives_the_same_settings(self) -> None:
        whole = dump(Settings(), reveal=True)
        expected = load([]).settings
        for respell in (camel_keys, snake_keys, upper_keys, flat_keys):
            text = yaml.safe_dump(respell(whole)).encode()
            self.assertEqual(load([Text("a", text)]).settings, expected)


def _respelled(tree: Any, spell: Any) -> Any:
    return {spell(k): _respelled(v, spell) for k, v in tree.items()} if isinstance(tree, dict) else tree


def camel_keys(tree: Any) -> Any:
    """Write all keys in camel case."""
    return _respelled(tree, lambda key: camel(key.replace("-", "_")))


def snake_keys(tree: Any) -> Any:
    """Write all keys in snake case."""
    return _respelled(tree, lambda key: key.replace("-", "_"))


def upper_keys(tree: Any) -> Any:
    """Write all keys in upper case."""
    return _respelled(tree, str.upper)


def flat_keys(tree: Any, prefix: str = "") -> Any:
    """Write all keys on one level."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        inner = isinstance(value, dict) and value
        flat |= flat_keys(value, f"{prefix}{key}.") if inner else {prefix + key: value}
    return flat
