"""Tests of questions to a running gateway."""

from __future__ import annotations

import http.client
import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.command.failures import Misused, NoGateway, Refused, Unreachable
from jairouter.command.http import Http
from tests.command.running import FakeGateway, refusal


class HttpTests(SynchronousTestCase):
    """`Http`."""

    def setUp(self) -> None:
        self.gateway = FakeGateway(self)

    def ask(self, answer: Any, method: str = "GET", url: str = "http://gw:81", **more: Any) -> Any:
        self.gateway.answers[f"{method} /p"] = answer
        return Http(url, 3, "; or else").ask(method, "/p", **more)

    def failure(self, kind: type[Exception], answer: Any, method: str = "GET") -> str:
        return str(self.assertRaises(kind, self.ask, answer, method))

    def test_the_data_of_the_envelope_is_returned(self) -> None:
        self.assertEqual(self.ask({"a": 1}), {"a": 1})
        self.assertEqual(self.gateway.addresses, [("gw", 81)])

    def test_an_ipv6_address(self) -> None:
        self.ask(1, url="http://[::1]:81/")
        self.assertEqual(self.gateway.addresses, [("::1", 81)])

    def test_a_path_in_the_url_comes_first(self) -> None:
        """As where a proxy in front has put the gateway below a path."""
        self.gateway.answers["GET /below/p"] = 1
        self.assertEqual(Http("http://gw/below/", 3).ask("GET", "/p"), 1)

    def test_parameters_that_are_none_are_left_out(self) -> None:
        self.ask(1, query={"a": "ä &", "b": None, "c": 0})
        self.assertEqual(self.gateway.asked[0].query, {"a": "ä &", "c": "0"})

    def test_a_post_without_a_body_has_the_length_zero(self) -> None:
        self.ask(1, "POST")
        self.assertEqual(self.gateway.asked[0].body, b"")

    def test_a_refusal_has_its_faults_in_one_line_each(self) -> None:
        fault = {"origin": "the request:2", "path": "a.b", "message": "no"}
        answer = refusal(400, "INVALID_CONFIGURATION", "bad", fault, {"message": "alone"})
        refused = self.assertRaises(Refused, self.ask, answer)
        self.assertEqual(refused.message, "bad")
        self.assertEqual(refused.faults, ("the request:2: a.b: no", "alone"))

    def test_nobody_listens(self) -> None:
        error = ConnectionRefusedError(111, "Connection refused")
        told = self.failure(NoGateway, error)
        self.assertEqual(told, "cannot reach http://gw:81: Connection refused; or else")

    def test_no_such_host(self) -> None:
        told = self.failure(NoGateway, socket.gaierror(-2, "Name or service not known"))
        self.assertIn("Name or service not known", told)

    def test_another_reason_of_the_system(self) -> None:
        """It does not prove that nobody is there."""
        error = self.assertRaises(Unreachable, self.ask, OSError(113, "No route to host"))
        self.assertNotIsInstance(error, NoGateway)

    def test_no_answer_to_a_question(self) -> None:
        self.assertEqual(self.failure(Unreachable, TimeoutError()), "no answer from http://gw:81 within 3 s")

    def test_no_answer_to_an_order(self) -> None:
        """It may have been carried out all the same."""
        told = self.failure(Unreachable, TimeoutError(), "POST")
        self.assertTrue(told.endswith("whether it was done is not known: see jairouter versions"), told)

    def test_an_answer_that_is_not_http(self) -> None:
        told = self.failure(Unreachable, http.client.BadStatusLine("SSH-2.0"))
        self.assertEqual(told, "cannot understand http://gw:81: BadStatusLine in its answer")

    def test_an_answer_of_somebody_else(self) -> None:
        for body in (b"<html>", b"[1]", b'{"error": {}}', b"[" * 100_000, b"\xff"):
            told = self.failure(Unreachable, (404, body))
            self.assertIn("answers with status 404 and nothing that its management API would say", told)

    def test_urls_that_are_none(self) -> None:
        for url in (
            "",
            "gw:81",
            "ftp://gw",
            "http://",
            "http://gw:x",
            "http://gw/?a=1",
            "http://u:p@gw",
            "http://[::1",
        ):
            error = self.assertRaises(Misused, Http, url, 3)
            self.assertNotIn("u:p", str(error), "a password is not repeated")
