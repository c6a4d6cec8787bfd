"""Tests of notices about keys that somebody could guess."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.loader import Text, load

GOOD = "sk-Vr9cXf3LhT0wQZ8mN2kYbJ6uGd4EsPaR"
WEAK = "sk-frontend-key-here"


class WeakKeysTests(SynchronousTestCase):
    """What the loader says of keys."""

    def notices(self, keys: str, more: str = "enabled: true") -> list[str]:
        text = f"security:\n  api-key:\n    {more}\n    keys:\n{keys}"
        loaded = load([Text("a.yml", text.encode())])
        return [str(each) for each in loaded.notices if "weak" in each.text]

    def key(self, value: str, more: str = "", what: str = "value") -> str:
        return f"      - {{name: of-{len(value)}, {what}: '{value}'{more}}}\n"

    def test_a_weak_one_is_named_with_its_place_and_not_shown(self) -> None:
        [told] = self.notices(self.key(GOOD) + self.key(WEAK))
        self.assertTrue(told.startswith("a.yml:6: security.api-key.keys[1].key-value is weak: "), told)
        self.assertNotIn(WEAK, told)
        self.assertIn("new-key", told)

    def test_each_of_them_is_named(self) -> None:
        self.assertEqual(len(self.notices(self.key(WEAK) + self.key("sk-backend-key-here"))), 2)

    def test_one_from_a_variable(self) -> None:
        text = "security.api-key: {enabled: true, keys: [{name: a, value: '${KEY}'}]}"
        loaded = load([Text("a.yml", text.encode())], environ={"KEY": WEAK})
        self.assertEqual(len([each for each in loaded.notices if "weak" in each.text]), 1)

    def test_of_a_hash_nobody_can_say(self) -> None:
        self.assertEqual(self.notices(self.key(f"sha256:{'0' * 64}", what="value-hash")), [])

    def test_keys_that_do_not_count_are_nobodys_business(self) -> None:
        self.assertEqual(self.notices(self.key(WEAK), "enabled: false"), [])
        self.assertEqual(self.notices(self.key(WEAK, ", enabled: false")), [])
