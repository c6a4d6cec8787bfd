"""Processes that change a document, and are killed, or do so at a time: what was acknowledged is there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.store.document import DIRECTORY, Documents
from tests.auth.keyed import not_in_a_thread
from tests.integration.dying import Child, Dying

RANDOM_KILLS = 60
FILLING = {f"key-{each}": {"digest": "0" * 64, "permissions": ["chat:read"]} for each in range(40)}


class DocumentKillTests(SynchronousTestCase):
    """A directory, and children that add to a document in it."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir(parents=True)
        self.path = self.folder / "store"

    def documents(self) -> Documents:
        return Documents(self.path, not_in_a_thread, 10.0, time.sleep)

    def add(self, number: int) -> int:
        """Add a number to the document; returns how many there are."""

        def edit(value: dict[str, Any]) -> int:
            value.setdefault("keys", FILLING)
            numbers: list[int] = value.setdefault("numbers", [])
            numbers.append(number)
            return len(numbers)

        done: list[int] = []
        self.documents().open("keys").change(edit).addCallback(done.append)
        return done[0]

    def numbers(self) -> list[int]:
        value = self.documents().open("keys").value
        if value:
            self.assertEqual(value["keys"], FILLING)
        numbers: list[int] = value.get("numbers", [])
        return numbers

    def check(self, acknowledged: list[int]) -> None:
        """Find out whether it is as it should be after a kill, and whether it can be changed."""
        numbers = self.numbers()
        self.assertEqual(len(numbers), len(set(numbers)))
        self.assertLessEqual(set(acknowledged), set(numbers))
        self.assertEqual(self.add(-len(numbers) - 1), len(numbers) + 1)
        left = [name for name in os.listdir(self.path / DIRECTORY) if name.endswith(".tmp")]
        self.assertEqual(left, [])

    def test_killed_at_random(self) -> None:
        random, newest, seen = Random(5), 0, 0

        def work(acknowledge: Callable[[int], None], first: int) -> None:
            for number in range(first, first + 10_000):
                self.add(number)
                acknowledge(number)

        for _ in range(RANDOM_KILLS):
            newest = max([0, *self.numbers()]) + 1
            child = Child(lambda acknowledge, first=newest: work(acknowledge, first))  # type: ignore[misc] # bound now
            first = child.wait_for_one()
            time.sleep(random.random() * 0.01)
            child.kill()
            killed, acknowledged = child.end(first)
            self.assertTrue(killed)
            seen += len(acknowledged)
            self.check(acknowledged)
        self.assertGreaterEqual(seen, RANDOM_KILLS)

    def at_each_step(self, power_cut: bool) -> int:
        """Do the same until a child survives it. Returns how many were killed."""
        step, killed = 0, True
        while killed:
            self.path = self.folder / f"store-{power_cut}-{step}"

            def dying(acknowledge: Callable[[int], None], step: int = step) -> None:
                Dying(step, power_cut)
                for number in (1, 2):
                    self.add(number)
                    acknowledge(number)

            killed, acknowledged = Child(dying).end()
            self.check(acknowledged)
            step += 1
        return step - 1

    def test_killed_at_each_step(self) -> None:
        self.assertGreater(self.at_each_step(power_cut=False), 15)

    def test_power_cut_at_each_step(self) -> None:
        """What was not forced to disk by then is lost."""
        self.assertGreater(self.at_each_step(power_cut=True), 15)

    def test_several_at_a_time(self) -> None:
        """No change is lost, and no number counted twice."""

        def work(acknowledge: Callable[[int], None], first: int) -> None:
            for number in range(first, first + 25):
                acknowledge(self.add(number))

        children = [
            Child(lambda acknowledge, first=first: work(acknowledge, first))  # type: ignore[misc] # bound now
            for first in (0, 100, 200)
        ]
        places = [place for child in children for place in child.end()[1]]
        self.assertEqual(sorted(places), list(range(1, 76)))
        self.assertEqual(len(set(self.numbers())), 75)

    def test_secret_that_several_ask_for(self) -> None:
        """All of them get the same."""

        def work(acknowledge: Callable[[int], None], number: int) -> None:
            secret = self.documents().secret("pepper", lambda: bytes([number]) * 32)
            self.assertEqual(len(set(secret)), 1)
            acknowledge(secret[0])

        for turn in range(10):
            self.path = self.folder / f"store-{turn}"
            children = [
                Child(lambda acknowledge, number=number: work(acknowledge, number))  # type: ignore[misc] # bound now
                for number in (1, 2, 3)
            ]
            made = {number for child in children for number in child.end()[1]}
            self.assertEqual(len(made), 1)
