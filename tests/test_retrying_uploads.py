"""Retries of forms, through a whole gateway: what was sent on as it came is not there any more."""

from __future__ import annotations

from tests.fakes import Client
from tests.request_body.rig import LAST, MODEL, part
from tests.test_retrying import Case

AUDIO = part("file", b"la" * 50_000, "song.wav")
LARGE = part("file", b"la" * 500_000, "song.wav")
HEAD = (
    b"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
    b"Content-Type: multipart/form-data; boundary=frontier\r\n\r\n"
)
FORM = MODEL.replace(b"whisper-1", b"w") + AUDIO + LAST
MODEL_LAST = LARGE + MODEL.replace(b"whisper-1", b"w") + LAST


class UploadTests(Case):
    """One form, two backends."""

    def send(self, form: bytes, part: int | None = None) -> Client:
        """Send it, or so many bytes of it."""
        client = self.world.client()
        client.send(HEAD % len(form) + form[:part])
        self.world.run()
        return client

    def assert_second_gets(self, form: bytes, client: Client) -> None:
        second = self.world.backends[1].last
        self.assertEqual(bytes(second.received).partition(b"\r\n\r\n")[2], form)
        second.answer(b"{}")
        self.world.run()
        self.assert_answered(client, 200, b"{}")

    def warm(self) -> None:
        """Have a kept-alive connection to the first backend: the next form goes out without any wait."""
        client = self.send(FORM)
        self.world.backends[0].last.answer(b"{}")
        self.world.run()
        self.assert_answered(client, 200)
        client.leave()
        self.world.backends[0].last.received.clear()

    def test_refused(self) -> None:
        """Before anything was sent: the second one gets all of it."""
        self.cluster().refuse(0)
        self.assert_second_gets(FORM, self.send(FORM))

    def test_refused_while_it_still_comes(self) -> None:
        self.cluster().refuse(0)
        client = self.send(FORM, 30_000)
        client.send(FORM[30_000:])
        self.world.run()
        self.assert_second_gets(FORM, client)

    def test_refused_and_put_aside(self) -> None:
        """More than is kept in memory, with the model at its end."""
        self.cluster().refuse(0)
        self.assert_second_gets(MODEL_LAST, self.send(MODEL_LAST))

    def test_failed_after_all_of_it(self) -> None:
        """What was put aside as a whole can be sent again."""
        self.cluster()
        client = self.send(MODEL_LAST)
        first = self.world.backends[0].last
        self.assertTrue(first.received.endswith(LAST))
        first.answer(b"{}", status="503 No")
        self.world.run()
        self.assert_second_gets(MODEL_LAST, client)

    def test_failed_in_the_middle(self) -> None:
        """Some of it has gone past and is not there any more: the client hears of the failure."""
        self.cluster()
        self.warm()
        client = self.send(FORM, 60_000)
        self.assertGreater(len(self.world.backends[0].last.received), 50_000)
        self.world.backends[0].last.wire.abortConnection()
        self.world.run(3)
        self.assert_answered(client, 502)
        self.assertEqual(self.world.backends[1].connections, [])

    def test_refused_in_the_middle(self) -> None:
        """An answer of 503 before the backend had all of it is passed on."""
        self.cluster()
        self.warm()
        client = self.send(FORM, 60_000)
        self.world.backends[0].last.answer(b'{"error": 1}', status="503 No")
        self.world.run(3)
        self.assert_answered(client, 503, b'{"error": 1}')
        self.assertEqual(self.world.backends[1].connections, [])

    def test_client_leaves(self) -> None:
        """While the second backend is sent to."""
        self.cluster().refuse(0)
        client = self.send(FORM, 30_000)
        client.leave()
        self.world.run()
        self.assertIsNotNone(self.world.backends[1].last.closed)
        self.assertTrue(self.world.at_rest)

    def test_clients_fault(self) -> None:
        """A second model in the form, found while the second backend is sent to: that is not retried."""
        self.cluster(3).refuse(0)
        form = MODEL.replace(b"whisper-1", b"w") + AUDIO + MODEL + LAST
        client = self.send(form, 60_000)
        client.send(form[60_000:])
        self.world.run(3)
        self.assert_answered(client, 400)
        self.assertEqual(self.world.backends[2].connections, [])
