"""Tests for `jairouter.store.document`."""

from __future__ import annotations

import math
import stat
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from jairouter.refusals import NotFound
from jairouter.store import document as module
from jairouter.store.document import Documents
from jairouter.store.durable import open_file
from jairouter.store.lock import locked
from tests.auth.keyed import not_in_a_thread
from tests.fuzz.examples import examples
from tests.store.document_rig import DocumentCase


class Thread:
    """Does what would block when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[Any]] = []

    def __call__(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        work: Deferred[Any] = Deferred()
        self.waiting.append(work)
        return work.addCallback(lambda _: function(*args))

    def go_on(self) -> None:
        """Let the oldest one be done."""
        self.waiting.pop(0).callback(None)


def _put(what: object, value: dict[str, Any]) -> None:
    value["a"] = what


class KeepingTests(DocumentCase):
    """What is kept."""

    def test_nothing(self) -> None:
        """Nothing is made by looking."""
        self.assertEqual(self.open().value, {})
        self.assertFalse(self.path.exists())

    def test_kept(self) -> None:
        document = self.open()
        self.assertEqual(self.successResultOf(document.change(lambda value: value.setdefault("a", 1))), 1)
        self.assertEqual((document.value, self.open().value), ({"a": 1}, {"a": 1}))

    def test_only_for_its_owner(self) -> None:
        self.put(self.open(), a=1)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(self.file.parent.stat().st_mode), 0o700)

    def test_nothing_changes(self) -> None:
        """Then nothing is written."""
        document = self.open()
        self.put(document, a=1)
        before = self.file.stat()
        self.put(document, a=1)
        after = self.file.stat()
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))

    def test_edit_that_refuses(self) -> None:
        """Nothing changes, whatever it has done before that."""
        document = self.open()
        self.put(document, a=[1])

        def edit(value: dict[str, Any]) -> None:
            value["a"].append(2)
            raise NotFound("no")

        self.failureResultOf(document.change(edit), NotFound)
        self.assertEqual((document.value, self.open().value), ({"a": [1]}, {"a": [1]}))

    def test_in_memory(self) -> None:
        """Likewise, without a directory."""
        document = Documents(None, not_in_a_thread).open("keys")
        self.put(document, a=[1])
        before = document.value

        def edit(value: dict[str, Any]) -> None:
            value["a"].append(2)
            raise NotFound("no")

        self.failureResultOf(document.change(edit), NotFound)
        self.successResultOf(document.refresh())
        self.assertEqual(document.value, {"a": [1]})
        self.successResultOf(document.change(lambda value: value["a"].append(3)))
        self.assertEqual((before, document.value), ({"a": [1]}, {"a": [1, 3]}))

    def test_as_it_is_read_again(self) -> None:
        """In memory it is what the disk says: there are no tuples, and all names are texts."""
        for document in (self.open(), Documents(None, not_in_a_thread).open("keys")):
            self.put(document, a=(1, 2), b={5: None})
            self.assertEqual(document.value, {"a": [1, 2], "b": {"5": None}})

    def test_what_json_cannot_say(self) -> None:
        """Is refused before anything is written."""
        for document in (self.open(), Documents(None, not_in_a_thread).open("keys")):
            for value in (math.nan, math.inf, object(), b"bytes"):
                self.failureResultOf(document.change(partial(_put, value)), ValueError, TypeError)
            self.assertEqual(document.value, {})
        self.assertFalse(self.file.exists())

    def test_half_a_character(self) -> None:
        """JSON can say it, and what has come in must not keep anything from being written later."""
        self.put(self.open(), a="\ud800")
        self.assertEqual(self.open().value, {"a": "\ud800"})

    @examples(8)
    @given(
        st.dictionaries(
            st.text(max_size=5),
            st.recursive(
                st.none()
                | st.booleans()
                | st.integers()
                | st.floats(allow_nan=False, allow_infinity=False)
                # Halves of characters too, which JSON may come with
                | st.text(st.characters(), max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
                ),
                max_leaves=6,
            ),
            max_size=4,
        )
    )
    def test_anything(self, written: dict[str, Any]) -> None:
        self.setUp()
        document = self.open()
        self.put(document, **{"": written})
        self.assertEqual(document.value, {"": written})
        self.assertEqual(self.open().value, {"": written})


class SharedTests(DocumentCase):
    """Two gateways on one file."""

    def setUp(self) -> None:
        super().setUp()
        self.one, self.other = self.open(), self.open()

    def test_changes_add_up(self) -> None:
        """Each is made to what is on the disk."""
        for index in range(5):
            for document in (self.one, self.other):
                self.put(document, **{f"{index}{document is self.one}": index})
        self.assertEqual(len(self.other.value), 10)
        self.assertEqual(len(self.one.value), 9)
        self.successResultOf(self.one.refresh())
        self.assertEqual(self.one.value, self.other.value)

    def test_told(self) -> None:
        """When it is another one, and only then."""
        told: list[object] = []
        self.other.call_on_change(lambda: told.append(self.other.value))
        self.put(self.one, a=1)
        self.assertEqual(told, [])
        for _ in range(3):
            self.successResultOf(self.other.refresh())
        self.assertEqual(told, [{"a": 1}])
        self.put(self.other, b=2)
        self.successResultOf(self.other.refresh())
        self.assertEqual(told, [{"a": 1}, {"a": 1, "b": 2}])

    def test_all_at_once(self) -> None:
        documents = self.documents()
        held = documents.open("keys"), documents.open("users")
        self.put(self.one, a=1)
        for work in documents.refresh():
            self.successResultOf(work)
        self.assertEqual([each.value for each in held], [{"a": 1}, {}])

    def test_deleted(self) -> None:
        """By an operator, say."""
        self.put(self.one, a=1)
        self.file.unlink()
        self.successResultOf(self.one.refresh())
        self.assertEqual(self.one.value, {})

    def test_file_is_read_only_when_it_changed(self) -> None:
        self.put(self.one, a=1)
        self.successResultOf(self.other.refresh())
        read: list[Path] = []

        def reading(path: Path) -> Any:
            read.append(path)
            return open_file(path)

        self.patch(module, "open_file", reading)
        self.successResultOf(self.one.refresh())
        self.successResultOf(self.other.refresh())
        self.assertEqual(read, [])
        self.put(self.one, a=2)
        self.successResultOf(self.other.refresh())
        self.assertEqual(len(read), 2)

    def test_held(self) -> None:
        """Whoever holds it too long is not waited for."""
        self.put(self.one, a=1)
        with locked(self.file.with_suffix(".lock"), 0, self.naps.append):
            self.assertIn(
                "is held by another process", self.refused(self.other.change(lambda value: value.clear()))
            )
        self.assertGreater(len(self.naps), 3)
        self.put(self.other, b=1)


class TurnTests(DocumentCase):
    """Several changes at a time, in threads."""

    def setUp(self) -> None:
        super().setUp()
        self.thread = Thread()
        self.document = self.open(self.thread)

    def change(self, name: str) -> Deferred[Any]:
        return self.document.change(lambda value: value.update({name: 1}))

    def test_one_behind_the_other(self) -> None:
        works = [self.change("a"), self.change("b"), self.document.refresh()]
        self.assertEqual(len(self.thread.waiting), 1)
        for work in works:
            self.assertNoResult(work)
            self.thread.go_on()
            self.successResultOf(work)
        self.assertEqual(self.document.value, {"a": 1, "b": 1})

    def test_nobody_waits_any_more(self) -> None:
        """A thread cannot be cancelled: it goes on, the next one waits for it, and what it did is known."""
        first, second = self.change("a"), self.change("b")
        for work in (first, second):
            work.addErrback(lambda failure: None)
            work.cancel()
        self.assertEqual(len(self.thread.waiting), 1)
        self.thread.go_on()
        self.thread.go_on()
        self.assertEqual(self.document.value, {"a": 1, "b": 1})

    def test_after_a_failure(self) -> None:
        def edit(value: dict[str, Any]) -> None:
            raise RuntimeError

        first, second = self.document.change(edit), self.change("b")
        self.thread.go_on()
        self.failureResultOf(first, RuntimeError)
        self.thread.go_on()
        self.successResultOf(second)

    def test_watcher_that_fails(self) -> None:
        """The change is made all the same, and the others are told."""
        told: list[str] = []
        self.document.call_on_change(lambda: 1 / 0)  # type: ignore[arg-type]  # that is the point
        self.document.call_on_change(lambda: told.append("told"))
        work = self.change("a")
        self.thread.go_on()
        self.successResultOf(work)
        self.assertEqual((told, len(self.flushLoggedErrors(ZeroDivisionError))), (["told"], 1))
