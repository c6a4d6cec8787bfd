"""What the tests of keys share: a ring, keys to know, and a document in memory."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.auditing import Event, IAudit
from jairouter.auth.acting import By
from jairouter.auth.key_store import ApiKeys, Made
from jairouter.auth.keys import KeyRing
from jairouter.auth.usage import Usage
from jairouter.config.settings.api_keys import ApiKeySettings
from jairouter.errors import Reason, Unauthenticated
from jairouter.refusals import Refusal
from jairouter.store.document import Document, Documents
from tests.config.reading import read

PEPPER = b"p" * 32
TODAY = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""
DAY = 86_400
FRONTEND = "sk-frontend-key-here"
CONFIGURED = f"""
keys:
  - {{name: frontend, value: {FRONTEND}, permissions: [chat:read]}}
  - {{name: root, value: sk-root-key-0000, permissions: [admin]}}
"""


def settings(text: str = CONFIGURED) -> ApiKeySettings:
    """Settings of keys, as a file would have them."""
    indented = "\n".join(f"    {line}" for line in text.splitlines())
    return read(f"security:\n  api-key:\n{indented}\n").settings.security.api_key


def not_in_a_thread(function: Callable[..., Any], *args: Any) -> Deferred[Any]:
    """Do at once what would block."""
    return succeed(None).addCallback(lambda _: function(*args))


@implementer(IAudit)
class Noting:
    """Notes events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def often(self, event: Event) -> None:
        self.record(event)


class KeyCase(SynchronousTestCase):
    """Keys of a configuration, and of a document in memory."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(TODAY)
        self.today = self.clock.seconds
        self.ring = KeyRing(PEPPER, self.today)
        self.ring.configure(settings())
        self.audit = Noting()
        documents = Documents(None, not_in_a_thread)
        self.document: Document = documents.open("api-keys")
        self.usage_document: Document = documents.open("usage")
        self.usage = Usage(self.usage_document, self.ring, self.today)
        self.keys = ApiKeys(self.document, self.ring, self.today, Random(1), self.audit, self.usage)
        self.by = By("admin", "192.0.2.7", "req_1")

    def tearDown(self) -> None:
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def make(self, name: str = "made", **given: Any) -> bytes:
        """Make a key, and return its value."""
        made = self.successResultOf(self.keys.create(self.by, given, name))
        assert made.value is not None
        return made.value.reveal().encode()


class StoreCase(KeyCase):
    """Keys that are made, and what comes of it."""

    def reason(self, value: bytes) -> Reason:
        error = self.assertRaises(Unauthenticated, self.ring.authenticate, value)
        assert isinstance(error, Unauthenticated)
        return error.reason

    def done(self, work: Deferred[Made]) -> dict[str, Any]:
        return self.successResultOf(work).key

    def value(self, work: Deferred[Made]) -> bytes:
        value = self.successResultOf(work).value
        assert value is not None
        return value.reveal().encode()

    def refused(self, work: Deferred[Any], kind: type[Refusal]) -> Refusal:
        before = self.document.value
        refusal = self.failureResultOf(work, kind).value
        assert isinstance(refusal, Refusal)
        self.assertEqual(self.document.value, before)
        return refusal

    def kinds(self) -> list[str]:
        return [event.kind for event in self.audit.events]
