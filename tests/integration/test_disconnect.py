"""A client that leaves, over real sockets: the backend's connection closes and nothing stays behind."""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, Shared, configuration, wait_until
from tests.integration.wire import Listening, Peer, post

CHAT = {"model": "org/chat", "messages": []}
STREAM = {**CHAT, "stream": True}
EVENT = b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n'


class Scripted:
    """A gateway with room for two connections to a backend that is played by hand."""

    def __init__(self) -> None:
        self.backend = Listening()
        web: dict[str, Any] = {"connection-pool": {"max-connections": 2}}
        self.gateway = Gateway(configuration(self.backend.url, webclient=web))

    def stop(self) -> None:
        """End both."""
        self.gateway.stop()
        self.backend.close()


SCRIPTED: Shared[Scripted] = Shared(Scripted, Scripted.stop)


class DisconnectTests(SynchronousTestCase):
    """Each test leaves in another phase, once in good order and once with a reset."""

    def setUp(self) -> None:
        self.backend = SCRIPTED.get().backend
        self.gateway = SCRIPTED.get().gateway
        self.addCleanup(self.backend.close_connections)
        self.abandoned_before = self.abandoned()
        self.gone_before = self.gone()

    def abandoned(self) -> float:
        return self.gateway.metric("jairouter_backend_calls_total", outcome="abandoned")

    def gone(self) -> float:
        return self.gateway.metric("http_server_requests_total", status="499")

    def other_outcomes(self) -> float:
        return self.gateway.metric("jairouter_backend_calls_total") - self.abandoned()

    def client(self, request: bytes) -> Peer:
        client = Peer.to(self.gateway.port)
        self.addCleanup(client.close)
        client.say(request)
        return client

    def assert_noticed(self, backend: Peer, count: int) -> None:
        """Within a second the backend's connection closes and the attempt is counted."""
        self.assertLess(backend.seconds_until_closed(), 1.0)
        self.assert_settled(count)

    def assert_settled(self, count: int) -> None:
        self.gateway.wait_at_rest(1.0)
        self.assertEqual(self.abandoned() - self.abandoned_before, count)
        self.assertEqual(self.gone() - self.gone_before, count)

    def both_ways(self, leave: Any) -> None:
        """Run `leave(go)` with each way to go."""
        for count, go in enumerate((Peer.close, Peer.reset), 1):
            self.assert_noticed(leave(go), count)

    def test_waiting_for_headers(self) -> None:
        """The backend has the request and is silent; the answer is to come in one piece."""

        def leave(go: Any) -> Peer:
            client = self.client(post(CHAT))
            backend = self.backend.accept()
            backend.message()
            go(client)
            return backend

        self.both_ways(leave)

    def test_waiting_for_the_headers_of_a_stream(self) -> None:
        """The same when events were asked for."""

        def leave(go: Any) -> Peer:
            client = self.client(post(STREAM))
            backend = self.backend.accept()
            backend.message()
            go(client)
            return backend

        self.both_ways(leave)

    def test_before_the_first_event(self) -> None:
        """The head of a stream has come, and a comment, but no event."""

        def leave(go: Any) -> Peer:
            client = self.client(post(STREAM))
            backend = self.backend.accept()
            backend.message()
            backend.begin_stream(b": wait\n\n")
            go(client)
            return backend

        self.both_ways(leave)

    def test_mid_stream(self) -> None:
        """Events flow."""

        def leave(go: Any) -> Peer:
            client = self.client(post(STREAM))
            backend = self.backend.accept()
            backend.message()
            backend.begin_stream(EVENT)
            client.until(EVENT)
            go(client)
            return backend

        self.both_ways(leave)

    def test_in_a_plain_answer(self) -> None:
        """Half of a plain answer has come."""

        def leave(go: Any) -> Peer:
            client = self.client(post(CHAT))
            backend = self.backend.accept()
            backend.message()
            backend.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            client.until(b"half")
            go(client)
            return backend

        self.both_ways(leave)

    def test_uploading(self) -> None:
        """Half of a form has come, and is on its way to the backend."""

        def leave(go: Any) -> Peer:
            body = b'--edge\r\nContent-Disposition: form-data; name="model"\r\n\r\nhear\r\n--edge\r\n'
            body += b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + bytes(200_000)
            head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n"
            head += b"Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
            client = self.client(head + body)
            backend = self.backend.accept()
            backend.until(bytes(100_000))
            go(client)
            return backend

        self.both_ways(leave)

    def test_uploading_to_a_backend_that_does_not_read(self) -> None:
        """The client is held up and not read any more: its leaving must be noticed all the same.

        Only a reset: the end of a connection in good order waits in the client's kernel, behind the bytes
        for which there is no room, and `webclient.write-timeout` ends it.
        """

        def leave(go: Any) -> Peer:
            head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n"
            head += b"Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
            head += b'--edge\r\nContent-Disposition: form-data; name="model"\r\n\r\nhear\r\n--edge\r\n'
            head += b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
            client = self.client(head)
            backend = self.backend.accept()
            client.socket.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                while True:
                    client.say(bytes(100_000))
            go(client)
            # What is read makes room, which would let the gateway read the client again
            wait_until(lambda: self.gateway.outstanding()["request"] == 0, "its leaving is noticed", 2)
            return backend

        self.assert_noticed(leave(Peer.reset), 1)

    def test_while_it_does_not_read(self) -> None:
        """The client reads nothing, so that the gateway does not read either; then it leaves."""

        def leave(go: Any) -> Peer:
            client = self.client(post(STREAM))
            backend = self.backend.accept()
            backend.message()
            backend.begin_stream()
            backend.socket.settimeout(0.5)
            with self.assertRaises(TimeoutError):
                while True:
                    backend.chunk(b"data: " + b"x" * 60_000 + b"\n\n")
            go(client)
            return backend

        self.both_ways(leave)

    def test_behind_many_requests(self) -> None:
        """So much was sent behind the request that the client is not read any more; then it leaves."""

        def leave(go: Any) -> Peer:
            client = self.client(post(CHAT))
            backend = self.backend.accept()
            backend.message()
            client.say(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n" * 4000)
            go(client)
            return backend

        self.both_ways(leave)

    def test_queued(self) -> None:
        """All connections are busy: the request leaves the queue, and the backend never hears of it."""
        busy = [self.client(post(CHAT)) for _ in range(2)]
        backends = [self.backend.accept() for _ in busy]
        for count, go in enumerate((Peer.close, Peer.reset), 1):
            queued = self.client(post(CHAT))
            wait_until(lambda: self.gateway.outstanding()["attempt"] == 3, "the third one is queued")
            go(queued)
            wait_until(lambda: self.gateway.outstanding()["attempt"] == 2, "it left the queue", 1)
            self.assertEqual(self.abandoned() - self.abandoned_before, count)
        for backend in backends:
            backend.message()
            backend.answer(b"{}", "Connection: close")
        for client in busy:
            self.assertEqual(client.message()[1], b"{}")
        self.assertTrue(self.backend.idle(0.1))
        self.assert_settled(2)

    def test_says_nothing_about_the_instance(self) -> None:
        """None of all this is counted as anything but abandoned."""
        before = self.other_outcomes()
        client = self.client(post(CHAT))
        backend = self.backend.accept()
        backend.message()
        client.close()
        self.assert_noticed(backend, 1)
        self.assertEqual(self.other_outcomes(), before)

    def test_a_finished_request_is_none_of_it(self) -> None:
        """A client that leaves when all has been said has abandoned nothing."""
        client = self.client(post(CHAT))
        backend = self.backend.accept()
        backend.message()
        backend.answer(b"{}")
        client.message()
        client.close()
        self.assert_settled(0)


class ConnectingTests(SynchronousTestCase):
    """A backend to which no connection can be made: its backlog is full, so that SYNs are dropped."""

    def test_connecting(self) -> None:
        """The client leaves: connecting stops, though it would have gone on for ten seconds."""
        backend = Listening(backlog=0)
        self.addCleanup(backend.close)
        fill_backlog(self, backend)
        gateway = Gateway(configuration(backend.url))
        self.addCleanup(gateway.stop)
        client = Peer.to(gateway.port)
        self.addCleanup(client.close)
        client.say(post(CHAT))
        wait_until(lambda: gateway.outstanding()["attempt"] == 1, "the attempt is under way")
        wait_until(lambda: connecting_to(backend.port), "the gateway's SYN is out")
        client.close()
        gateway.wait_at_rest(1.0)
        wait_until(lambda: not connecting_to(backend.port), "connecting has stopped", 1.0)
        abandoned = gateway.metric("jairouter_backend_calls_total", outcome="abandoned")
        self.assertEqual(abandoned, 1)


def fill_backlog(test: SynchronousTestCase, backend: Listening) -> None:
    """Make connections that nobody accepts, until the kernel makes no more."""
    for _ in range(50):
        filler = socket.socket()
        test.addCleanup(filler.close)
        filler.settimeout(0.2)
        try:
            filler.connect(("127.0.0.1", backend.port))
        except TimeoutError:
            filler.close()  # its SYN must not be mistaken for the gateway's
            return
    raise AssertionError("the backlog does not fill")


def connecting_to(port: int) -> bool:
    """Whether any socket of this machine is in SYN_SENT towards a port of 127.0.0.1."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return any(row[2] == f"0100007F:{port:04X}" and row[3] == "02" for row in rows)
