"""Spans that are sent by OTLP, to a receiver that decodes them with the protocol's own schema."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import signal
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, configuration, simulator, wait_until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


class Receiver:
    """Takes what is sent to ``/v1/traces``.

    Attributes:
        spans: That came.
        resources: The attributes of what they came from.
        headers: Of the last request.
        status: To answer with.
    """

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.resources: list[dict[str, str]] = []
        self.headers: Any = None
        self.status, self.stall = 200, threading.Event()
        self.stall.set()
        receiver = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                with contextlib.suppress(OSError):  # whoever sends may have given up
                    receiver.take(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"

    def take(self, request: BaseHTTPRequestHandler) -> None:
        """Take one batch."""
        data = request.rfile.read(int(request.headers["Content-Length"]))
        self.headers = request.headers
        self.stall.wait()
        if self.status == 200:
            if request.headers["Content-Encoding"] == "gzip":
                data = gzip.decompress(data)
            for resource in ExportTraceServiceRequest.FromString(data).resource_spans:
                self.resources.append(
                    {each.key: each.value.string_value for each in resource.resource.attributes}
                )
                for scope in resource.scope_spans:
                    self.spans += scope.spans
        answer = ExportTraceServiceResponse().SerializeToString()
        request.send_response(self.status)
        request.send_header("Content-Type", "application/x-protobuf")
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def stop(self) -> None:
        """Take no more."""
        self.stall.set()
        self._server.shutdown()
        self._server.server_close()


def ask(gateway: Gateway, stream: bool = False) -> str:
    """Send a request that belongs to a trace; returns the trace that the answer names."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    body = {"model": "org/chat", "stream": stream, "messages": [{"role": "user", "content": "hello"}]}
    headers = {"Content-Type": "application/json", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    connection.request("POST", "/v1/chat/completions?key=secret", json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.getheader("X-Trace-Id") or ""


class OtlpTests(SynchronousTestCase):
    """A gateway that sends its spans to a receiver."""

    def start(self, url: str, **exporter: Any) -> Gateway:
        """Start one."""
        backend = simulator()
        self.addCleanup(backend.stop)
        otlp = {"endpoint": url, "headers": {"Authorization": "Bearer token"}, **exporter.pop("otlp", {})}
        tracing = {
            "enabled": True,
            "service-name": "gateway-1",
            "exporter": {"type": "otlp", "otlp": otlp, "batch": {"delay": "100ms"}, **exporter},
        }
        gateway = Gateway(configuration(backend.url, tracing=tracing))
        self.addCleanup(gateway.stop)
        return gateway

    def receiver(self) -> Receiver:
        """Start one."""
        receiver = Receiver()
        self.addCleanup(receiver.stop)
        return receiver

    def failed(self, gateway: Gateway, number: int) -> bool:
        """Whether so many batches could not be sent."""
        return gateway.metric("tracing_export_total", result="failure") == number

    def test_spans_arrive_as_they_are(self) -> None:
        receiver = self.receiver()
        gateway = self.start(receiver.url, otlp={"compression": "gzip"})
        self.assertEqual(TRACE, ask(gateway, stream=True))
        wait_until(lambda: len(receiver.spans) >= 3, "three spans")
        server, attempt, stream = receiver.spans
        self.assertEqual({TRACE}, {each.trace_id.hex() for each in receiver.spans})
        self.assertEqual(SPAN, server.parent_span_id.hex())
        self.assertEqual([server.span_id, attempt.span_id], [attempt.parent_span_id, stream.parent_span_id])
        self.assertEqual(["POST /v1/chat/completions", "stream"], [server.name, stream.name])
        self.assertEqual([2, 3, 1], [each.kind for each in (server, attempt, stream)])
        self.assertEqual(["first_token"], [each.name for each in attempt.events])
        self.assertLess(server.start_time_unix_nano, attempt.events[0].time_unix_nano)
        self.assertEqual("gateway-1", receiver.resources[0]["service.name"])
        self.assertEqual("Bearer token", receiver.headers["Authorization"])
        self.assertNotIn("secret", str(receiver.spans))
        wait_until(lambda: gateway.metric("tracing_spans_total", result="exported") == 3, "three counted")

    def test_a_receiver_that_is_down_costs_a_counter_and_one_line(self) -> None:
        gateway = self.start("http://127.0.0.1:9/v1/traces", otlp={"timeout": "200ms"})
        for number in range(1, 4):
            self.assertEqual(TRACE, ask(gateway))
            wait_until(
                partial(self.failed, gateway, number),
                "a failure",
            )
        self.assertEqual(6, gateway.metric("tracing_spans_total", result="dropped"))
        gateway.wait_for("spans could not be sent")
        self.assertEqual(1, gateway.output.count("spans could not be sent"))
        self.assertNotIn("Traceback", gateway.output)

    def test_what_waits_is_sent_before_the_gateway_ends(self) -> None:
        receiver = self.receiver()
        gateway = self.start(receiver.url, batch={"delay": "1h"})
        ask(gateway)
        self.assertEqual([], receiver.spans)
        gateway.send_signal(signal.SIGTERM)
        self.assertEqual(0, gateway.wait())
        self.assertEqual(2, len(receiver.spans))

    def test_a_receiver_that_stalls_does_not_keep_it_from_ending(self) -> None:
        receiver = self.receiver()
        receiver.stall.clear()
        gateway = self.start(receiver.url, batch={"delay": "1h", "shutdown": "500ms"}, otlp={"timeout": "3s"})
        ask(gateway)
        gateway.send_signal(signal.SIGTERM)
        self.assertEqual(0, gateway.wait())
