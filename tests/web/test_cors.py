"""Tests for `jairouter.web.cors`: which origins are told what, without a wire."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.settings.validation import CorsSettings
from jairouter.exchange import HeaderPairs
from jairouter.headers import CORS
from jairouter.web.cors import Cors, cors_of, is_preflight

ADMIN = b"https://admin.example.com"
ASK = {b"access-control-request-method": b"POST"}


def made(**given: Any) -> Cors:
    """For the admin's origin, unless others are given."""
    if "allowed_origin_patterns" not in given:
        given.setdefault("allowed_origins", ("https://admin.example.com",))
    return Cors(CorsSettings(**given))


def told(pairs: HeaderPairs | None) -> dict[str, str]:
    """By name; nothing comes twice."""
    assert pairs is not None
    named = {name.decode(): value.decode("latin-1") for name, value in pairs}
    assert len(named) == len(pairs), pairs
    return named


class OriginTests(SynchronousTestCase):
    """Who may call."""

    def test_the_same_origin_in_any_spelling(self) -> None:
        cors = made()
        for origin in (ADMIN, b"https://admin.example.com:443", b"HTTPS://ADMIN.example.com"):
            self.assertTrue(cors.allows(origin), origin)
            self.assertEqual(
                told(cors.pairs({b"origin": origin}))["Access-Control-Allow-Origin"], origin.decode()
            )

    def test_what_only_looks_like_it(self) -> None:
        """OWASP's list of mistakes: parts of texts, schemes, ports, users, spaces, several at once."""
        cors = made(
            allowed_origins=("https://admin.example.com", "http://localhost:3000"),
            allowed_origin_patterns=("https://*.pages.dev",),
        )
        for origin in (
            b"https://admin.example.com.evil.com",
            b"https://evil.com/https://admin.example.com",
            b"https://evil.com?https://admin.example.com",
            b"https://evil.com#https://admin.example.com",
            b"https://evil-admin.example.com",
            b"https://xadmin.example.com",
            b"https://admin.example.com@evil.com",
            b"https://admin.example.com:evil@evil.com",
            b"https://admin.example.com:8443",
            b"http://admin.example.com",
            b"https://example.com",
            b"https://admin_example.com",
            b"https://admin.example.com.",
            b"https://admin.example.com/",
            b"https://admin.example.com%00.evil.com",
            b"https://admin.example.com\x00",
            b"https://admin.example.com, https://evil.com",
            b"https://evil.com, https://admin.example.com",
            b"https://admin.example.com https://evil.com",
            b"https://\xe4dmin.example.com",
            b"http://localhost",
            b"http://localhost:30000",
            b"http://127.0.0.1:3000",
            b"https://pages.dev",
            b"https://a.b.pages.dev",
            b"https://evil.com.pages.dev.evil.com",
            b"https://a.pages.devx",
            b"null",
            b"*",
            b"",
            b"file://",
        ):
            self.assertFalse(cors.allows(origin), origin)
            self.assertFalse(cors.names(origin), origin)
            self.assertEqual(cors.pairs({b"origin": origin}), ((b"Vary", b"Origin"),), origin)
            self.assertIsNone(cors.preflight({b"origin": origin, **ASK}), origin)

    def test_pattern(self) -> None:
        cors = made(allowed_origin_patterns=("http://localhost:*",))
        self.assertTrue(cors.names(b"http://localhost:5173"))
        self.assertFalse(cors.names(b"http://localhost:5173.evil.com"))

    def test_null_if_it_is_listed(self) -> None:
        """A page may then have its answers; whose page it is, nobody knows."""
        cors = made(allowed_origins=("null",))
        self.assertEqual((cors.allows(b"null"), cors.names(b"null")), (True, False))
        self.assertEqual(told(cors.pairs({b"origin": b"null"}))["Access-Control-Allow-Origin"], "null")

    def test_anybody(self) -> None:
        """The same is told to all, so that caches may keep it for all."""
        cors = made(allowed_origins=("*", "https://admin.example.com"), exposed_headers=())
        for fields in ({}, {b"origin": b"https://evil.com"}, {b"origin": b"null"}, {b"origin": b"x\x00y"}):
            self.assertEqual(cors.pairs(fields), ((b"Access-Control-Allow-Origin", b"*"),))
        self.assertEqual([cors.names(each) for each in (b"https://evil.com", ADMIN)], [False, True])

    def test_nobody(self) -> None:
        self.assertIsNone(cors_of(CorsSettings(allowed_methods=("GET",))))


class AnswerTests(SynchronousTestCase):
    """What goes onto every answer."""

    def test_all_of_it(self) -> None:
        answer = told(made(allow_credentials=True).pairs({b"origin": ADMIN}))
        self.assertEqual(answer["Access-Control-Allow-Credentials"], "true")
        self.assertEqual(answer["Vary"], "Origin")
        shown = answer["Access-Control-Expose-Headers"].split(", ")
        self.assertLess({"X-Request-Id", "Retry-After", "x-ratelimit-limit-requests"}, set(shown))
        self.assertLess({"X-Jairouter-Instance", "X-Jairouter-Attempts"}, set(shown))

    def test_without_an_origin(self) -> None:
        self.assertEqual(made(allow_credentials=True).pairs({}), ((b"Vary", b"Origin"),))

    def test_credentials_only_if_they_are_allowed(self) -> None:
        self.assertNotIn("Access-Control-Allow-Credentials", told(made().pairs({b"origin": ADMIN})))

    def test_lines_are_the_pairs(self) -> None:
        for given in (
            {},
            {"allowed_origins": ("*",)},
            {"allow_credentials": True, "exposed_headers": ("A", "B")},
        ):
            cors = made(**given)
            for fields in ({}, {b"origin": ADMIN}, {b"origin": b"https://evil.com"}):
                expected = b"".join(b"%b: %b\r\n" % pair for pair in cors.pairs(fields))
                self.assertEqual(cors.lines(fields), expected)

    def test_what_is_told_is_stopped_from_backends(self) -> None:
        """Told twice it would be worth nothing."""
        cors = made(allow_credentials=True)
        names = {*told(cors.pairs({b"origin": ADMIN})), *told(cors.preflight({b"origin": ADMIN, **ASK}))}
        self.assertLess({name.lower().encode() for name in names} - {b"vary"}, CORS)


class PreflightTests(SynchronousTestCase):
    """What browsers ask first."""

    def ask(self, cors: Cors, method: bytes = b"POST", headers: bytes | None = None) -> dict[str, str]:
        fields = {b"origin": ADMIN, b"access-control-request-method": method}
        if headers is not None:
            fields[b"access-control-request-headers"] = headers
        return told(cors.preflight(fields))

    def test_what_it_is(self) -> None:
        whole = {b"origin": ADMIN, **ASK}
        self.assertTrue(is_preflight(b"OPTIONS", whole))
        self.assertFalse(is_preflight(b"POST", whole))
        for name in whole:
            self.assertFalse(is_preflight(b"OPTIONS", {each: whole[each] for each in whole if each != name}))

    def test_what_is_allowed(self) -> None:
        """Whatever is asked for: browsers compare, and say what is missing."""
        cors = made(
            allowed_methods=("GET", "PUT"), allowed_headers=("Content-Type", "X-API-Key"), max_age=600
        )
        for method, headers in ((b"PUT", b"content-type"), (b"DELETE", b"x-evil"), (b"BAD METHOD", None)):
            self.assertEqual(
                self.ask(cors, method, headers),
                {
                    "Access-Control-Allow-Methods": "GET, PUT",
                    "Access-Control-Allow-Headers": "Content-Type, X-API-Key",
                    "Access-Control-Max-Age": "600",
                    "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
                },
            )

    def test_anything(self) -> None:
        """By its name: browsers do not take * for Authorization, nor with credentials."""
        cors = made(allowed_methods=("*",), allowed_headers=("*",), allow_credentials=True)
        answer = self.ask(cors, b"PATCH", b"authorization,x-stainless-os, content-type")
        self.assertEqual(answer["Access-Control-Allow-Methods"], "PATCH")
        self.assertEqual(answer["Access-Control-Allow-Headers"], "authorization,x-stainless-os, content-type")

    def test_what_is_no_name_is_not_given_back(self) -> None:
        cors = made(allowed_methods=("*",))
        for bad in (b"", b"a b", b"a,,b", b"a;b", b"<script>", b"a\x00", b"\xff", b"a," * 3000 + b"a"):
            answer = self.ask(cors, bad, bad)
            self.assertNotIn("Access-Control-Allow-Methods", answer, bad)
            self.assertNotIn("Access-Control-Allow-Headers", answer, bad)

    def test_not_remembered(self) -> None:
        self.assertEqual(self.ask(made(max_age=0))["Access-Control-Max-Age"], "0")
