"""Large uploads that wait for their backend."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, Shared, configuration, wait_until
from tests.integration.wire import Listening, Peer, post

MB = 1024 * 1024
FIELD = b'--edge\r\nContent-Disposition: form-data; name="model"\r\n\r\nhear\r\n'
FILE = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
END = b"\r\n--edge--\r\n"


class OneConnection:
    """A gateway with one connection to a backend that is played by hand."""

    def __init__(self) -> None:
        self.backend = Listening()
        pool: dict[str, Any] = {"connection-pool": {"max-connections": 1}}
        self.gateway = Gateway(configuration(self.backend.url, webclient=pool))

    def stop(self) -> None:
        """End both."""
        self.gateway.stop()
        self.backend.close()


ONE: Shared[OneConnection] = Shared(OneConnection, OneConnection.stop)


class QueuedUploadTests(SynchronousTestCase):
    """The only connection is busy."""

    def setUp(self) -> None:
        self.backend, self.gateway = ONE.get().backend, ONE.get().gateway
        self.addCleanup(self.gateway.wait_at_rest)
        self.addCleanup(self.backend.close_connections)
        self.busy = self.client(post({"model": "org/chat", "messages": []}))
        self.peer = self.backend.accept()
        self.peer.message()

    def client(self, request: bytes) -> Peer:
        client = Peer.to(self.gateway.port)
        self.addCleanup(client.close)
        client.say(request)
        return client

    def upload(self, size: int, announced: int | None = None) -> Peer:
        """Send a form, or its beginning."""
        body = FIELD + FILE + bytes(size) + END
        head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % (
            announced or len(body)
        )
        head += b"Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
        return self.client(head + (body[: -len(END)] if announced else body))

    def open(self) -> float:
        """How many requests are under way."""
        return self.gateway.outstanding()["request"]

    def test_client_leaves_in_good_order(self) -> None:
        """Noticed at once, though its last word comes behind megabytes that nobody wants yet."""
        for announced in (None, 20 * MB):
            self.upload(10 * MB, announced).close()
            wait_until(lambda: self.open() == 1, "its leaving is noticed", 5)

    def test_sent_when_its_turn_comes(self) -> None:
        """Every byte, from the disk."""
        upload = self.upload(10 * MB)
        wait_until(lambda: self.open() == 2, "it is queued")
        self.peer.answer(b"{}", "Connection: close")
        _, body = self.backend.accept().message()
        self.assertEqual(body, FIELD + FILE + bytes(10 * MB) + END)
        self.backend.peers[-1].answer(b'{"text":"hush"}')
        self.assertEqual(upload.message()[1], b'{"text":"hush"}')

    def test_wrong_while_it_waits(self) -> None:
        """It is refused without waiting for a connection."""
        body = FIELD + FILE + b"x\r\n" + FIELD.replace(b"hear", b"else") + b"--edge--\r\n"
        head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(body)
        head += b"Content-Type: multipart/form-data; boundary=edge\r\n\r\n"
        client = self.client(head + body[:200])
        wait_until(lambda: self.open() == 2, "it is queued")
        client.say(body[200:])
        self.assertIn(b" 400 ", client.message()[0])
