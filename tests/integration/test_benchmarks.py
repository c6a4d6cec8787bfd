"""The load that the benchmarks make themselves: complete, and not to be fooled by bad answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.arrivals import Arrivals
from benchmarks.paced import PacedBackend
from benchmarks.processes import Failure
from benchmarks.streams import Streams


@contextmanager
def server(status: int) -> Iterator[int]:
    """Something that answers every request with this status. Gives its port."""

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    class Listening(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """A client that left in the middle is what some tests are about."""

    with Listening(("127.0.0.1", 0), Answering) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield listening.server_port
        finally:
            listening.shutdown()
            thread.join()


class PacedStreamsTests(SynchronousTestCase):
    """`Streams` against `PacedBackend`."""

    def start(self, *, events: int, hold: bool = False) -> tuple[PacedBackend, Streams]:
        """A backend and a client of it."""
        backend = PacedBackend(events, streams=2, hold=hold)
        self.addCleanup(backend.stop)
        streams = Streams("the backend", backend.port, b'{"model": "m"}')
        self.addCleanup(streams.close)
        return backend, streams

    def test_every_event_of_every_stream_is_counted(self) -> None:
        """In each wave, on the same connections."""
        _, streams = self.start(events=3)
        streams.connect(4)
        self.assertEqual([streams.wave().events, streams.wave().events], [12, 12])

    def test_stream_that_ends_too_early_fails(self) -> None:
        """A held stream must stay open."""
        backend, streams = self.start(events=1, hold=True)
        streams.hold(5)
        streams.listen(0.01)
        backend.stop()
        with self.assertRaisesRegex(Failure, "the backend: a stream"):
            streams.listen(10.0)

    def test_refused_stream_fails(self) -> None:
        """An error is no event."""
        with server(503) as port:
            streams = Streams("a server", port, b"{}")
            self.addCleanup(streams.close)
            with self.assertRaisesRegex(Failure, "a server: a stream was refused"):
                streams.hold(1)


class ArrivalsTests(SynchronousTestCase):
    """`Arrivals`."""

    def test_latency_is_measured(self) -> None:
        """Of answers that are good."""
        with server(200) as port:
            latencies = Arrivals(port, b"{}", 100).run(0.2)
        self.assertGreater(latencies.p50, 0)
        self.assertGreaterEqual(latencies.worst, latencies.p99)

    def test_bad_answer_fails(self) -> None:
        """However fast it came."""
        with server(503) as port, self.assertRaisesRegex(Failure, "503"):
            Arrivals(port, b"{}", 100).run(0.2)
