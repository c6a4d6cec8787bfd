"""Tests for `jairouter.web.in_band`."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.errors import StreamCut
from jairouter.interfaces import IBodySink
from jairouter.web.in_band import MAX_ERROR, ErrorAnswer


class ErrorAnswerTests(SynchronousTestCase):
    """The body of an error answer becomes what an error event carries."""

    def setUp(self) -> None:
        self.told: list[bytes] = []
        self.answer = ErrorAnswer(418, self.told.append)

    def assert_replaced(self) -> None:
        [payload] = self.told
        error = json.loads(payload)["error"]
        self.assertEqual(
            (error["code"], error["message"]), ("upstream_error", "the backend failed with status 418")
        )

    def test_interface(self) -> None:
        verifyObject(IBodySink, self.answer)

    def test_as_the_backend_wrote_it(self) -> None:
        self.answer.chunk(b'{"error": {"me')
        self.answer.chunk(b'ssage": "no"}}')
        self.assertEqual(self.told, [])
        self.answer.end()
        self.assertEqual(self.told, [b'{"error": {"message": "no"}}'])

    def test_what_no_client_could_read(self) -> None:
        """A page, another shape, nothing at all, an error that is none, nesting without end."""
        for body in (b"<html>", b'{"detail": "no"}', b"", b'{"error": null}', b"[1]", b"[" * 5000):
            self.told.clear()
            self.answer = ErrorAnswer(418, self.told.append)
            if body:
                self.answer.chunk(body)
            self.answer.end()
            self.assert_replaced()

    def test_too_long(self) -> None:
        """No more is kept than an error needs."""
        self.answer.chunk(b'{"error": "')
        for _ in range(10):
            self.answer.chunk(b"x" * MAX_ERROR)
        self.answer.end()
        self.assert_replaced()

    def test_broken(self) -> None:
        self.answer.chunk(b'{"error": {"me')
        self.answer.broke(StreamCut("cut"))
        [payload] = self.told
        self.assertEqual(json.loads(payload)["error"]["message"], "cut")
