"""Tests of the table of permissions in the documentation."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.permission_table import BEGIN, END, page, table
from jairouter.auth.permissions import RESOURCES


class TableTests(SynchronousTestCase):
    """`table` and where it stands."""

    def test_every_resource_and_role_is_in_it(self) -> None:
        shown = table()
        for word in (*RESOURCES, "USER", "ADMIN"):
            self.assertIn(word, shown)

    def test_what_words_come_to(self) -> None:
        rows = table().splitlines()
        self.assertIn("| `config:delete` | `config:delete`, `config:read` |  |", rows)
        self.assertIn("| role `ADMIN` | everything | `ROLE_ADMIN` is the same |", rows)

    def test_the_rest_of_the_page_stays(self) -> None:
        made = page(f"before\n{BEGIN}\nold\n{END}\nafter\n")
        self.assertEqual(made, f"before\n{BEGIN}\n{table()}\n{END}\nafter\n")
        self.assertEqual(page(made), made)

    def test_a_page_without_a_place_for_it(self) -> None:
        self.assertRaises(ValueError, page, "nothing")
        self.assertRaises(ValueError, page, f"{BEGIN} and no end")
