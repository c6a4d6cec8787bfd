"""How much work an edit is, counted in calls of functions, since time says something of the machine too."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config import edits
from jairouter.config.composing import free_key
from jairouter.control import Edit
from tests.config.editing import Edited

FEW, MANY = 20, 80


class EffortTests(SynchronousTestCase):
    """Four times as many instances are about four times the work, not sixteen times."""

    def _check(self, edit: Callable[[int], Edit], *before: Callable[[int], Edit]) -> None:
        efforts = []
        for size in (FEW, MANY):
            edited = Edited(_file(size))
            for each in before:
                edited(each(size))
            efforts.append(_calls(partial(edited, edit(size))))
        self.assertLess(efforts[1], 6 * efforts[0])

    def test_a_list_of_others(self) -> None:
        self._check(_others)

    def test_a_list_of_the_same(self) -> None:
        self._check(_weights)

    def test_what_only_the_changes_know(self) -> None:
        self._check(_by_key, _others)

    def test_all_of_one_name(self) -> None:
        """The keys of changes are told apart by numbers; trying them all is not seen in calls."""
        taken = _Counted(["m", *(f"m#{number}" for number in range(2, 1001))])
        self.assertEqual(free_key("m", taken), "m#1001")
        self.assertLess(taken.asked, 30)

    def test_a_list_in_place_of_all_changes(self) -> None:
        self._check(lambda size: edits.replace_all(_patch(_list("other", size))), _others)


class _Counted(list[str]):
    """A list that counts how often it is asked whether something is in it."""

    asked = 0

    def __contains__(self, key: object) -> bool:
        self.asked += 1
        return super().__contains__(key)


def _calls(work: Callable[[], Any]) -> int:
    """Count the functions of Python that are called."""
    count = 0

    def called(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def _file(size: int) -> str:
    return "model.services.chat.instances:\n" + "".join(
        f"- {{name: m, base-url: 'http://old-{index}'}}\n" for index in range(size)
    )


def _list(kind: str, size: int, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "m", "baseUrl": f"http://{kind}-{index}", **more} for index in range(size)]


def _patch(instances: Any) -> dict[str, Any]:
    return {"model": {"services": {"chat": {"instances": instances}}}}


def _others(size: int) -> Edit:
    return edits.merge(_patch(_list("other", size)))


def _weights(size: int) -> Edit:
    return edits.merge(_patch(_list("old", size, weight=3)))


def _by_key(size: int) -> Edit:
    return edits.merge(_patch({f"m@http://other-{index}": {"weight": 3} for index in range(size)}))
