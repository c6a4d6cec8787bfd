"""Tests for `jairouter.filters.validate`."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import (
    BadRequest,
    ClientGone,
    GatewayError,
    RequestTooLarge,
    UnsupportedMediaType,
    UpstreamError,
)
from jairouter.exchange import Answer, Exchange
from jairouter.filters.validate import Validate
from jairouter.interfaces import IResponder
from jairouter.request_body.held import HeldBody
from jairouter.request_body.spool import Spool, SpoolSpace
from jairouter.web.upload import Upload
from tests.fakes import Network
from tests.filters.inner import ROUTE, Inner, Sink, exchange, request, run
from tests.web.test_upload import Connection

FORM = b"multipart/form-data; boundary=b"
MODEL = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * 50 + b"\r\n"


class CountedSpool(Spool):
    """Notes whether it was closed."""

    def __init__(self) -> None:
        super().__init__(10, Network.run_in_thread, SpoolSpace(1000, 1000))
        self.closed = 0

    def close(self) -> None:
        super().close()
        self.closed += 1


class Case(SynchronousTestCase):
    """A filter that takes 200 bytes of JSON and 500 of anything."""

    def setUp(self) -> None:
        self.inner = Inner()
        self.spools: list[CountedSpool] = []
        self.now = 0.0
        self.validate = Validate(self.inner, 200, 500, self.new_spool, 5, lambda: self.now)
        self.connection = Connection()

    def new_spool(self) -> Spool:
        self.spools.append(CountedSpool())
        return self.spools[-1]

    def upload(self, length: int | None = None) -> Upload:
        return Upload(self.connection, length)

    def send(self, suffix: str, content_type: bytes, body: Any) -> tuple[Exchange, Deferred[Answer]]:
        sent = exchange(request(ROUTE[suffix], content_type=content_type, body=body), "")
        return sent, run(self.validate, sent)

    def refusal(self, suffix: str, content_type: bytes, body: Any) -> GatewayError:
        """The error with which it is refused; nothing went further."""
        _, work = self.send(suffix, content_type, body)
        error = self.failureResultOf(work, GatewayError).value
        self.assertEqual(self.inner.exchanges, [])
        assert isinstance(error, GatewayError)
        return error


class ContentTypeTests(Case):
    """What kind of body a route takes."""

    def accepts(self, suffix: str, content_type: bytes) -> bool:
        _, work = self.send(suffix, content_type, b'{"model": "m"}')
        if self.inner.exchanges:
            self.inner.exchanges.clear()
            self.inner.answer()
            self.successResultOf(work)
            return True
        self.failureResultOf(work, UnsupportedMediaType)
        return False

    def test_json(self) -> None:
        for content_type in (
            b"application/json",
            b"Application/JSON; charset=utf-8",
            b"application/json;charset=utf-8",
            b"application/vnd.api+json",
            b"",
        ):
            self.assertTrue(self.accepts("/chat/completions", content_type), content_type)

    def test_no_json(self) -> None:
        for content_type in (b"text/plain", FORM, b"application/x-www-form-urlencoded", b"json", b"; x"):
            expected = content_type == b"; x"  # no type at all, though written down
            self.assertEqual(self.accepts("/chat/completions", content_type), expected, content_type)

    def test_form(self) -> None:
        """A route that takes forms takes JSON as well (images named by URL), but says what it is."""
        self.assertTrue(self.accepts("/images/edits", b"application/json"))
        self.assertFalse(self.accepts("/images/edits", b""))
        self.assertFalse(self.accepts("/images/edits", b"text/plain"))

    def test_encoded(self) -> None:
        """What cannot be looked into is not passed on: nobody knows for which model it is."""
        for encoding in (
            b"gzip",
            b"GZIP",
            b"br",
            b"x-none",
            b"gzip, identity",
            b"identity, identity",
            b" deflate",
        ):
            for suffix, content_type in (("/chat/completions", b"application/json"), ("/images/edits", FORM)):
                sent = request(ROUTE[suffix], content_type=content_type, body=b'{"model": "m"}')
                work = run(self.validate, exchange(sent._replace(fields={b"content-encoding": encoding}), ""))
                self.failureResultOf(work, UnsupportedMediaType)
        self.assertEqual((self.inner.exchanges, self.spools), ([], []))

    def test_not_encoded(self) -> None:
        for encoding in (b"", b"identity", b"Identity "):
            sent = request(ROUTE["/chat/completions"], body=b'{"model": "m"}')
            run(self.validate, exchange(sent._replace(fields={b"content-encoding": encoding}), ""))
            self.assertEqual(len(self.inner.exchanges), 1, encoding)
            self.inner.exchanges.clear()

    def test_charsets(self) -> None:
        """A backend that believes it may read another model in the same bytes, as in UTF-7."""
        for parameters, good in (
            (b"charset=utf-8", True),
            (b'CharSet="UTF-8"', True),
            (b"charset=utf8", True),
            (b"charset=us-ascii", True),
            (b"foo", True),
            (b"foo=charset", True),
            (b"", True),
            (b"charset=utf-7", False),
            (b"charset=utf-16", False),
            (b"charset=utf-16le", False),
            (b"charset=iso-8859-1", False),
            (b"charset=utf-8; charset=utf-7", False),
            (b"charset=utf-7; charset=utf-8", False),
            (b"charset = utf-7", False),
            (b"charset=", False),
            (b"charset", False),
            (b"charset=utf-8x", False),
        ):
            for media_type in (b"application/json;", b"Application/Problem+JSON ; "):
                self.assertEqual(self.accepts("/chat/completions", media_type + parameters), good, parameters)

    def test_several_types(self) -> None:
        """Two headers, which the request joins by a comma, are neither of the two."""
        self.assertFalse(self.accepts("/chat/completions", b"application/json, text/plain"))
        self.assertFalse(self.accepts("/chat/completions", b"text/plain, application/json"))

    def test_what_is_said(self) -> None:
        error = self.refusal("/audio/transcriptions", b"text/plain", b"x")
        self.assertIn("multipart/form-data", error.message)


class JsonTests(Case):
    """JSON bodies."""

    def test_interface(self) -> None:
        verifyObject(IResponder, self.validate)

    def test_found(self) -> None:
        sent, work = self.send("/chat/completions", b"", b'{"stream": true, "model": "m"}')
        self.assertEqual((sent.model, sent.stream), ("m", True))
        self.inner.answer()
        self.successResultOf(work)

    def test_complete_upload(self) -> None:
        """It is held once, not a second time in the upload."""
        upload = self.upload()
        for piece in (b'{"model"', b': "m"}'):
            upload.received(piece)
        upload.finished()
        sent, _ = self.send("/chat/completions", b"", upload)
        self.assertEqual((sent.body.data, sent.body.replayable), (b'{"model": "m"}', True))
        self.assertIsNone(upload.data)

    def test_held_body_stays_the_same(self) -> None:
        """It is in memory and can be sent again: nothing is copied."""
        held = HeldBody(b'{"model": "m"}')
        sent, _ = self.send("/chat/completions", b"application/json", held)
        self.assertIs(sent.body, held)
        self.assertEqual(sent.model, "m")

    def test_upload_that_arrives(self) -> None:
        upload = self.upload()
        sent, _ = self.send("/chat/completions", b"", upload)
        self.assertEqual(self.inner.exchanges, [])
        upload.received(b'{"model": "m"}')
        upload.finished()
        self.assertEqual((self.inner.exchanges, sent.body.data), ([sent], b'{"model": "m"}'))

    def test_faults(self) -> None:
        for body in (
            b"",
            b"{",
            b"[]",
            b"{}",
            b'{"model": 1}',
            b'{"model": ""}',
            b'{"model": "a", "model": "b"}',
        ):
            self.assertIsInstance(self.refusal("/chat/completions", b"", body), BadRequest, str(body))

    def test_fault_names_the_member(self) -> None:
        self.assertEqual(self.refusal("/chat/completions", b"", b'{"model": 1}').param, "model")

    def test_too_deep(self) -> None:
        """Also where it is deeper than any parser would go, and where it ends in the middle."""
        for body in (
            b'{"model": "m", "a": [[[[[]]]]]}',
            b'{"a": ' * 33,
            b'{"model": "m", "a": ["]]]]]]", [[[[]]]]]}',
        ):
            error = self.refusal("/chat/completions", b"", body)
            self.assertEqual(error.status, 400)
            self.assertIn("more than 5 levels", error.message)

    def test_deep_enough(self) -> None:
        self.send("/chat/completions", b"", b'{"model": "m", "a": [[[[]]]], "b": ["[[[[[[", {}, {}, {}, {}]}')
        self.assertEqual(len(self.inner.exchanges), 1)

    def test_any_depth(self) -> None:
        self.validate = Validate(self.inner, 2000, 2000, self.new_spool)
        self.send("/chat/completions", b"", b'{"model": "m", "a": ' + b"[" * 500 + b"]" * 500 + b"}")
        self.assertEqual(len(self.inner.exchanges), 1)

    def test_too_large(self) -> None:
        """However it comes: in one piece, announced, or more and more."""
        self.assertIsInstance(self.refusal("/chat/completions", b"", b"x" * 201), RequestTooLarge)
        announced = self.upload(201)
        self.assertIsInstance(self.refusal("/chat/completions", b"", announced), RequestTooLarge)
        self.assertEqual(self.connection.calls, [])  # a client that waits for 100 Continue need not send it

    def test_too_large_on_the_way(self) -> None:
        upload = self.upload()
        _, work = self.send("/chat/completions", b"", upload)
        upload.received(b"x" * 201)
        self.failureResultOf(work, RequestTooLarge)

    def test_client_left(self) -> None:
        upload = self.upload()
        _, work = self.send("/chat/completions", b"", upload)
        upload.lost()
        self.failureResultOf(work, ClientGone)

    def test_cancelled(self) -> None:
        """The upload is not read any more."""
        upload = self.upload()
        _, work = self.send("/chat/completions", b"", upload)
        work.cancel()
        self.failureResultOf(work, CancelledError)
        upload.received(b"x" * 1000)
        self.assertEqual(self.inner.exchanges, [])


class FormTests(Case):
    """Forms: read as far as the model, streamed on, and forgotten in the end."""

    def start(self, *pieces: bytes) -> tuple[Exchange, Deferred[Answer]]:
        self.arriving = self.upload()
        for piece in pieces:
            self.arriving.received(piece)
        return self.send("/audio/transcriptions", FORM, self.arriving)

    def assert_forgotten(self) -> None:
        self.assertEqual([bool(spool.closed) for spool in self.spools], [True])

    def test_model_first(self) -> None:
        """The request goes on while the file is still to come."""
        sent, _ = self.start(MODEL, FILE[:-10])
        self.assertEqual((self.inner.exchanges, sent.model), ([sent], "whisper"))
        sink = Sink()
        sent.body.start(sink)
        self.arriving.received(FILE[-10:] + b"--b--\r\n")
        self.arriving.finished()
        self.assertEqual((sink.data, sink.ends), (MODEL + FILE + b"--b--\r\n", ["end"]))

    def test_model_last(self) -> None:
        sent, _ = self.start(FILE)
        self.assertEqual(self.inner.exchanges, [])
        self.arriving.received(MODEL + b"--b--\r\n")
        self.arriving.finished()
        sink = Sink()
        sent.body.start(sink)
        self.assertEqual((sink.data, sink.ends), (FILE + MODEL + b"--b--\r\n", ["end"]))

    def test_when_it_was_there(self) -> None:
        """As far as it was waited for: the gateway's own time begins then."""
        sent, _ = self.start(FILE)
        self.assertEqual(sent.arrived, sent.started)
        self.now = 7.0
        self.arriving.received(MODEL + b"--b--\r\n")
        self.arriving.finished()
        self.assertEqual(sent.arrived, 7.0)

    def test_stream(self) -> None:
        field = b'--b\r\nContent-Disposition: form-data; name="stream"\r\n\r\ntrue\r\n'
        sent, _ = self.start(field + MODEL + FILE)
        self.assertTrue(sent.stream)

    def test_forgotten_after_the_answer(self) -> None:
        _, work = self.start(MODEL, FILE)
        body = self.inner.answer()
        self.successResultOf(work)
        self.assertEqual(self.spools[0].closed, 0)
        body.deliver(Sink())
        body.end()
        self.assert_forgotten()

    def test_forgotten_when_the_answer_breaks(self) -> None:
        _, work = self.start(MODEL, FILE)
        self.inner.answer().abandon()
        self.successResultOf(work)
        self.assert_forgotten()

    def test_forgotten_after_a_complete_answer(self) -> None:
        _, work = self.start(MODEL, FILE)
        body = self.inner.answer(AnswerBody.of(b"{}"))
        self.successResultOf(work)
        body.deliver(Sink())
        self.assert_forgotten()

    def test_forgotten_after_an_error(self) -> None:
        for error in (UpstreamError("refused"), RuntimeError("broken")):
            self.setUp()
            _, work = self.start(MODEL, FILE)
            self.inner.fail(error)
            self.failureResultOf(work, type(error))
            self.assert_forgotten()

    def test_forgotten_when_the_client_leaves(self) -> None:
        _, work = self.start(MODEL, FILE)
        work.cancel()
        self.failureResultOf(work, CancelledError)
        self.assert_forgotten()

    def test_forgotten_when_the_client_leaves_early(self) -> None:
        """Before the model is known."""
        _, work = self.start(FILE)
        work.cancel()
        self.failureResultOf(work, CancelledError)
        self.assert_forgotten()

    def test_faults(self) -> None:
        """Nothing that cannot be taken apart with certainty goes further."""
        for content_type in (b"multipart/form-data", b"multipart/form-data; boundary="):
            error = self.refusal("/audio/transcriptions", content_type, MODEL)
            self.assertEqual(error.status, 400)
        for body in (b"", b"nonsense", FILE + b"--b--\r\n"):
            upload = self.upload(len(body))
            if body:
                upload.received(body)
            upload.finished()
            self.assertEqual(self.refusal("/audio/transcriptions", FORM, upload).status, 400, str(body))
        self.assertEqual([bool(spool.closed) for spool in self.spools], [True] * 3)

    def test_too_large(self) -> None:
        self.assertIsInstance(self.refusal("/audio/transcriptions", FORM, self.upload(501)), RequestTooLarge)
        self.assertEqual(self.connection.calls, [])

    def test_too_large_on_the_way(self) -> None:
        _, work = self.start(FILE)
        self.arriving.received(FILE * 10)
        self.failureResultOf(work, RequestTooLarge)
        self.assert_forgotten()
