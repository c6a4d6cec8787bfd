"""Fallbacks through a whole gateway: what backends and clients see on the wire, and that nothing is left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests import test_garbage
from tests.fakes import Client, Network
from tests.web.serving import Received, answers
from tests.world import ScriptedBackend, ScriptedConnection, World, post

CONFIGURATION = """
server: {address: 127.0.0.1, port: 8080, drain: {delay: 0s, timeout: 60s}}
webclient: {connection-timeout: 5s, read-timeout: 20s}
logging: {access: {enabled: false}}
streaming: {keep-alive-interval: 5s, keep-alive-before-first-event: %s}
model:
  services:
    chat:
      fallback: {enabled: true, %s}
      instances:
        - {name: gpt-4, base-url: "http://10.0.0.1:9000"}
        - {name: llama3, base-url: "http://10.0.0.2:9000"}
"""
MODELS = "models: {gpt-4: [llama3]}"
COMPLETION = '{choices: [{message: {role: assistant, content: "sorry"}}]}'
BODY = b'{ "temperature": 1.0, "mod\\u0065l" :"gpt-4","messages":[{"role":"user","model":"gpt-4"}] }'
STREAM = {"model": "gpt-4", "stream": True}
EVENT, DONE = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', b"data: [DONE]\n\n"


class Case(SynchronousTestCase):
    """A gateway with two models, each with a backend of its own."""

    def world(self, fallback: str, before_first_event: str = "0s") -> None:
        self.run_ = World(CONFIGURATION % (before_first_event, fallback), network=Network())
        self.gpt = self.run_.backend
        self.llama = ScriptedBackend()
        self.run_.network.listenTCP(9000, self.llama, interface="10.0.0.2")
        self.addCleanup(lambda: self.assertEqual(self.run_.close(), []))

    def ask(self, payload: dict[str, Any] | bytes = BODY, headers: str = "") -> Client:
        client = self.run_.client()
        head, _, body = post(payload).partition(b"\r\n\r\n")
        client.send(head + b"\r\n" + headers.encode() + b"\r\n" + body)
        self.run_.run()
        return client

    def go_down(self) -> None:
        """Nobody can answer for gpt-4 from now on."""
        self.run_.network.listeners.pop(("10.0.0.1", 9000))
        for connection in self.gpt.connections:
            connection.wire.abortConnection()
        self.run_.run()

    def answer(self, connection: ScriptedConnection, body: bytes, status: str = "200 OK") -> None:
        connection.answer(body, status=status)
        self.run_.run()

    def stream(self, connection: ScriptedConnection, *events: bytes) -> None:
        connection.begin_stream()
        for event in events:
            connection.chunk(event)
        self.run_.run()

    def received(self, client: Client) -> Received:
        return answers(client.received)[-1]

    def assert_at_rest(self) -> None:
        self.assertTrue(self.run_.at_rest, self.run_.gateway.ledger)

    def leave(self, client: Client) -> None:
        client.leave()
        self.run_.run()
        self.assert_at_rest()


class ModelTests(Case):
    """When gpt-4 has nobody, llama3."""

    def test_the_bytes(self) -> None:
        """Its backend sees the same body with another name, and a length that fits."""
        self.world(MODELS)
        self.go_down()
        client = self.ask()
        head, _, body = bytes(self.llama.last.received).partition(b"\r\n\r\n")
        self.assertEqual(body, BODY.replace(b':"gpt-4","mess', b':"llama3","mess'))
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        self.assertEqual(lengths, [b"content-length: %d" % len(body)])
        self.answer(self.llama.last, b'{"a": 1}')
        received = self.received(client)
        self.assertEqual((received.status, received.body), (200, b'{"a": 1}'))
        self.assertEqual(received.headers["x-jairouter-fallback"], "model:llama3")
        self.assertEqual(received.headers["x-jairouter-attempts"], "2")
        self.assertRegex(received.headers["x-jairouter-instance"], "^llama3-")
        self.assert_at_rest()

    def test_a_failed_answer_is_given_up_first(self) -> None:
        """Also one that is not complete, and never will be."""
        self.world(MODELS)
        for half in (False, True):
            client = self.ask()
            if half:
                self.gpt.last.say(
                    b"HTTP/1.1 503 x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
                )
                self.run_.run()
                self.assertIsNotNone(self.gpt.last.closed)
            else:
                self.answer(self.gpt.last, b"{}", "503 x")
            self.assertEqual(self.run_.gateway.ledger.outstanding()["attempt"], 1)
            self.answer(self.llama.last, b"{}")
            self.assertEqual(self.received(client).status, 200)
            self.assert_at_rest()
        failed = self.run_.metric("jairouter_backend_calls_total", model="gpt-4", outcome="failed")
        self.assertEqual(failed, 2)

    def test_stream(self) -> None:
        self.world(MODELS)
        self.go_down()
        client = self.ask(STREAM)
        self.stream(self.llama.last, EVENT, DONE, b"")
        self.assertEqual(self.received(client).body, EVENT + DONE)
        self.assertEqual(self.received(client).headers["x-jairouter-fallback"], "model:llama3")
        self.assert_at_rest()

    def test_the_error_is_told_as_the_first_event(self) -> None:
        """Nothing has reached the client yet."""
        self.world(MODELS)
        client = self.ask(STREAM)
        self.stream(self.gpt.last, b'data: {"error": {"message": "out of memory", "code": 503}}\n\n')
        self.stream(self.llama.last, EVENT, DONE, b"")
        self.assertEqual(self.received(client).body, EVENT + DONE)
        self.assert_at_rest()

    def test_a_stream_that_has_begun_is_nobody_elses(self) -> None:
        self.world(MODELS)
        client = self.ask(STREAM)
        self.stream(self.gpt.last, EVENT)
        self.gpt.last.wire.abortConnection()
        self.run_.run()
        self.assertIn(b"stream_interrupted", self.received(client).body)
        self.assertEqual(self.llama.connections, [])
        self.assert_at_rest()

    def test_the_client_leaves(self) -> None:
        """In every phase; whoever is at it is told."""
        self.world(MODELS)
        self.leave(self.ask())
        self.assertEqual(self.llama.connections, [])
        self.go_down()
        self.leave(self.ask())
        self.assertIsNotNone(self.llama.last.closed)
        client = self.ask(STREAM)
        self.llama.last.begin_stream()
        self.run_.run()
        self.leave(client)
        client = self.ask(STREAM)
        self.stream(self.llama.last, EVENT)
        self.leave(client)
        self.assertIsNotNone(self.llama.last.closed)

    def test_nobody_answers_for_either(self) -> None:
        self.world(MODELS)
        self.go_down()
        client = self.ask()
        self.answer(self.llama.last, b"{}", "500 x")
        received = self.received(client)
        self.assertEqual((received.status, received.headers["x-jairouter-fallback"]), (503, "default"))
        error = json.loads(received.body)["error"]
        self.assertEqual(error["message"], "no instance of the model 'gpt-4' could answer")
        self.assert_at_rest()

    def test_whose_refusal_it_is(self) -> None:
        """A 429 stays one, and says which instance has sent it: not the one that was asked behind it."""
        self.world(MODELS)
        client = self.ask()
        self.answer(self.gpt.last, b'{"by": "gpt"}', "429 x")
        self.answer(self.llama.last, b"{}", "500 x")
        received = self.received(client)
        self.assertEqual((received.status, received.body), (429, b'{"by": "gpt"}'))
        self.assertRegex(received.headers["x-jairouter-instance"], "^gpt-4-")
        self.assertEqual(received.headers["x-jairouter-attempts"], "2")

    def test_after_keep_alive_comments(self) -> None:
        self.world(MODELS, "1s")
        client = self.ask(STREAM)
        self.run_.run(1.5)
        self.gpt.last.wire.abortConnection()
        self.run_.run()
        self.stream(self.llama.last, EVENT, DONE, b"")
        self.assertEqual(self.received(client).body, b": keep-alive\n\n" + EVENT + DONE)
        self.assert_at_rest()


class CacheTests(Case):
    """The last good answer to the same request."""

    def setUp(self) -> None:
        self.world("strategy: cache, cache-ttl: 60s, cache-max-answer: 1KB")

    def learn(self, body: bytes = b'{"a": 1}', headers: str = "", *pieces: bytes) -> None:
        client = self.ask(headers=headers)
        if pieces:
            self.gpt.last.begin_stream("application/json")
            for piece in (*pieces, b""):
                self.gpt.last.chunk(piece)
            self.run_.run()
            body = b"".join(pieces)
        else:
            self.answer(self.gpt.last, body)
        self.assertEqual(self.received(client).body, body)
        self.assertNotIn("x-jairouter-fallback", self.received(client).headers)
        self.assert_at_rest()

    def test_served(self) -> None:
        self.learn()
        self.go_down()
        self.run_.run(7.2)
        received = self.received(self.ask())
        self.assertEqual((received.status, received.body), (200, b'{"a": 1}'))
        self.assertEqual(received.headers["x-jairouter-fallback"], "cache")
        self.assertEqual(
            (received.headers["age"], received.headers["content-type"]), ("7", "application/json")
        )
        self.assert_at_rest()

    def test_each_answer_has_an_id_of_its_own(self) -> None:
        self.learn()
        self.go_down()
        ids = {self.received(self.ask()).headers["x-request-id"] for _ in range(2)}
        self.assertEqual(len(ids), 2)

    def test_in_pieces(self) -> None:
        self.learn(b"", "", b'{"a":', b" 1}")
        self.go_down()
        self.assertEqual(self.received(self.ask()).body, b'{"a": 1}')

    def test_never_instead_of_asking(self) -> None:
        self.learn()
        client = self.ask()
        self.answer(self.gpt.last, b'{"a": 2}')
        self.assertEqual(self.received(client).body, b'{"a": 2}')

    def test_of_another_caller(self) -> None:
        self.learn(headers="Authorization: Bearer one\r\n")
        self.go_down()
        self.assertEqual(self.received(self.ask(headers="Authorization: Bearer one\r\n")).status, 200)
        for headers in ("Authorization: Bearer two\r\n", ""):
            self.assertEqual(self.received(self.ask(headers=headers)).status, 502)

    def test_too_old(self) -> None:
        self.learn()
        self.go_down()
        self.run_.run(
            61,
        )
        self.assertEqual(self.received(self.ask()).status, 502)

    def test_too_large(self) -> None:
        self.learn(b" " * 1025)
        self.learn(b"", "", b" " * 1000, b" " * 25)
        self.go_down()
        self.assertEqual(self.received(self.ask()).status, 502)

    def test_stream(self) -> None:
        client = self.ask(STREAM)
        self.stream(self.gpt.last, EVENT, DONE, b"")
        self.assertEqual(self.received(client).body, EVENT + DONE)
        self.go_down()
        received = self.received(self.ask(STREAM))
        self.assertEqual((received.status, received.body), (200, EVENT + DONE))
        self.assertEqual(received.headers["content-type"], "text/event-stream")
        self.assertEqual(received.headers["x-accel-buffering"], "no")

    def test_streams_that_are_not_complete(self) -> None:
        for events, breaks in (
            ((EVENT,), True),
            ((EVENT, b""), False),
            ((EVENT, b'data: {"error":1}\n\n'), False),
        ):
            self.ask(STREAM)
            self.stream(self.gpt.last, *events)
            if breaks:
                self.gpt.last.wire.abortConnection()
                self.run_.run()
            self.assert_at_rest()
        self.leave(self.begun())
        self.go_down()
        self.assertEqual(self.received(self.ask(STREAM)).status, 502)

    def begun(self) -> Client:
        client = self.ask(STREAM)
        self.stream(self.gpt.last, EVENT)
        return client

    def test_a_client_that_does_not_read(self) -> None:
        """It holds the backend back, and is given up in the end, as without a cache."""
        client = self.begun()
        wire: Any = client.transport
        wire.pauseProducing()
        for _ in range(40):
            self.gpt.last.chunk(b"data: " + b"x" * 10_000 + b"\n\n")
            self.run_.run()
        self.assertEqual(self.run_.gateway.ledger.outstanding()["attempt"], 1)
        self.run_.run(70)
        self.assert_at_rest()
        self.assertIsNotNone(self.gpt.last.closed)

    def test_a_backend_that_stops(self) -> None:
        client = self.begun()
        self.run_.run(25)
        self.assertIn(b"upstream_timeout", self.received(client).body)
        self.assert_at_rest()

    def test_the_gateway_stops(self) -> None:
        client = self.begun()
        for _ in range(2):
            self.run_.gateway.listener.drain(at_once=True)
        self.run_.run()
        self.assertIn(b"shutting_down", self.received(client).body)
        self.assert_at_rest()


class CommittedTests(Case):
    """The client was told 200 already, for the sake of keep-alive comments."""

    def ask_long(self, fallback: str, payload: dict[str, Any] | None = None) -> bytes:
        self.world(fallback, "1s")
        client = self.ask(payload or STREAM)
        self.run_.run(1.5)
        self.go_down()
        self.assert_at_rest()
        return self.received(client).body.removeprefix(b": keep-alive\n\n")

    def test_default(self) -> None:
        body = self.ask_long("strategy: default")
        self.assertIn(b"no instance of the model 'gpt-4' could answer", body)
        self.assertTrue(body.startswith(b"data: {"), body)
        self.assertNotIn(b"[DONE]", body)

    def test_static_completion(self) -> None:
        body = self.ask_long(f"strategy: static, response: {COMPLETION}")
        self.assertIn(b'"content": "sorry"', body)
        self.assertTrue(body.endswith(DONE), body)

    def test_static_text(self) -> None:
        """It could not follow; the error does."""
        body = self.ask_long("strategy: static, response: sorry")
        self.assertIn(b'"code":"upstream_error"', body)

    def test_static_error(self) -> None:
        body = self.ask_long("strategy: static, status: 503, response: {error: {message: closed}}")
        self.assertEqual(body, b'data: {"error": {"message": "closed"}}\n\n')

    def test_cached_stream(self) -> None:
        self.world("strategy: cache", "1s")
        self.ask(STREAM)
        self.stream(self.gpt.last, EVENT, DONE, b"")
        client = self.ask(STREAM)
        self.run_.run(1.5)
        self.go_down()
        self.assertEqual(self.received(client).body, b": keep-alive\n\n" + EVENT + DONE)
        self.assert_at_rest()


class StaticTests(Case):
    """What is said to everybody."""

    def test_text(self) -> None:
        self.world("strategy: static, response: sorry")
        self.go_down()
        received = self.received(self.ask())
        self.assertEqual((received.status, received.body), (200, b"sorry"))
        self.assertEqual(received.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(received.headers["x-jairouter-fallback"], "static")

    def test_mapping(self) -> None:
        self.world(f"strategy: static, response: {COMPLETION}")
        self.go_down()
        received = self.received(self.ask())
        self.assertEqual(received.headers["content-type"], "application/json")
        self.assertEqual(json.loads(received.body)["choices"][0]["message"]["content"], "sorry")

    def test_stream(self) -> None:
        self.world(f"strategy: static, response: {COMPLETION}")
        self.go_down()
        received = self.received(self.ask(STREAM))
        self.assertEqual((received.status, received.complete), (200, True))
        self.assertEqual(received.headers["content-type"], "text/event-stream; charset=utf-8")
        self.assertTrue(received.body.endswith(DONE))


class GarbageTests(Case):
    """Nothing waits for the garbage collector."""

    def assert_nothing_left(self, exchange: Callable[[], Client]) -> None:
        garbage = test_garbage.GarbageTests("test_page")
        garbage.world = self.run_
        self.assertEqual(garbage.rings(lambda: self.leave(exchange())), Counter())

    def test_failures(self) -> None:
        for fallback in ("strategy: default", "strategy: static, response: sorry"):
            self.world(fallback)
            self.go_down()
            self.assert_nothing_left(self.ask)

    def test_another_model(self) -> None:
        def exchange() -> Client:
            client = self.ask()
            self.answer(self.llama.last, b"{}")
            return client

        self.world(MODELS)
        self.go_down()
        self.assert_nothing_left(exchange)

    def test_failed_answers(self) -> None:
        def exchange() -> Client:
            client = self.ask()
            self.answer(self.gpt.last, b"{}", "503 x")
            self.answer(self.llama.last, b"{}", "503 x")
            return client

        self.world(MODELS)
        self.assert_nothing_left(exchange)

    def test_stream_that_is_remembered(self) -> None:
        def exchange() -> Client:
            client = self.ask(STREAM)
            self.stream(self.gpt.last, EVENT, DONE, b"")
            return client

        self.world("strategy: cache")
        self.assert_nothing_left(exchange)

    def test_stream_that_is_left(self) -> None:
        def exchange() -> Client:
            client = self.ask(STREAM)
            self.stream(self.gpt.last, EVENT)
            return client

        self.world("strategy: cache")
        self.assert_nothing_left(exchange)
