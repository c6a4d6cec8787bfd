"""Edits of many instances: they happen between two requests, so their cost grows no faster than they do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import edits
from jairouter.control import Edit
from tests.config.editing import Edited


def instances(number: int) -> list[dict[str, Any]]:
    """So many."""
    return [{"name": f"m{each}", "base-url": f"http://h{each}:1"} for each in range(number)]


def called(edit: Edit, edited: Edited) -> int:
    """How many functions are called for an edit."""
    count = 0

    def profile(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        edit(edited.loaded, edited.changes)
    finally:
        sys.setprofile(before)
    return count


class ScaleTests(SynchronousTestCase):
    """Four times as many instances."""

    def assert_linear(self, make: Callable[[list[dict[str, Any]]], Edit]) -> None:
        few, many = (self.cost(make, number) for number in (20, 80))
        self.assertLess(many, 6 * few)

    def cost(self, make: Callable[[list[dict[str, Any]]], Edit], number: int) -> int:
        some = instances(number)
        edited = Edited(json.dumps({"model": {"services": {"chat": {"instances": some}}}}), {})
        return called(make([{**each, "weight": 3} for each in some]), edited)

    def test_list(self) -> None:
        self.assert_linear(lambda some: edits.update_service("chat", {"instances": some}))

    def test_by_key(self) -> None:
        def edit(some: list[dict[str, Any]]) -> Edit:
            keyed = {f"{each['name']}@{each['base-url']}": {"weight": 3} for each in some}
            return edits.merge({"model": {"services": {"chat": {"instances": keyed}}}})

        self.assert_linear(edit)
