"""Tests for `jairouter.web.management.serving`."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from jairouter.refusals import StoreUnavailable, VersionConflict
from jairouter.web.management.endpoint import Call, Later, Reply
from tests.web.management.examples import Api, all_of_them, endpoint, request
from tests.web.serving import answers

ID = "/api/config/instance/chat/gpt-4@https:%2F%2Fapi.openai.com%2Fv1%2Fchat%252Fx"


class Case(SynchronousTestCase):
    """Tests with an API."""

    def setUp(self) -> None:
        self.api = Api(*all_of_them())

    def tearDown(self) -> None:
        self.assertEqual(self.api.serving.close(), [])


class PathTests(Case):
    """What a path leads to."""

    def test_good_answer(self) -> None:
        answer = self.api.ask("/api/config/version/7")
        self.assertEqual(answer.status, 200)
        self.assertEqual(
            json.loads(answer.body),
            {
                "success": True,
                "message": "OK",
                "data": {"number": 7},
                "timestamp": "2025-08-01T12:00:00.500Z",
            },
        )
        wanted = {
            "content-type": "application/json",
            "cache-control": "no-store",
            "x-content-type-options": "nosniff",
            "etag": '"7"',
        }
        self.assertEqual({name: answer.headers.get(name) for name in wanted}, wanted)

    def test_parameter_with_slashes(self) -> None:
        """Encoded slashes do not split a path."""
        data = self.api.value(ID)["data"]
        self.assertEqual(data["name"], "gpt-4@https://api.openai.com/v1/chat%2Fx")

    def test_fixed_parts_win(self) -> None:
        self.assertEqual(self.api.value("/api/config/version/current")["data"], 7)

    def test_slash_at_the_end(self) -> None:
        self.assertEqual(self.api.value("/api/config/version/7/")["data"], {"number": 7})

    def test_methods_of_one_path(self) -> None:
        path, body = "/api/config/instance/chat", {"name": "a", "baseUrl": "http://a"}
        self.assertEqual(self.api.value(path)["data"][0]["name"], "a")
        answer = self.api.ask(path, "POST", json.dumps(body).encode())
        self.assertEqual((answer.status, json.loads(answer.body)["message"]), (201, "added"))

    def test_head(self) -> None:
        """As GET, without the body."""
        received = self.api.serving.ask(request("/api/config/version/7", "HEAD")).received
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        length = len(self.api.ask("/api/config/version/7").body)
        self.assertEqual(body, b"")
        self.assertIn(b"Content-Length: %d\r\n" % length, head + b"\r\n")

    def test_options(self) -> None:
        answer = self.api.ask("/api/config/instance/chat", "OPTIONS")
        self.assertEqual((answer.status, answer.headers["allow"]), (204, "GET, HEAD, POST, OPTIONS"))
        self.assertNotIn("access-control-allow-origin", answer.headers)

    def test_other_method(self) -> None:
        for method in ("DELETE", "PATCH", "TRACE"):
            answer = self.api.ask("/api/config/instance/chat", method)
            self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET, HEAD, POST, OPTIONS"))
            self.assertEqual(json.loads(answer.body)["errorCode"], "METHOD_NOT_ALLOWED")

    def test_nothing_there(self) -> None:
        """Also what the original has and this has not."""
        for path in (
            "/api",
            "/api/",
            "/api/config",
            "/api//config/version/7",
            "/api/config/instance/chat//",
            "/api/monitoring/overview",
        ):
            answer = self.api.ask(path)
            self.assertEqual((answer.status, json.loads(answer.body)["errorCode"]), (404, "NOT_FOUND"), path)

    def test_label_for_metrics(self) -> None:
        """It is the template: what clients write must not make time series."""
        for path in (
            "/api/config/version/7",
            "/api/config/version/99",
            "/api/nothing",
            "/api",
            "/v3/api-docs",
        ):
            self.api.ask(path)
        template = "/api/config/version/{version}"
        self.assertEqual(
            self.api.serving.counted,
            [
                ("GET", template, 200),
                ("GET", template, 404),
                ("GET", "UNKNOWN", 404),
                ("GET", "UNKNOWN", 404),
                ("GET", "/v3/api-docs", 200),
            ],
        )


class BodyTests(Case):
    """How bodies are read."""

    def post(self, body: bytes, **headers: str) -> Any:
        return self.api.value("/api/config/instance/chat", "POST", body, **headers)

    def test_faults_name_the_member(self) -> None:
        said = self.post(b'{"base-url": 3, "wieght": 1}')
        self.assertEqual(said["errorCode"], "INVALID_REQUEST")
        self.assertEqual({each["path"] for each in said["errors"]}, {"base-url", "wieght", "name"})

    def test_refusal_with_faults(self) -> None:
        said = self.post(b'{"name": "1", "baseUrl": "x"}')
        self.assertEqual(said["errorCode"], "INVALID_CONFIGURATION")
        self.assertEqual(
            said["errors"], [{"path": "name", "message": "expected a name", "origin": "a.yml:3"}]
        )
        self.assertNotIn("data", said)

    def test_yaml(self) -> None:
        said = self.post(b"name: a\nbase-url: http://a\n", Content_Type="application/yaml")
        self.assertTrue(said["success"], said)

    def test_kinds(self) -> None:
        for kind in ("", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
            self.assertEqual(self.post(b"{}", Content_Type=kind)["errorCode"], "UNSUPPORTED_MEDIA_TYPE", kind)

    def test_required(self) -> None:
        self.assertIn("a body is required", self.post(b"")["message"])

    def test_body_where_none_is_taken(self) -> None:
        path = "/api/config/merge/cleanup"
        for body in (b"[]", b'{"a":1}', b"{" * 17):
            self.assertIn("takes no body", self.api.value(path, "DELETE", body)["message"])
        chunked = request(path, "DELETE", Transfer_Encoding="chunked")
        for pieces in ([chunked + b"2\r\n[]\r\n0\r\n\r\n"], [chunked, b"2\r\n[]\r\n0\r\n\r\n"]):
            [answer] = answers(self.api.serving.ask(*pieces).received)
            self.assertIn("takes no body", json.loads(answer.body)["message"])
        self.assertEqual(self.api.code(path, "DELETE", b""), "OK")

    def test_nothing_in_braces_is_nothing(self) -> None:
        """Some libraries cannot send a POST without a body."""
        for body in (b"{}", b"{}\r\n", b"null"):
            self.assertEqual(self.api.code("/api/config/merge/cleanup", "DELETE", body), "OK", body)

    def test_too_large(self) -> None:
        """It is refused before any of it has been sent."""
        head = request("/api/config/instance/chat", "POST", b"")
        head = head.replace(b"Content-Length: 0", b"Content-Length: 10001\r\nExpect: 100-continue")
        [answer] = answers(self.api.serving.ask(head).received)
        self.assertEqual((answer.status, answer.headers["connection"]), (413, "close"))
        self.assertEqual(json.loads(answer.body)["errorCode"], "REQUEST_TOO_LARGE")

    def test_refused_upload_is_not_read(self) -> None:
        """Of what is refused anyway, nothing is asked for."""
        for target in ("/api/nothing", "/api/config/instance/chat?nothing=1", "/api/config/instance/bread"):
            head = request(target, "POST", b"")
            head = head.replace(b"Content-Length: 0", b"Content-Length: 100\r\nExpect: 100-continue")
            received = bytes(self.api.serving.ask(head).received)
            self.assertNotIn(b"100 Continue", received)
            self.assertIn(received.split(b" ")[1], (b"400", b"404"), target)

    def test_body_in_pieces(self) -> None:
        whole = request("/api/config/instance/chat", "POST", b'{"name": "a", "baseUrl": "b"}')
        [answer] = answers(self.api.serving.ask(whole[:-5], whole[-5:]).received)
        self.assertEqual(answer.status, 201)

    def test_large_body_is_parsed_in_a_thread(self) -> None:
        calls: list[Any] = []

        def run(function: Any, *arguments: Any) -> Deferred[Any]:
            calls.append(function)
            waiting: Deferred[Any] = Deferred()
            calls.append((waiting, function, arguments))
            return waiting

        self.api = Api(*all_of_them(), run_in_thread=run, max_body=1_000_000)
        large = {"name": "a" * 70_000, "baseUrl": "b"}
        yaml = f"name: {'a' * 1100}\nbaseUrl: b\n"
        for body, kind in ((json.dumps(large), "json"), (yaml, "yaml")):
            calls.clear()
            asked = request(
                "/api/config/instance/chat", "POST", body.encode(), Content_Type=f"application/{kind}"
            )
            client = self.api.serving.ask(asked)
            self.assertEqual(answers(client.received), [], kind)
            waiting, function, arguments = calls[1]
            waiting.callback(function(*arguments))
            self.api.serving.run()
            self.assertEqual(answers(client.received)[0].status, 201, kind)


class AnswerTests(SynchronousTestCase):
    """What becomes of what an endpoint does."""

    def ask(self, answer: Any, **more: Any) -> Any:
        self.api = Api(endpoint(answer, **more))
        return self.api.ask("/api/it")

    def test_later(self) -> None:
        waiting: Deferred[Reply] = Deferred()
        api = Api(endpoint(lambda call: waiting))
        client = api.serving.ask(request("/api/it"))
        self.assertEqual(client.received, b"")
        waiting.callback(Reply([1]))
        api.serving.run()
        self.assertEqual(json.loads(answers(client.received)[0].body)["data"], [1])

    def test_made_in_a_thread(self) -> None:
        """Data that take a while to make, and to write."""
        calls = []

        def run(function: Any, *arguments: Any) -> Deferred[Any]:
            calls.append(lambda: done.callback(function(*arguments)))
            return done

        done: Deferred[Any] = Deferred()
        made: list[int] = []

        def make() -> list[int]:
            made.append(1)
            return made

        api = Api(endpoint(lambda call: Reply(Later(make))), run_in_thread=run)
        client = api.serving.ask(request("/api/it"))
        self.assertEqual((made, client.received), ([], b""))
        calls[0]()
        api.serving.run()
        self.assertEqual(json.loads(answers(client.received)[0].body)["data"], [1])

    def test_coroutine(self) -> None:
        async def answer(call: Call) -> Reply:
            return Reply(call.who)

        self.assertEqual(json.loads(self.ask(answer).body)["data"], "127.0.0.1")

    def test_refusal(self) -> None:
        answer = self.ask(lambda call: fail(VersionConflict("somebody was faster")))
        self.assertEqual((answer.status, json.loads(answer.body)["errorCode"]), (409, "VERSION_CONFLICT"))

    def test_when_to_come_back(self) -> None:
        answer = self.ask(lambda call: fail(StoreUnavailable("the disk is full")))
        self.assertEqual((answer.status, answer.headers["retry-after"]), (503, "5"))

    def test_other_exceptions(self) -> None:
        """They are told to the log, and to nobody else."""
        for answering in (
            lambda call: fail(ValueError("secret")),
            lambda call: 1 / 0,
            lambda call: Reply(object()),
            lambda call: Reply(float("nan")),
        ):
            answer = self.ask(answering, data={})
            self.assertEqual((answer.status, json.loads(answer.body)["errorCode"]), (500, "INTERNAL_ERROR"))
            self.assertNotIn(b"secret", answer.body)
            self.assertEqual(len(self.flushLoggedErrors()), 1)

    def test_client_that_leaves(self) -> None:
        """What waits is cancelled, and nothing is left."""
        cancelled: list[Any] = []
        waiting: Deferred[Reply] = Deferred(cancelled.append)
        api = Api(endpoint(lambda call: waiting))
        client = api.serving.ask(request("/api/it"))
        client.leave()
        api.serving.run()
        self.assertEqual(cancelled, [waiting])
        self.assertEqual(api.serving.close(), [])

    def test_what_goes_on_without_its_client(self) -> None:
        """What takes no notice of being cancelled may end as it likes."""

        async def returns(call: Call) -> Reply:
            with contextlib.suppress(CancelledError):
                await Deferred()
            return Reply()

        async def raises(call: Call) -> Reply:
            try:
                await Deferred()
            except CancelledError:
                raise VersionConflict("too late") from None
            return Reply()

        for answer in (returns, raises):
            api = Api(endpoint(answer))
            api.serving.ask(request("/api/it")).leave()
            api.serving.run()
            self.assertEqual(api.serving.close(), [])

    def test_client_that_leaves_its_upload(self) -> None:
        api = Api(*all_of_them())
        client = api.serving.ask(request("/api/config/instance/chat", "POST", b"{}" * 50)[:-10])
        client.leave()
        api.serving.run()
        self.assertEqual(api.serving.close(), [])


class CallTests(SynchronousTestCase):
    """What an endpoint gets."""

    def test_all(self) -> None:
        calls: list[Call] = []

        def answer(call: Call) -> Reply:
            calls.append(call)
            return Reply()

        more = {"body": {"type": "object"}, "refusals": ("VERSION_CONFLICT",)}
        api = Api(endpoint(answer, "PUT", "/api/{what}", **more))
        api.ask("/api/a%20b?description=why+not&version=7", "PUT", b'{"base-url": 1}', If_Match='W/"7"')
        [call] = calls
        self.assertEqual((call.path, call.body, call.parent), ({"what": "a b"}, {"base-url": 1}, 7))
        self.assertEqual(call.query, {"description": "why not", "version": 7})
        self.assertEqual((call.member("baseUrl"), call.member("name", "none")), (1, "none"))
        self.assertEqual(call.told("add", "done").description, "why not")
