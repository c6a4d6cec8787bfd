"""Tests for `jairouter.web.request`: ordinary resources of twisted.web work as everywhere."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import EncodingResourceWrapper, Resource
from twisted.web.server import NOT_DONE_YET, GzipEncoderFactory
from twisted.web.static import Data

from jairouter.errors import BadRequest
from tests.fakes import Client
from tests.web.serving import GET, Echo, Later, Received, Serving, answers, post

FORM = b"Content-Type: application/x-www-form-urlencoded"
MULTIPART = b"Content-Type: multipart/form-data; boundary=b"


class Case(SynchronousTestCase):
    """Closes what it opened and leaves no timers."""

    def serving(self, root: Resource) -> Serving:
        serving = Serving(root)
        self.addCleanup(lambda: self.assertEqual(serving.close(), []))
        return serving

    def ask(self, root: Resource, request: bytes) -> Received:
        return answers(self.serving(root).ask(request).received)[0]


def at_root(page: Resource) -> Resource:
    """A tree with nothing but a page at ``/``."""
    root = Resource()
    root.putChild(b"", page)
    return root


def get(path: bytes, *headers: bytes) -> bytes:
    """A GET request."""
    return b"\r\n".join([b"GET %b HTTP/1.1" % path, b"Host: x", *headers]) + b"\r\n\r\n"


class FormTests(Case):
    """Forms are in `args`, as in all of twisted.web."""

    def args(self, request: bytes) -> dict[bytes, list[bytes]]:
        root = Later()
        self.serving(root).ask(request)
        args: dict[bytes, list[bytes]] = root.requests[0].args
        return args

    def test_urlencoded(self) -> None:
        self.assertEqual(self.args(post(b"a=1&a=2&b=", b"/", FORM)), {b"a": [b"1", b"2"], b"b": [b""]})

    def test_beside_the_query(self) -> None:
        self.assertEqual(self.args(post(b"a=1", b"/?q=2", FORM)), {b"a": [b"1"], b"q": [b"2"]})

    def test_multipart(self) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b--\r\n'
        self.assertEqual(self.args(post(body, b"/", MULTIPART)), {b"a": [b"1"]})

    def test_body_can_be_read_as_well(self) -> None:
        root = Later()
        self.serving(root).ask(post(b"a=1", b"/", FORM))
        self.assertEqual(root.requests[0].content.read(), b"a=1")

    def test_no_form(self) -> None:
        self.assertEqual(self.args(post(b'{"a": 1}', b"/", b"Content-Type: application/json")), {})

    def test_broken_multipart(self) -> None:
        """It is refused, and the connection goes on."""
        root = Later()
        client = self.serving(root).ask(post(b"nonsense", b"/", MULTIPART + b"\xff"))
        self.assertEqual(answers(client.received)[0].status, 400)
        self.assertEqual(root.requests, [])

    def test_too_large(self) -> None:
        """An ordinary resource has its body held, so that is bounded."""
        client = self.serving(Echo()).ask(post(b"", b"/").replace(b"Length: 0", b"Length: 99999999"))
        self.assertEqual(answers(client.received)[0].status, 413)
        self.assertIsNotNone(client.closed)


class Failing(Resource):
    """Fails as it is told."""

    isLeaf = True

    def __init__(self, fail: Any) -> None:
        super().__init__()
        self._fail = fail

    def render(self, request: Any) -> int:
        self._fail(request)
        return NOT_DONE_YET


def fail(request: Any) -> None:
    """A fault in a resource."""
    raise RuntimeError("the secret of /etc/shadow")


class FailureTests(Case):
    """Resources that fail."""

    def assert_internal_error(self, client: Client) -> None:
        [answer] = answers(client.received)
        self.assertEqual(answer.status, 500)
        self.assertEqual(json.loads(answer.body)["error"]["code"], "internal_error")
        self.assertNotIn(b"secret", client.received)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_in_render(self) -> None:
        """500 in JSON, without a word of what happened; that is logged."""
        self.assert_internal_error(self.serving(Failing(fail)).ask(GET))

    def test_in_finding_the_resource(self) -> None:
        class Lost(Resource):
            def getChild(self, path: bytes, request: Any) -> Resource:
                raise RuntimeError("secret")

        self.assert_internal_error(self.serving(Lost()).ask(GET))

    def test_for_the_client_to_know(self) -> None:
        """An error of the gateway's own tree is told as it is."""

        def refuse(request: Any) -> None:
            raise BadRequest("the moon is not full")

        answer = self.ask(Failing(refuse), GET)
        self.assertEqual(answer.status, 400)
        self.assertEqual(json.loads(answer.body)["error"]["message"], "the moon is not full")

    def test_half_way(self) -> None:
        """An answer that has begun cannot become another one: it is broken off."""

        def half(request: Any) -> None:
            request.setHeader(b"Content-Length", b"100")
            request.write(b"half")
            fail(request)

        client = self.serving(Failing(half)).ask(GET)
        self.assertNotIn(b"500", client.received)
        self.assertIsNotNone(client.closed)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_afterwards(self) -> None:
        """An answer that is complete stays complete."""

        def after(request: Any) -> None:
            request.setHeader(b"Content-Length", b"4")
            request.write(b"done")
            request.finish()
            fail(request)

        client = self.serving(Failing(after)).ask(GET)
        self.assertEqual([answer.body for answer in answers(client.received)], [b"done"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_later(self) -> None:
        """What `Deferred.addErrback(request.processingFailed)` is for."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET)
        deferred: Deferred[None] = Deferred()
        deferred.addErrback(root.requests[0].processingFailed).addErrback(lambda _: None)
        deferred.errback(RuntimeError("secret"))
        serving.run()
        self.assert_internal_error(client)

    def test_with_an_encoder(self) -> None:
        """The error is told plainly: its length would not be true otherwise."""
        root = EncodingResourceWrapper(Failing(fail), [GzipEncoderFactory()])
        self.assert_internal_error(self.serving(at_root(root)).ask(get(b"/", b"Accept-Encoding: gzip")))

    def test_connection_goes_on(self) -> None:
        client = self.serving(Failing(fail)).ask(GET * 2)
        self.assertEqual([answer.status for answer in answers(client.received)], [500, 500])
        self.flushLoggedErrors(RuntimeError)


class LabelTests(Case):
    """What is counted has labels that clients cannot choose."""

    def counted(self, root: Resource, *requests: bytes) -> set[tuple[str, str, int]]:
        serving = self.serving(root)
        for request in requests:
            serving.ask(request)
        return set(serving.counted)

    def tree(self) -> Resource:
        root = Resource()
        root.putChild(b"page", Data(b"", "text/plain"))
        return root

    def test_known(self) -> None:
        self.assertEqual(self.counted(self.tree(), get(b"/page?a=b")), {("GET", "/page", 200)})

    def test_unknown_paths(self) -> None:
        """Whatever lies below a resource is counted as that resource."""
        counted = self.counted(self.tree(), *(get(b"/page/%d" % each) for each in range(9)), get(b"/other"))
        self.assertEqual({uri for _, uri, _ in counted}, {"/page", "/"})

    def test_names_from_get_child(self) -> None:
        """Resources that are made of what the client wrote have no label of their own."""

        class Made(Resource):
            def getChild(self, path: bytes, request: Any) -> Resource:
                return Data(path, "text/plain")

        self.assertEqual(self.counted(Made(), get(b"/a"), get(b"/b")), {("GET", "/", 200)})

    def test_methods(self) -> None:
        request = GET.replace(b"GET", b"PROPFIND")
        self.assertEqual(self.counted(Echo(), request), {("OTHER", "/", 200)})
