"""Errors, and the one way in which they are told."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter import errors
from jairouter.errors import Blame, GatewayError, UpstreamRefusal, render, retry_after_headers
from tests.codec.properties import PROPERTY

ANY_TEXT = st.text(st.characters(codec=None))


def subclasses(kind: type[GatewayError]) -> list[type[GatewayError]]:
    """The whole tree below, with its root; not what other tests may have added to it."""
    below = [each for child in kind.__subclasses__() for each in subclasses(child)]
    return [each for each in (kind, *below) if each.__module__ == errors.__name__]


class RenderTests(SynchronousTestCase):
    """The body of an error."""

    def test_four_members(self) -> None:
        error = errors.ModelNotFound("there is no model 'x'", param="model")
        self.assertEqual(
            json.loads(render(error)),
            {
                "error": {
                    "message": "there is no model 'x'",
                    "type": "invalid_request_error",
                    "param": "model",
                    "code": "model_not_found",
                }
            },
        )

    def test_members_without_a_value_are_null(self) -> None:
        told = json.loads(render(errors.BadRequest("no")))["error"]
        self.assertEqual((told["param"], told["code"]), (None, None))

    def test_other_scripts_are_not_escaped(self) -> None:
        self.assertIn("模型".encode(), render(GatewayError("模型")))

    def test_one_line(self) -> None:
        """It goes into one event of a stream as well."""
        self.assertEqual(len(render(GatewayError("a\nb\rc\u2028d\x85e")).splitlines()), 1)

    @PROPERTY
    @given(ANY_TEXT, st.none() | ANY_TEXT)
    def test_valid_json_for_any_text(self, message: str, param: str | None) -> None:
        """Lone surrogates too, which no UTF-8 can carry."""
        told = json.loads(render(GatewayError(message, param=param)).decode("utf-8"))["error"]
        self.assertEqual(sorted(told), ["code", "message", "param", "type"])
        expected = message.encode("utf-8", "replace").decode()
        self.assertEqual(told["message"], expected)

    def test_every_error_renders(self) -> None:
        """No integer codes, no literal None, statuses that are errors."""
        for kind in subclasses(GatewayError):
            error = kind("message")
            told = json.loads(render(error))["error"]
            self.assertIsInstance(told["type"], str)
            self.assertTrue(told["code"] is None or isinstance(told["code"], str), kind)
            self.assertNotEqual(told["code"], "None")
            self.assertTrue(400 <= error.status <= 599, kind)

    def test_blame_fits_the_status(self) -> None:
        """The client's faults are 4xx, and those only."""
        for kind in subclasses(GatewayError):
            if kind is not UpstreamRefusal:
                self.assertEqual(kind.status < 500, kind.blame is Blame.CLIENT, kind)


class RefusalTests(SynchronousTestCase):
    """An error whose status the backend chose."""

    def test_as_the_backend_said(self) -> None:
        error = UpstreamRefusal("slow down", status=429, type="rate_limit_error", code="busy", param="n")
        self.assertEqual(
            (error.status, error.type, error.code, error.param), (429, "rate_limit_error", "busy", "n")
        )
        self.assertIs(error.blame, Blame.UPSTREAM)

    def test_type_from_the_status(self) -> None:
        self.assertEqual(UpstreamRefusal("x", status=400).type, "invalid_request_error")
        self.assertEqual(UpstreamRefusal("x", status=503).type, "api_error")

    def test_does_not_change_the_class(self) -> None:
        UpstreamRefusal("x", status=429)
        self.assertEqual(UpstreamRefusal("x").status, 502)


class RetryAfterTests(SynchronousTestCase):
    """When to come back."""

    def assert_headers(self, seconds: float, whole: bytes, milliseconds: bytes) -> None:
        self.assertEqual(
            retry_after_headers(seconds), [(b"Retry-After", whole), (b"retry-after-ms", milliseconds)]
        )

    def test_rounded_up(self) -> None:
        self.assert_headers(1.0001, b"2", b"1001")

    def test_whole(self) -> None:
        self.assert_headers(3, b"3", b"3000")

    def test_never_at_once(self) -> None:
        """Zero would have clients come back in a loop."""
        self.assert_headers(0, b"1", b"1")
        self.assert_headers(-5, b"1", b"1")
