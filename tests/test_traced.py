"""Requests that are traced, through a whole gateway in memory."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.files import Text
from jairouter.config.loader import load
from jairouter.telemetry.tracing.span import Kind, Span
from tests.world import CONFIGURATION, World, post

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
ASKED = {"model": "m", "messages": [{"role": "user", "content": "a secret"}]}
JSON = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(body := b'{"usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}'),
    body,
)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\n'


def chunk(data: bytes) -> bytes:
    """A chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def with_tracing(more: str = "exporter: {type: none}", enabled: str = "true") -> str:
    """The usual configuration, and how requests are traced."""
    return CONFIGURATION + f"tracing: {{enabled: {enabled}, {more}}}\n"


class Traced(SynchronousTestCase):
    """Asks a gateway that traces."""

    more = "exporter: {type: none}"
    enabled = "true"

    def text(self) -> str:
        """The configuration."""
        return with_tracing(self.more, self.enabled)

    def setUp(self) -> None:
        self.world = World(self.text())
        self.world.run(1)  # a time of 0 stands for none
        self.addCleanup(lambda: self.assertEqual([], self.world.close()))

    def ask(self, *headers: str, payload: dict[str, Any] | None = None, path: str = "") -> Any:
        """Send one request with these headers; returns its client."""
        head, _, body = post(payload or ASKED, (path or "/v1/chat/completions")).partition(b"\r\n\r\n")
        client = self.world.client()
        client.send(b"\r\n".join([head, *(each.encode() for each in headers)]) + b"\r\n\r\n" + body)
        self.world.run()
        return client

    def answered(self, *headers: str, answer: bytes = JSON) -> Any:
        """The same, answered by the backend."""
        client = self.ask(*headers)
        self.world.run(0.25)
        self.world.backend.last.say(answer)
        self.world.run()
        return client

    def sent(self, name: bytes) -> list[bytes]:
        """The values of a header that the backend got, in its last request."""
        head = bytes(self.world.backend.last.received).rpartition(b"POST ")[2].partition(b"\r\n\r\n")[0]
        lines = [line.partition(b": ") for line in head.split(b"\r\n")]
        return [value for key, _, value in lines if key.lower() == name]

    @property
    def spans(self) -> list[Span]:
        """Those of the trace that is kept."""
        ring = self.world.gateway.observing.tracing.ring
        self.assertEqual(1, len(ring))
        return [*ring.latest()[0].spans]


class ContextTests(Traced):
    """What is read from requests, and what backends and clients are told."""

    def test_a_backend_is_told_of_the_callers_trace_and_of_its_own_span(self) -> None:
        self.answered(f"traceparent: {PARENT}", "tracestate: a=1", "tracestate: b=2", "baggage: user=7")
        server, attempt = self.spans
        self.assertEqual([f"00-{TRACE}-{attempt.span_id}-01".encode()], self.sent(b"traceparent"))
        self.assertEqual([b"a=1,b=2"], self.sent(b"tracestate"))
        self.assertEqual([b"user=7"], self.sent(b"baggage"))
        self.assertEqual((TRACE, SPAN), (server.trace_id, server.parent_id))

    def test_what_is_no_traceparent_begins_a_new_trace_and_its_state_goes(self) -> None:
        self.answered(f"Traceparent: {PARENT.upper()}", "Tracestate: a=1")
        server, attempt = self.spans
        self.assertNotEqual(TRACE, server.trace_id)
        self.assertEqual([f"00-{server.trace_id}-{attempt.span_id}-01".encode()], self.sent(b"traceparent"))
        self.assertEqual([], self.sent(b"tracestate"))

    def test_a_caller_that_does_not_sample_is_followed(self) -> None:
        self.answered(f"traceparent: {PARENT[:-1]}0")
        self.assertEqual(0, len(self.world.gateway.observing.tracing.ring))
        self.assertTrue(self.sent(b"traceparent")[0].endswith(b"-00"))

    def test_the_client_is_told_its_trace(self) -> None:
        client = self.answered(f"traceparent: {PARENT}")
        self.assertIn(f"X-Trace-Id: {TRACE}\r\n".encode(), client.received)

    def test_so_it_is_with_an_error(self) -> None:
        client = self.ask(f"traceparent: {PARENT}", payload={"model": "unknown"})
        self.assertIn(f"X-Trace-Id: {TRACE}\r\n".encode(), client.received)


class OffTests(Traced):
    """With tracing off."""

    enabled = "false"

    def test_what_the_client_says_passes_untouched(self) -> None:
        client = self.answered(f"Traceparent: {PARENT.upper()}", "Tracestate: A=, ,=1")
        self.assertEqual([PARENT.upper().encode()], self.sent(b"traceparent"))
        self.assertEqual([b"A=, ,=1"], self.sent(b"tracestate"))
        self.assertNotIn(b"X-Trace-Id", client.received)


class SpanTests(Traced):
    """The spans of requests."""

    def test_one_for_the_request_and_one_for_its_attempt(self) -> None:
        self.answered("User-Agent: secret-agent", "Authorization: Bearer sk-secret")
        server, attempt = self.spans
        self.assertEqual(("POST /v1/chat/completions", Kind.SERVER, ""), (*server[3:5], server.parent_id))
        self.assertEqual(("chat m", Kind.CLIENT, server.span_id), (*attempt[3:5], attempt.parent_id))
        self.assertAlmostEqual(0.25, attempt.end - attempt.start)
        self.assertEqual(200, server.attributes["http.response.status_code"])
        self.assertEqual(
            (7, 3),
            (
                attempt.attributes["gen_ai.usage.input_tokens"],
                attempt.attributes["gen_ai.usage.output_tokens"],
            ),
        )
        self.assertEqual(
            ("10.0.0.1", 9000), (attempt.attributes["server.address"], attempt.attributes["server.port"])
        )
        self.assertEqual(("", ""), (server.error, attempt.error))

    def test_nothing_secret_is_in_them(self) -> None:
        self.ask("Authorization: Bearer sk-secret", path="/v1/chat/completions?key=secret")
        self.world.backend.last.say(JSON)
        self.world.run()
        self.assertNotIn("secret", repr(self.spans))

    def test_a_stream_has_a_span_and_its_first_token_is_an_event(self) -> None:
        client = self.ask(payload={**ASKED, "stream": True})
        self.world.run(1)
        self.world.backend.last.say(STREAM)
        self.world.run(0.5)
        self.world.backend.last.say(chunk(EVENT))
        self.world.run(2)
        self.world.backend.last.say(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        self.world.run()
        self.assertIn(b"Hi", client.received)
        server, attempt, stream = self.spans
        self.assertEqual(["first_token"], [each.name for each in attempt.events])
        self.assertAlmostEqual(1.5, attempt.events[0].at - server.start, 1)
        self.assertEqual(("stream", attempt.span_id), (stream.name, stream.parent_id))
        self.assertAlmostEqual(server.end, stream.end)

    def test_a_stream_that_breaks_off_is_an_error(self) -> None:
        self.ask(payload={**ASKED, "stream": True})
        self.world.backend.last.say(STREAM + chunk(EVENT))
        self.world.run(1)
        self.world.backend.last.wire.abortConnection()
        self.world.run()
        server, attempt, _ = self.spans
        self.assertEqual(200, server.attributes["http.response.status_code"])
        self.assertTrue(server.error)
        self.assertEqual("failed", attempt.error)

    def test_a_client_that_leaves_is_no_error(self) -> None:
        client = self.ask()
        client.leave()
        self.world.run()
        server, attempt = self.spans
        self.assertEqual(("", 499), (server.error, server.attributes["http.response.status_code"]))
        self.assertEqual("abandoned", attempt.attributes["jairouter.outcome"])


class RetriedTests(Traced):
    """Requests that need more than one attempt."""

    def text(self) -> str:
        """The configuration, with another instance of the same model."""
        one = '{name: m, base-url: "http://10.0.0.1:9000"}'
        other = '{name: m, base-url: "http://10.0.0.1:9000", path: /v1/chat/completions}'
        return with_tracing().replace(one, f"{one}, {other}", 1)

    def test_each_attempt_has_a_span_and_tells_its_backend_of_it(self) -> None:
        self.ask()
        ids = [self.sent(b"traceparent")]
        self.world.backend.last.say(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        self.world.run(10)
        ids.append(self.sent(b"traceparent"))
        self.world.backend.last.say(JSON)
        self.world.run()
        server, first, second = self.spans
        self.assertEqual(
            [[f"00-{server.trace_id}-{each.span_id}-01".encode()] for each in (first, second)], ids
        )
        self.assertEqual(("503", ""), (first.error, second.error))
        self.assertEqual([0, 1], [each.attributes["backend.retry.count"] for each in (first, second)])


class NotSampledTests(Traced):
    """Requests that are not sampled."""

    more = "exporter: {type: none}, sampling: {ratio: 0}"

    def test_a_good_one_is_not_kept(self) -> None:
        self.answered()
        self.assertEqual(0, len(self.world.gateway.observing.tracing.ring))

    def test_one_that_fails_is_kept_all_the_same(self) -> None:
        self.answered(answer=b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        server, attempt = self.spans
        self.assertTrue(server.error)
        self.assertTrue(attempt.error)

    def test_a_slow_one_is_kept_all_the_same(self) -> None:
        self.ask()
        self.world.run(9)
        self.world.backend.last.say(JSON)
        self.world.run()
        self.assertEqual("", self.spans[0].error)

    def test_decisions_and_spans_are_counted(self) -> None:
        self.answered()
        metric = self.world.metric
        self.assertEqual(1, metric("tracing_sampling_decisions_total", decision="not_sampled"))
        self.assertEqual(0, metric("tracing_spans_total", result="recorded"))

    def test_a_reload_changes_the_share_and_keeps_what_is_kept(self) -> None:
        self.answered(answer=b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        text = with_tracing("exporter: {type: none}, sampling: {ratio: 1}")
        self.world.gateway.reload(load([Text("new.yml", text.encode())], (), {}).settings)
        self.answered()
        self.assertEqual(2, len(self.world.gateway.observing.tracing.ring))
