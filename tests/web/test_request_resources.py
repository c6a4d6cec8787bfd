"""Tests for `jairouter.web.request`: twisted.web's own resources work as everywhere."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from twisted.web.resource import EncodingResourceWrapper, IResource, Resource
from twisted.web.server import GzipEncoderFactory, Request
from twisted.web.static import Data, File
from twisted.web.util import Redirect
from zope.interface.verify import verifyObject

from tests.web.serving import GET, Echo, Later, Received, answers, post
from tests.web.test_request import Case, at_root, get


class ResourceTests(Case):
    """Resources of twisted.web."""

    def test_bytes(self) -> None:
        """What `render` returns is the body."""
        answer = self.ask(at_root(Data(b"hello", "text/plain")), get(b"/"))
        self.assertEqual((answer.status, answer.body), (200, b"hello"))
        self.assertEqual(
            (answer.headers["content-type"], answer.headers["content-length"]), ("text/plain", "5")
        )

    def test_later(self) -> None:
        """Without a length it comes in chunks."""
        root = Later()
        serving = self.serving(root)
        client = serving.ask(GET)
        for piece in (b"one ", b"two"):
            root.requests[0].write(piece)
        root.requests.pop().finish()
        serving.run()
        [answer] = answers(client.received)
        self.assertEqual((answer.body, answer.complete), (b"one two", True))
        self.assertEqual(answer.headers["transfer-encoding"], "chunked")

    def test_tree(self) -> None:
        """Children are found by the decoded parts of the path."""
        root = Resource()
        root.putChild(b"a b", Echo())
        self.assertEqual(self.ask(root, get(b"/a%20b/c")).body, b"GET /a%20b/c ")
        self.assertEqual(self.ask(root, get(b"/c")).status, 404)

    def test_method_not_allowed(self) -> None:
        answer = self.ask(at_root(Data(b"x", "text/plain")), post(b""))
        self.assertEqual(answer.status, 405)
        self.assertEqual(set(answer.headers["allow"].split(", ")), {"GET", "HEAD"})

    def test_head_of_a_resource_that_knows_get_only(self) -> None:
        client = self.serving(Redirect(b"/there")).ask(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(b"Location: /there", client.received)
        self.assertTrue(client.received.endswith(b"\r\n\r\n"))

    def test_cookies(self) -> None:
        class Cookies(Resource):
            isLeaf = True

            def render(self, request: Any) -> bytes:
                request.addCookie(b"seen", b"1")
                return request.getCookie(b"who") or b"nobody"

        answer = self.ask(Cookies(), get(b"/", b"Cookie: who=me"))
        self.assertEqual((answer.body, answer.headers["set-cookie"]), (b"me", "seen=1"))

    def test_session(self) -> None:
        """Sessions last from one request to the next, under the site's own clock."""

        class Counting(Resource):
            isLeaf = True

            def render(self, request: Any) -> bytes:
                session = request.getSession()
                session.count = getattr(session, "count", 0) + 1
                return b"%d" % session.count

        serving = self.serving(Counting())
        [first] = answers(serving.ask(GET).received)
        cookie = first.headers["set-cookie"].partition(";")[0].encode()
        [second] = answers(serving.ask(get(b"/", b"Cookie: " + cookie)).received)
        self.assertEqual((first.body, second.body), (b"1", b"2"))
        serving.run(1000)

    def test_encoder(self) -> None:
        """A wrapped resource is compressed for who takes that."""
        root = at_root(EncodingResourceWrapper(Data(b"hello" * 100, "text/plain"), [GzipEncoderFactory()]))
        answer = self.ask(root, get(b"/", b"Accept-Encoding: gzip"))
        self.assertEqual(answer.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(answer.body), b"hello" * 100)

    def test_own_request_is_what_twisted_says(self) -> None:
        """Nothing that resources rely on is missing."""
        root = Later()
        self.serving(root).ask(get(b"/a?b=c", b"X-A: 1", b"X-A: 2", b"Referer: r"))
        request = root.requests[0]
        self.assertIsInstance(request, Request)
        self.assertEqual(request.getHeader("x-a"), "2")
        self.assertEqual(request.requestHeaders.getRawHeaders(b"X-A"), [b"1", b"2"])
        self.assertEqual(request.getRequestHostname(), b"x")
        self.assertEqual((request.uri, request.path, request.args), (b"/a?b=c", b"/a", {b"b": [b"c"]}))
        self.assertEqual((request.method, request.clientproto), (b"GET", b"HTTP/1.1"))
        self.assertEqual(request.prePathURL()[:8], b"http://x")
        verifyObject(IResource, root)


class FileTests(Case):
    """`twisted.web.static.File`, which produces when it is pulled."""

    CONTENT = bytes(range(256)) * 2000

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        (self.folder / "file.bin").write_bytes(self.CONTENT)

    def get_file(self, *headers: bytes) -> Received:
        return self.ask(File(str(self.folder)), get(b"/file.bin", *headers))

    def test_whole(self) -> None:
        answer = self.get_file()
        self.assertEqual((answer.status, answer.body), (200, self.CONTENT))

    def test_range(self) -> None:
        answer = self.get_file(b"Range: bytes=1000-200999")
        self.assertEqual((answer.status, answer.body), (206, self.CONTENT[1000:201_000]))

    def test_several_ranges(self) -> None:
        answer = self.get_file(b"Range: bytes=0-9,500000-500009")
        self.assertEqual(answer.status, 206)
        self.assertIn(self.CONTENT[500_000:500_010], answer.body)

    def test_not_modified(self) -> None:
        modified = self.get_file().headers["last-modified"].encode()
        client = self.serving(File(str(self.folder))).ask(
            get(b"/file.bin", b"If-Modified-Since: " + modified) * 2
        )
        self.assertEqual([answer.status for answer in answers(client.received)], [304, 304])

    def test_missing(self) -> None:
        self.assertEqual(self.ask(File(str(self.folder)), get(b"/other")).status, 404)

    def test_outside(self) -> None:
        """No path leads out of the folder."""
        for path in (b"/../%b/file.bin", b"/%%2e%%2e/%b/file.bin", b"/..%%2F%b/file.bin"):
            request = get(path % self.folder.name.encode())
            self.assertEqual(self.ask(File(str(self.folder)), request).status, 404, path)

    def test_client_that_does_not_read(self) -> None:
        """No more is read from the file than the client takes; when it leaves, the file is closed."""
        serving = self.serving(File(str(self.folder)))
        client = serving.client()
        wire: Any = client.transport
        wire.pauseProducing()
        client.send(get(b"/file.bin"))
        serving.run()
        self.assertLess(len(serving.server_end(client).sent), 300_000)
        client.leave()
        serving.run()
        self.assertEqual(serving.site.channels, {})
