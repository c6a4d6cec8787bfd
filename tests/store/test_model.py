"""Random operations of two processes on one directory, beside the simplest thing that does the same."""

from __future__ import annotations

import shutil
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.refusals import Refusal, VersionDamaged
from jairouter.store.file import FileStore
from jairouter.store.memory import MemoryStore
from tests.fuzz.examples import examples
from tests.store.rig import StoreTestCase, Today, draft, run_at_once

NUMBERS = st.integers(-1, 8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
CHANGES = st.dictionaries(st.text(), JSON, max_size=3)

OPERATIONS = st.one_of(
    st.tuples(st.just("add"), st.one_of(st.none(), NUMBERS), CHANGES),
    st.tuples(st.just("delete"), NUMBERS),
    st.tuples(st.just("read"), NUMBERS),
    st.tuples(st.just("history")),
)


class ModelTests(StoreTestCase):
    """Whichever of the two is asked, it says what the model says."""

    def outcome(self, test: SynchronousTestCase, store: Any, operation: tuple[Any, ...]) -> object:
        name, *arguments = operation
        if name == "add":
            arguments = [draft(*arguments)]
        results: list[Any] = []
        getattr(store, name)(*arguments).addBoth(results.append)
        (result,) = results
        error = getattr(result, "value", None)
        return (type(error), str(error)) if isinstance(error, Refusal) else result

    @examples(60)
    @given(st.integers(0, 3), st.lists(st.tuples(st.booleans(), OPERATIONS), max_size=12))
    def test_like_the_model(self, max_versions: int, operations: list[tuple[bool, Any]]) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        now = Today()
        self.today = Today()
        stores = [FileStore(self.open(max_versions), run_at_once) for _ in range(2)]
        model = MemoryStore(now, max_versions)
        for second, operation in operations:
            if operation[0] == "add" and operation[1] is None:
                history = self.successResultOf(model.history())
                operation = ("add", history[-1].number if history else 0, operation[2])  # noqa: PLW2901 - as meant
            expected = self.outcome(self, model, operation)
            self.assertEqual(self.outcome(self, stores[second], operation), expected, operation)
        expected = self.outcome(self, model, ("history",))
        for store in stores:
            self.assertEqual(self.outcome(self, store, ("history",)), expected)

    @examples(80)
    @given(st.data())
    def test_any_damage_is_noticed(self, data: st.DataObject) -> None:
        """Whatever happens to the bytes, a version is read as it was stored, or not at all."""
        if not self.path.exists():
            self.fill(1)
            self.whole = self.file(1).read_bytes()
            self.version = self.files.read(1)
        where = data.draw(st.integers(0, len(self.whole) - 1))
        spoilt = data.draw(
            st.sampled_from(
                [
                    self.whole[:where],
                    self.whole[:where] + bytes([self.whole[where] ^ 1]) + self.whole[where + 1 :],
                    self.whole[:where] + self.whole[where + 1 :],
                    self.whole[:where] + b"\0" * (len(self.whole) - where),
                    self.whole[:where] + self.whole,
                ]
            )
        )
        self.file(1).write_bytes(spoilt)
        try:
            self.assertEqual(self.files.read(1), self.version)
        except VersionDamaged as damaged:
            self.assertIn("version 1 is damaged: ", damaged.message)
