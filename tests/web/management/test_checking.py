"""Tests for `jairouter.web.management.checking`."""

from __future__ import annotations

from typing import Any

import jsonschema
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.web.management.checking import MOST_FAULTS, check
from tests.fuzz.examples import examples

SCHEMAS: tuple[dict[str, Any], ...] = (
    {},
    *({"type": name} for name in ("null", "boolean", "integer", "number", "string", "array", "object")),
    {"type": ["string", "null"]},
    {"enum": ["a", 1, None]},
    {"enum": [True, 0]},
    {"const": 1},
    {"minimum": 0, "maximum": 1},
    {"exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"minLength": 1, "maxLength": 1},
    {"type": "string", "pattern": "^a$"},
    {"minItems": 1, "maxItems": 1, "items": {"type": "integer"}},
    {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}},
    {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
    {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
    {"anyOf": [{"type": "string"}, {"type": "object", "required": ["a"]}]},
    {"allOf": [{"type": "integer"}, {"minimum": 1}]},
)
SCALARS = st.none() | st.booleans() | st.sampled_from([-1, 0, 1, 2, 0.5, 1.0]) | st.text("ab\n", max_size=2)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner)
)


class CheckTests(SynchronousTestCase):
    """What a schema says."""

    @examples(150)
    @given(VALUES, st.sampled_from(SCHEMAS))
    def test_as_json_schema(self, value: Any, schema: dict[str, Any]) -> None:
        """An implementation of the whole standard says the same."""
        if schema.get("pattern") and isinstance(value, str) and value.endswith("\n"):
            return  # Python's $ matches before a line feed at the end; ECMA's, which counts, does not
        valid = jsonschema.Draft202012Validator(schema).is_valid(value)
        self.assertEqual(not check(value, schema), valid, check(value, schema))

    def faults(self, value: Any, schema: dict[str, Any]) -> list[str]:
        return [str(each) for each in check(value, schema)]

    def test_all_at_once(self) -> None:
        schema = {
            "required": ["name", "instance"],
            "properties": {"instance": {"properties": {"weight": {"type": "integer", "minimum": 0}}}},
        }
        self.assertEqual(
            self.faults({"instance": {"weight": -1}}, schema),
            ["instance.weight: expected 0 or more", "name: this member is required"],
        )

    def test_spellings(self) -> None:
        schema = {
            "required": ["baseUrl"],
            "properties": {"baseUrl": {"type": "string"}},
            "additionalProperties": False,
        }
        for name in ("baseUrl", "base-url", "base_url"):
            self.assertEqual(self.faults({name: "x"}, schema), [])
        self.assertIn("twice", self.faults({"baseUrl": "x", "base-url": "y"}, schema)[0])
        self.assertIn("did you mean baseUrl?", self.faults({"baseUlr": "x"}, schema)[0])

    def test_line_feed_at_the_end(self) -> None:
        self.assertEqual(len(self.faults("a\n", {"pattern": "^a$"})), 1)

    def test_no_value_is_shown(self) -> None:
        for schema in ({"type": "integer"}, {"enum": ["a"]}, {"pattern": "^a"}, {"maxLength": 1}):
            self.assertNotIn("hunter2", "".join(self.faults("hunter2", schema)))

    def test_names_are_one_line(self) -> None:
        said = self.faults({"a\nb\x1b": 1}, {"additionalProperties": False})
        self.assertTrue(said[0].startswith("a?b?: "))

    def test_closest_branch(self) -> None:
        """Of several ways to be right, the one is explained that is missed by least."""
        schema = {"anyOf": [{"required": ["a", "b"]}, {"required": ["c"]}]}
        self.assertEqual(self.faults({}, schema), ["c: this member is required"])

    def test_limit(self) -> None:
        self.assertEqual(len(self.faults(["x"] * 1000, {"items": {"type": "integer"}})), MOST_FAULTS)
