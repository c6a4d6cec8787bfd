"""What the tests of documents share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from jairouter.refusals import StoreUnavailable
from jairouter.store.document import DIRECTORY, Document, Documents
from tests.auth.keyed import not_in_a_thread


class DocumentCase(SynchronousTestCase):
    """A store's directory."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp())
        self.file = self.path / DIRECTORY / "keys.json"
        self.naps: list[float] = []

    def documents(self, run: Callable[..., Deferred[Any]] = not_in_a_thread) -> Documents:
        return Documents(self.path, run, 0.1, self.naps.append)

    def open(self, run: Callable[..., Deferred[Any]] = not_in_a_thread) -> Document:
        return self.documents(run).open("keys")

    def put(self, document: Document, **members: Any) -> None:
        self.successResultOf(document.change(lambda value: value.update(members)))

    def refused(self, work: Deferred[Any]) -> str:
        failure = self.failureResultOf(work, StoreUnavailable)
        return str(failure.value)
