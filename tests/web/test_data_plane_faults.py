"""Tests for `jairouter.web.data_plane`: faults of our own. Nobody is left waiting because of one."""

from __future__ import annotations

from typing import cast

from zope.interface import implementer

from jairouter.body import AnswerBody
from jairouter.errors import ModelNotFound
from jairouter.exchange import Answer, Exchange
from jairouter.interfaces import IResponder
from tests.filters.inner import Source
from tests.web.test_data_plane import Case


class PipelineTests(Case):
    """The pipeline fails."""

    def test_unexpected(self) -> None:
        """500 in JSON without any detail; that is logged."""
        client = self.ask()
        self.reply(RuntimeError("the secret is 42"))
        self.assertEqual((self.received(client).status, self.error_code(client)), (500, "internal_error"))
        self.assertNotIn(b"42", client.received)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_unexpected_at_once(self) -> None:
        @implementer(IResponder)
        class Broken:
            async def respond(self, exchange: Exchange) -> Answer:
                raise RuntimeError("broken")

        self.data_plane.pipeline = Broken()
        self.assertEqual(self.error_code(self.ask()), "internal_error")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class WritingTests(Case):
    """What is to be written cannot be."""

    def test_answer_that_cannot_be_written(self) -> None:
        """Nothing stays open because of it: the connection is broken off and the body given up."""
        client = self.ask()
        source, unwritable = Source(), cast("bytes", "no bytes")
        self.reply(Answer(200, ((b"X-A", unwritable),), AnswerBody(source, b"x")))
        self.assertIsNotNone(client.closed)
        self.assertEqual(source.calls, ["abort"])
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_whole_answer_that_cannot_be_written(self) -> None:
        client = self.ask()
        body = AnswerBody.of(b"done")
        self.reply(Answer(200, ((b"X-A", cast("bytes", "no bytes")),), body))
        self.assertIsNotNone(client.closed)
        self.assertEqual(self.data_plane.open, 0)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_error_that_cannot_be_written(self) -> None:
        client = self.ask()
        channel = self.serving.server_end(client).protocol
        self.patch(channel, "write", lambda data: data.no_such_thing)
        self.reply(ModelNotFound("no such model"))
        self.assertIsNotNone(client.closed)
        self.assertEqual(self.data_plane.open, 0)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)


class SettlingTests(Case):
    """Who settles something at the end of a body fails to."""

    def test_settling_a_whole_answer_fails(self) -> None:
        """A fault in who watches it does not leave the client waiting."""
        client = self.ask()
        body = AnswerBody.of(b"done")

        def fail(_: object) -> None:
            raise RuntimeError("broken")

        body.on_done(fail)
        self.reply(Answer(200, (), body))
        self.assertIsNotNone(client.closed)
        self.assertEqual(self.data_plane.open, 0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_settling_fails(self) -> None:
        """A fault in who watches the body does not leave the request open."""
        client = self.ask()
        body = AnswerBody(Source())

        def fail(_: object) -> None:
            raise RuntimeError("broken")

        body.on_done(fail)
        self.reply(Answer(200, (), body))
        client.leave()
        self.serving.run()
        self.assertEqual(self.data_plane.open, 0)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
