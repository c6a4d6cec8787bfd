"""Tests of `jairouter.codec.model_splice`."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.json_peek import peek
from jairouter.codec.model_splice import ModelSplice
from tests.codec.properties import PROPERTY


def with_model(body: bytes, model: str) -> bytes:
    """The body with another model."""
    return ModelSplice(body).with_model(model)


FEW = settings(PROPERTY, max_examples=60)
BLANK = st.sampled_from([b"", b"", b"", b" ", b"\n\t", b"\r\n  "])
NAMES = st.sampled_from(["model", "models", "mode", "", 'a"model":', "\\", "}", "é", "messages"])
NAME = st.sampled_from([rb'"model"', rb'"mod\u0065l"', rb'"\u006dodel"'])
TEXTS = st.text(alphabet='ab"\\/{}[]:,é東\n', max_size=6)
SCALARS = st.none() | st.booleans() | st.integers(-9, 99) | st.sampled_from([1.5, -2e300]) | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.just("model"), inner, max_size=3),
    max_leaves=12,
)


@st.composite
def written(draw: Any, value: Any) -> bytes:
    """One of the ways to write a value as JSON."""
    return json.dumps(
        value, ensure_ascii=draw(st.booleans()), indent=draw(st.sampled_from([None, 1]))
    ).encode()


@st.composite
def bodies(draw: Any) -> tuple[list[bytes], bytes]:
    """A body that names the model `old` at least once: what stands between the names, and all of it."""
    members = []
    for name in draw(st.lists(NAMES.filter(lambda name: name != "model"), max_size=4)):
        members.append((json.dumps(name).encode(), draw(written(draw(VALUES)))))
    old = draw(st.sampled_from([b'"old"', rb'"\u006fld"']))
    for _ in range(draw(st.integers(1, 2))):
        members.insert(draw(st.integers(0, len(members))), (draw(NAME), b""))
    parts, held = [], draw(BLANK) + b"{"
    for index, (name, value) in enumerate(members):
        held += (b"," if index else b"") + draw(BLANK) + name + draw(BLANK) + b":" + draw(BLANK)
        if not value:
            parts.append(held)
            held = b""
        held += value + draw(BLANK)
    parts.append(held + b"}" + draw(BLANK))
    return parts, old.join(parts)


class SpliceTests(SynchronousTestCase):
    """What is replaced, and what is not."""

    def test_nothing_else_changes(self) -> None:
        body = b'{ "temperature":1.0, "model" : "gpt-4",\t"x":1e400,"s":"\\u00e9\\ud83d" }\n'
        self.assertEqual(with_model(body, "llama3"), body.replace(b'"gpt-4"', b'"llama3"'))

    def test_models_inside_of_other_members_stay(self) -> None:
        body = b'{"a":{"model":"gpt-4"},"b":[{"model":"gpt-4"}],"c":"\\"model\\":\\"gpt-4\\"","model":"%b"}'
        self.assertEqual(with_model(body % b"gpt-4", "m"), body % b"m")

    def test_a_name_given_twice(self) -> None:
        """A backend may take the first or the last of them."""
        self.assertEqual(with_model(b'{"model":"a","model":"a"}', "b"), b'{"model":"b","model":"b"}')

    def test_a_name_that_is_written_with_escapes(self) -> None:
        self.assertEqual(with_model(rb'{"\u006d\u006Fdel":"a"}', "b"), rb'{"\u006d\u006Fdel":"b"}')

    def test_names_that_only_look_like_it(self) -> None:
        for name in (rb"models", rb"\\model", rb"model\"", rb"model\\", rb"Model", rb"\u006dodels", rb"mode"):
            body = b'{"%b":"a","model":"%b"}'
            self.assertEqual(with_model(body % (name, b"a"), "b"), body % (name, b"b"))

    def test_a_model_that_needs_escapes(self) -> None:
        spliced = with_model(b'{"model":"a"}', 'b"\\é')
        self.assertEqual(json.loads(spliced), {"model": 'b"\\é'})

    def test_a_value_that_ends_in_backslashes(self) -> None:
        body = rb'{"a":"\\","b":"\\\"","model":"%b","c":"\\\\"}'
        self.assertEqual(with_model(body % rb"x\\", "m"), body % b"m")

    def test_several_models(self) -> None:
        splice = ModelSplice(b'{"model":"a"}')
        self.assertEqual([splice.with_model(model) for model in "bc"], [b'{"model":"b"}', b'{"model":"c"}'])

    def test_no_object(self) -> None:
        for body in (b"", b"[]", b'"model"', b"{", b'{"model":"a"', b'{"a":[}', b'{"a":"', b'{"model":}'):
            self.assertRaises(ValueError, ModelSplice, body)
        self.assertRaises(ValueError, ModelSplice, b'{"model":"a"}x')

    def test_no_model(self) -> None:
        """Nothing could be replaced: the body would still name the model that nobody answers for."""
        for body in (b"{}", b'{"a":{"model":"a"}}'):
            self.assertRaises(ValueError, ModelSplice, body)

    @FEW
    @given(bodies())
    def test_exactly_the_values_are_replaced(self, body: tuple[list[bytes], bytes]) -> None:
        parts, whole = body
        json.loads(whole)
        self.assertEqual(with_model(whole, "new"), b'"new"'.join(parts))

    @FEW
    @given(VALUES, st.dictionaries(NAMES, VALUES, max_size=4))
    def test_the_same_document_but_for_the_model(self, model: Any, members: dict[str, Any]) -> None:
        """Whatever stands where the model should."""
        document = {**members, "model": model}
        spliced = with_model(json.dumps(document).encode(), "new")
        self.assertEqual(json.loads(spliced), {**document, "model": "new"})
        self.assertEqual(list(json.loads(spliced)), list(document))
        self.assertEqual(peek(spliced).model, "new")

    @FEW
    @given(st.text(alphabet='{}[]",:\\ model1', max_size=30))
    def test_anything(self, text: str) -> None:
        """What is no JSON is refused, or comes through but for what looks like a model."""
        try:
            spliced = with_model(text.encode(), "NEW").decode()
        except ValueError:
            return
        before, *rest = spliced.split('"NEW"')
        self.assertTrue(text.startswith(before))
        self.assertTrue(text.endswith(rest[-1] if rest else before))


class HostileTests(SynchronousTestCase):
    """Bodies that are made to take long."""

    def test_deep_nesting_needs_no_recursion(self) -> None:
        deep = b"[" * 20_000 + b"]" * 20_000
        self.assertEqual(with_model(b'{"a":%b,"model":"a"}' % deep, "b"), b'{"a":%b,"model":"b"}' % deep)

    def test_too_many_steps(self) -> None:
        """They end with an error, so that nobody else has to wait."""
        for piece in (b"[[[[]]]]", b"[[[{}]]]"):
            body = b'{"a":[' + b",".join([piece] * 30_000) + b'],"model":"a"}'
            self.assertRaises(ValueError, with_model, body, "b")
        members = b",".join([b'"a":[]'] * 110_000)
        self.assertRaises(ValueError, with_model, b"{%b}" % members, "b")

    def test_large_bodies_of_the_usual_kind(self) -> None:
        """Neither long texts nor many messages, images and tools count as steps."""
        message = {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:" + "A" * 200}}],
        }
        document = {
            "messages": [message] * 3_000,
            "model": "a",
            "input": ["x"] * 20_000,
            "v": [[0.5]] * 20_000,
        }
        spliced = with_model(json.dumps(document).encode(), "b")
        self.assertEqual(peek(spliced).model, "b")
