"""Forms that wait for a connection, in a whole gateway."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.fakes import Client
from tests.request_body.rig import LAST, part
from tests.web.serving import Received, answers
from tests.world import CONFIGURATION, World

MODEL = part("model", b"w")
FILE = part("file", b"x" * 1000, "talk.wav")
KIND = b"Content-Type: multipart/form-data; boundary=frontier\r\n"


class WaitingUploadTests(SynchronousTestCase):
    """All four connections to the backend are busy."""

    def setUp(self) -> None:
        self.world = World(CONFIGURATION.replace("server: {", "server: {body-timeout: 3s, "))
        self.busy = [self.world.ask({"model": "m"}) for _ in range(4)]
        self.addCleanup(self.close)

    def close(self) -> None:
        """Let all of them leave: nothing may be left."""
        for client in self.busy:
            client.leave()
        self.world.run()
        self.assertTrue(self.world.at_rest, self.world.gateway.ledger)
        self.assertEqual(self.world.close(), [])

    def upload(self, body: bytes, length: int) -> Client:
        """Send a form, or its beginning; it is queued."""
        client = self.world.client()
        head = b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % length
        client.send(head + KIND + b"\r\n" + body)
        self.world.run()
        self.assertEqual(self.world.gateway.ledger.outstanding()["attempt"], 5)
        return client

    def answer_to(self, client: Client) -> Received:
        self.world.run()
        [answer] = answers(client.received)
        return answer

    def test_client_stops_in_the_middle(self) -> None:
        """It is told when its time is up, and not only when its turn has come."""
        client = self.upload(MODEL + FILE, 5000)
        self.world.run(2.5)
        self.assertEqual(client.received, b"")
        self.world.run(1)
        self.assertEqual(self.answer_to(client).status, 408)
        self.assertEqual(self.world.gateway.ledger.outstanding()["attempt"], 4)

    def test_queued_for_too_long(self) -> None:
        """It is told that, though it is in the middle of sending."""
        client = self.upload(MODEL + FILE, 5000)
        for _ in range(4):
            self.world.run(2.1)
            client.send(b"x")
        answer = self.answer_to(client)
        self.assertEqual((answer.status, json.loads(answer.body)["error"]["code"]), (503, "upstream_busy"))

    def test_client_leaves(self) -> None:
        client = self.upload(MODEL + FILE, 5000)
        client.leave()
        self.world.run()
        self.assertEqual(self.world.gateway.ledger.outstanding()["attempt"], 4)

    def test_wrong(self) -> None:
        client = self.upload(MODEL + FILE, 5000)
        client.send(part("model", b"other") + b"--frontier")
        answer = self.answer_to(client)
        self.assertEqual((answer.status, json.loads(answer.body)["error"]["param"]), (400, "model"))

    def test_sent(self) -> None:
        """In its turn, with what came meanwhile."""
        whole = MODEL + FILE + LAST
        client = self.upload(whole[:500], len(whole))
        client.send(whole[500:])
        self.world.run()
        first = self.world.backend.connections[0]
        del first.received[:]
        first.answer(b"{}")
        self.world.run()
        self.assertTrue(first.received.endswith(whole))
        first.answer(b'{"text":""}')
        self.assertEqual(self.answer_to(client).body, b'{"text":""}')
