"""Tests of the table of routes in the documentation."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.route_page import BEGIN, END, page, split, table


class PageTests(SynchronousTestCase):
    """`table` and where it stands."""

    def test_it_is_of_what_a_gateway_serves(self) -> None:
        rows = table().splitlines()
        self.assertIn("| POST | `/v1/chat/completions` | `chat:read` |", rows)
        self.assertIn("| GET | `/actuator/health` | everybody |", rows)
        self.assertIn("| DELETE | `/api/auth/api-keys/{keyId}` | `security:delete` |", rows)

    def test_the_rest_of_the_page_stays(self) -> None:
        made = page(f"before\n{BEGIN}\nold\n{END}\nafter\n")
        self.assertEqual(split(made), ("before\n", f"\n{table()}\n", "\nafter\n"))
        self.assertEqual(page(made), made)

    def test_a_page_without_a_place_for_it(self) -> None:
        self.assertRaises(ValueError, page, "nothing")
        self.assertRaises(ValueError, page, f"{BEGIN} and no end")
