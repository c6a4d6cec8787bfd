"""Tests for `jairouter.adapters.normal`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from jairouter.adapters.normal import NormalAdapter
from jairouter.exchange import HeaderPairs
from jairouter.interfaces import IAdapter
from tests.filters.inner import ROUTE, instance, request

TARGETS = (
    # configured path, route, where it goes
    (None, "/chat/completions", "/v1/chat/completions"),
    (None, "/responses", "/v1/responses"),
    ("/v1/chat/completions", "/chat/completions", "/v1/chat/completions"),
    ("/v1/chat/completions", "/completions", "/v1/completions"),
    ("/openai/v1/chat/completions", "/responses", "/openai/v1/responses"),
    ("/chat/completions", "/moderations", "/moderations"),
    ("/api/chat", "/chat/completions", "/api/chat"),
    ("/api/chat", "/responses", None),
    ("/v1/chat/completions/", "/chat/completions", "/v1/chat/completions/"),
    ("/v1/chat/completions/", "/responses", None),
    ("/d/chat/completions?api-version=1", "/chat/completions", "/d/chat/completions?api-version=1"),
    ("/d/chat/completions?api-version=1", "/completions", "/d/completions?api-version=1"),
    ("/v1/audio/transcriptions", "/audio/translations", "/v1/audio/translations"),
    ("/v1/images/edits", "/images/variations", "/v1/images/variations"),
)


class TargetTests(SynchronousTestCase):
    """Which path at the backend."""

    def test_interface(self) -> None:
        verifyClass(IAdapter, NormalAdapter)
        verifyObject(IAdapter, NormalAdapter())

    def test_table(self) -> None:
        for path, suffix, expected in TARGETS:
            target = NormalAdapter().target(ROUTE[suffix], instance(path=path))
            self.assertEqual(target, expected, f"{path} {suffix}")


class HeaderTests(SynchronousTestCase):
    """Which headers the backend gets."""

    def headers(self, *pairs: tuple[bytes, bytes], own: HeaderPairs = ()) -> HeaderPairs:
        return NormalAdapter().headers(request(headers=pairs), instance(headers=own))

    def test_forwarded(self) -> None:
        """In order and as they were written, several of a name too."""
        pairs = ((b"x-b", b"2"), (b"X-A", b"1"), (b"x-b", b"3"), (b"Authorization", b"k"))
        self.assertEqual(self.headers(*pairs), (*pairs, (b"X-Request-Id", b"req_1")))

    def test_made_anew(self) -> None:
        """Whatever belongs to one connection or one message is not passed on."""
        names = (b"Host", b"Content-Length", b"Transfer-Encoding", b"Expect", b"X-REQUEST-ID")
        self.assertEqual(self.headers(*((name, b"x") for name in names)), ((b"X-Request-Id", b"req_1"),))

    def test_own_headers_win(self) -> None:
        own = ((b"authorization", b"instance"), (b"X-Own", b"1"))
        headers = self.headers((b"Authorization", b"a"), (b"AUTHORIZATION", b"b"), (b"X-A", b"1"), own=own)
        self.assertEqual(headers, ((b"X-A", b"1"), (b"X-Request-Id", b"req_1"), *own))

    def test_connection_header_cannot_take_the_own_headers_away(self) -> None:
        """It speaks of the client's connection: it was obeyed when the request came, and is not passed on."""
        own = ((b"Authorization", b"instance"),)
        headers = self.headers((b"Connection", b"authorization"), (b"X-A", b"1"), own=own)
        self.assertEqual(headers, ((b"X-A", b"1"), (b"X-Request-Id", b"req_1"), *own))

    def test_credentials_for_the_gateway_stay_here(self) -> None:
        """With and without headers of the instance's own; in spellings that WSGI takes for them, too."""
        names = (b"X-API-Key", b"Jairouter_Token", b"Cookie", b"X_API_KEY", b"X-Api_Key", b"Jairouter-Token")
        secret = tuple((name, b"x") for name in names)
        for own in ((), ((b"X-Own", b"1"),)):
            self.assertEqual(self.headers(*secret, own=own), ((b"X-Request-Id", b"req_1"), *own))

    def test_hop_by_hop(self) -> None:
        """With and without headers of the instance's own."""
        hops = tuple((name, b"x") for name in (b"TE", b"trailer", b"Upgrade", b"Keep-Alive", b"connection"))
        for own in ((), ((b"X-Own", b"1"),)):
            self.assertEqual(self.headers(*hops, own=own), ((b"X-Request-Id", b"req_1"), *own))

    def test_own_request_id(self) -> None:
        """One is enough."""
        own = ((b"X-Request-Id", b"fixed"),)
        self.assertEqual(self.headers((b"X-Request-Id", b"theirs"), own=own), own)


class ForwardingTests(SynchronousTestCase):
    """What is said about the client."""

    def headers(self, *sent: bytes, told: HeaderPairs = (), own: HeaderPairs = ()) -> HeaderPairs:
        asked = request(headers=tuple((name, b"x") for name in sent))._replace(forwarded=told)
        return NormalAdapter().headers(asked, instance(headers=own))

    def test_client_cannot_say_it(self) -> None:
        """In no spelling that a backend may take for the same, with and without own headers."""
        names: tuple[bytes, ...] = (
            b"X-Forwarded-For",
            b"FORWARDED",
            b"x-real-ip",
            b"X_Forwarded_For",
            b"X-Forwarded_For",
        )
        names += (b"X-Forwarded-Proto", b"X_FORWARDED-HOST", b"CF-Connecting-IP", b"X-Forwarded-Access-Token")
        for own in ((), ((b"X-Own", b"1"),)):
            self.assertEqual(self.headers(*names, own=own), ((b"X-Request-Id", b"req_1"), *own))

    def test_told(self) -> None:
        told = ((b"X-Forwarded-For", b"192.0.2.1"),)
        expected = ((b"X-Request-Id", b"req_1"), *told)
        self.assertEqual(self.headers(b"X-Forwarded-For", told=told), expected)
        own = ((b"X-Own", b"1"),)
        self.assertEqual(set(self.headers(b"X-Forwarded-For", told=told, own=own)), {*expected, *own})

    def test_own_header_wins(self) -> None:
        """For a backend that is to hear something else, or nothing."""
        own = ((b"x-forwarded-for", b"hidden"),)
        told = ((b"X-Forwarded-For", b"192.0.2.1"),)
        self.assertEqual(self.headers(told=told, own=own), ((b"X-Request-Id", b"req_1"), *own))
