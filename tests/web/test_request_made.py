"""Tests for `jairouter.web.request`: a request offers what Twisted's constructors would have made."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import Interface, implementer

from tests.web.serving import Serving
from tests.web.test_request import get

BROUGHT = {"channel", "transport", "client", "host", "queued", "notifications", "_parsePOSTFormSubmission"}
"""What does not depend on the request, and therefore must be equal."""


class Idle(Resource):
    """Asks nothing of its requests."""

    isLeaf = True
    takes_upload = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Any] = []

    def render(self, request: Any) -> int:
        self.requests.append(request)
        return NOT_DONE_YET


class Case(SynchronousTestCase):
    """Requests that nobody has looked at."""

    def setUp(self) -> None:
        self.root = Idle()
        self.serving = Serving(self.root)
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))

    def ask(self, *headers: bytes, path: bytes = b"/") -> Any:
        self.client = self.serving.ask(get(path, *headers))
        return self.root.requests[-1]


class ConstructorTests(Case):
    """Twisted's constructors are not called; who upgrades Twisted learns here what they do now."""

    def setUp(self) -> None:
        super().setUp()
        self.request = self.ask(b"A: 1")
        self.of_twisted = vars(Request(self.request.channel))

    def test_nothing_is_missing(self) -> None:
        """Of what an instance has, each by its name and of its type."""
        self.assertGreater(len(self.of_twisted), 10)
        for name, made in self.of_twisted.items():
            self.assertTrue(hasattr(self.request, name), name)
            self.assertIs(type(getattr(self.request, name)), type(made), name)

    def test_same(self) -> None:
        for name in BROUGHT:
            self.assertEqual(getattr(self.request, name), self.of_twisted[name], name)

    def test_own(self) -> None:
        """The constructors leave these empty, and whoever called them fills them."""
        empty = {name for name in self.of_twisted if name not in BROUGHT}
        self.assertEqual(
            empty, {"requestHeaders", "responseHeaders", "received_cookies", "cookies", "_adapterCache"}
        )

    def test_not_shared(self) -> None:
        """What one request has is not another's; and it stays the same for as long as there is one."""
        other, changeable = self.ask(), (list, dict, Headers)
        for name, made in self.of_twisted.items():
            if isinstance(made, changeable):
                self.assertIsNot(getattr(self.request, name), getattr(other, name), name)
                self.assertIs(getattr(self.request, name), getattr(self.request, name), name)


class MadeTests(Case):
    """What is made when it is asked for."""

    def test_request_headers(self) -> None:
        request = self.ask(b"X-A: 1", b"x-a: 2")
        self.assertEqual(
            list(request.requestHeaders.getAllRawHeaders()), [(b"Host", [b"x"]), (b"X-A", [b"1", b"2"])]
        )

    def test_response_headers(self) -> None:
        """With what every answer carries."""
        request = self.ask(b"X-Request-Id: mine")
        self.assertEqual(
            dict(request.responseHeaders.getAllRawHeaders()),
            {b"Date": [b"Thu, 01 Jan 1970 00:00:00 GMT"], b"X-Request-Id": [b"mine"]},
        )

    def test_args(self) -> None:
        request = self.ask(path=b"/a?one=1&one=2&two=&three=a%20b+c")
        self.assertEqual(request.args, {b"one": [b"1", b"2"], b"two": [b""], b"three": [b"a b c"]})

    def test_no_args(self) -> None:
        for path in (b"/a", b"/a?"):
            self.assertEqual(self.ask(path=path).args, {})

    def test_addresses(self) -> None:
        request, wire = self.ask(), self.serving.server_end(self.client)
        self.assertEqual((request.client, request.host), (wire.getPeer(), wire.getHost()))
        self.assertEqual((request.getClientAddress(), request.getHost()), (wire.getPeer(), wire.getHost()))

    def test_set_host(self) -> None:
        """A proxy that is trusted may say what the client asked for."""
        request = self.ask()
        request.setHost(b"example.com", 443, True)
        self.assertEqual((request.getRequestHostname(), request.getHost().port), (b"example.com", 443))
        self.assertTrue(request.isSecure())

    def test_components(self) -> None:
        """Twisted's requests carry adapters with them."""

        class IColour(Interface):
            pass

        @implementer(IColour)
        class Red:
            pass

        red, request = Red(), self.ask()
        self.assertIsNone(request.getComponent(IColour))
        request.setComponent(IColour, red)
        self.assertIs(IColour(request), red)

    def test_what_is_not_asked_for(self) -> None:
        """It is not made; that is what it is for."""
        made = vars(self.ask(b"Cookie: a=b", path=b"/?a=b"))
        for name in ("requestHeaders", "received_cookies", "cookies", "_adapterCache", "client", "host"):
            self.assertNotIn(name, made)
