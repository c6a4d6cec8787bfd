"""Tests that the generated files are up to date, and that the sample files are valid."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import reference, schema
from jairouter.config.loader import load

ROOT = Path(__file__).parents[2]


class GeneratedTests(SynchronousTestCase):
    """What is made from the settings is what is on disk."""

    def test_the_reference_page(self) -> None:
        found = (ROOT / reference.PAGE).read_text(encoding="utf-8")
        self.assertEqual(found, reference.page(), "run python -m jairouter.config.reference")

    def test_the_schema(self) -> None:
        found = (ROOT / schema.PLACE).read_text(encoding="utf-8")
        self.assertEqual(found, schema.text(), "run python -m jairouter.config.schema")

    def test_they_are_written_where_they_are_asked_for(self) -> None:
        path = Path(self.mktemp())
        self.assertEqual(schema.main([str(path)]), 0)
        self.assertEqual(json.loads(path.read_text(encoding="utf-8")), schema.schema())
        self.assertEqual(reference.main([str(path)]), 0)
        self.assertEqual(path.read_text(encoding="utf-8"), reference.page())

    def test_check(self) -> None:
        """Nothing is written; the status says whether something should be."""
        for maker, place in ((reference, reference.PAGE), (schema, schema.PLACE)):
            folder = Path(self.mktemp())
            path = folder / place
            path.parent.mkdir(parents=True)
            before = os.getcwd()
            self.addCleanup(os.chdir, before)
            os.chdir(folder)
            path = Path(place)
            path.write_text("old", encoding="utf-8")
            self.assertEqual(maker.main(["--check"]), 1)
            self.assertEqual(path.read_text(encoding="utf-8"), "old")
            self.assertEqual(maker.main([]), 0)
            self.assertEqual(maker.main(["--check"]), 0)
            self.assertEqual([each for each in Path().rglob("*") if each.is_file()], [path])
            os.chdir(before)


class SchemaTests(SynchronousTestCase):
    """The schema can be followed, and accepts what the loader accepts."""

    def setUp(self) -> None:
        self.schema = schema.schema()

    def _resolve(self, reference: str) -> Any:
        found: Any = self.schema
        for step in reference.removeprefix("#").strip("/").split("/"):
            found = found[step] if step else found
        return found

    def _walk(self, node: Any) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                self.assertIsInstance(self._resolve(node["$ref"]), dict)
            for pattern in node.get("patternProperties", {}):
                re.compile(pattern)
            node = list(node.values())
        if isinstance(node, list):
            for inner in node:
                self._walk(inner)

    def test_all_references_lead_somewhere(self) -> None:
        self._walk(self.schema)

    def test_other_spellings_are_accepted(self) -> None:
        patterns = self.schema["definitions"]["WebClientSettings"]["patternProperties"]
        for key in ("readTimeout", "read_timeout", "read-timeout"):
            self.assertTrue(any(re.search(pattern, key) for pattern in patterns), key)


class SampleTests(SynchronousTestCase):
    """The files that are shipped."""

    def test_the_sample_configuration_is_valid_and_all_of_it_works(self) -> None:
        loaded = load([ROOT / "etc" / "jairouter"])
        self.assertEqual([str(notice) for notice in loaded.notices], [])
        self.assertEqual(loaded.settings.model.services["chat"].instances[0].name, "local")
