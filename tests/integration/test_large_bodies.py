"""Bodies that are much larger than the process may grow."""

from __future__ import annotations

import hashlib
import http.client
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator

from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.text import payload, payload_sha256
from tests.integration.test_load import PAIR

MB = 1024 * 1024


class LargeBodyTests(SynchronousTestCase):
    """Bodies that must not be held in memory."""

    limit = 20 * MB

    def setUp(self) -> None:
        self.gateway = PAIR.get().gateway
        self.gateway.forget_peak()
        self.before = self.gateway.memory()

    def assert_grown_little(self, what: str) -> None:
        """The most that the process ever held, not only what it holds at the end."""
        grown = self.gateway.memory("VmHWM") - self.before
        self.assertLess(grown, self.limit, what)
        self.gateway.wait_at_rest()

    def test_response_of_100_mb(self) -> None:
        """With its length, and in chunks."""
        size = 100 * MB
        expected = payload_sha256(size)
        for headers in ({}, {"X-Simulate-Chunked": "1"}):
            client = self.gateway.connect()
            self.addCleanup(client.close)
            given = {"Content-Type": "application/json", "X-Simulate-Size": str(size), **headers}
            client.request("POST", "/v1/audio/speech", '{"model":"speak","input":"x"}', given)
            response = client.getresponse()
            self.assertEqual(read_digest(response), (size, expected))
        self.assert_grown_little("100 MB down")

    def test_response_to_a_slow_client(self) -> None:
        """The client pauses again and again: the backend waits."""
        size = 30 * MB
        client = self.gateway.connect()
        self.addCleanup(client.close)
        headers = {"Content-Type": "application/json", "X-Simulate-Size": str(size)}
        client.request("POST", "/v1/audio/speech", '{"model":"speak","input":"x"}', headers)
        response = client.getresponse()
        self.assertEqual(read_digest(response, pause=0.01), (size, payload_sha256(size)))
        self.assert_grown_little("30 MB down to a slow client")

    def upload(
        self, *, model_first: bool, chunked: bool = False, headers: dict[str, str] | None = None
    ) -> None:
        """Send a form of 50 MB, and see that each of its bytes has arrived."""
        size = 50 * MB
        field = b'--edge\r\nContent-Disposition: form-data; name="model"\r\n\r\nhear\r\n'
        file = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        before, after = (field + file, b"\r\n") if model_first else (file, b"\r\n" + field)
        after += b"--edge--\r\n"

        def body() -> Iterator[bytes]:
            yield before
            yield from payload(size)
            yield after

        digest = hashlib.sha256()
        for piece in body():
            digest.update(piece)
        length = len(before) + size + len(after)
        client = self.gateway.connect()
        self.addCleanup(client.close)
        given = {"Content-Type": "multipart/form-data; boundary=edge", **(headers or {})}
        if not chunked:
            given["Content-Length"] = str(length)
        client.request("POST", "/v1/audio/transcriptions", body(), given, encode_chunked=chunked)
        response = client.getresponse()
        answer = json.loads(response.read())
        self.assertEqual(response.status, 200, answer)
        self.assertEqual(response.headers["X-Simulator-Received"], f"{length} {digest.hexdigest()}")
        self.assertIn(payload_sha256(size), answer["text"])

    def test_upload_with_the_model_first(self) -> None:
        """It flows through."""
        self.upload(model_first=True)
        self.assert_grown_little("50 MB up, model first")

    def test_upload_with_the_model_last(self) -> None:
        """As `curl -F file -F model` sends it: put aside on disk until the model is known."""
        self.upload(model_first=False)
        self.assert_grown_little("50 MB up, model last")

    def test_upload_by_curl(self) -> None:
        """The real curl, which asks with `Expect: 100-continue` before it sends so much."""
        size = 50 * MB
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            for piece in payload(size):
                file.write(piece)
            file.flush()
            url = f"{self.gateway.url}/v1/audio/transcriptions"
            command = ["curl", "-sS", "-v", url, "-F", f"file=@{file.name}", "-F", "model=hear"]
            ran = subprocess.run(command, capture_output=True, timeout=60, check=False)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertIn(payload_sha256(size), json.loads(ran.stdout)["text"])
        self.assertIn(b"< HTTP/1.1 100 Continue", ran.stderr)
        self.assert_grown_little("50 MB up by curl, model last")

    def test_too_large_json(self) -> None:
        """A body that would have to be held is refused, and the client can read why while it still sends."""
        for length in ({"Content-Length": str(60 * MB)}, {}):
            client = self.gateway.connect()
            self.addCleanup(client.close)
            headers = {"Content-Type": "application/json", **length}
            blocks = iter([bytes(MB)] * 60)
            client.request("POST", "/v1/chat/completions", blocks, headers, encode_chunked=not length)
            response = client.getresponse()
            self.assertEqual(response.status, 413)
            self.assertEqual(json.loads(response.read())["error"]["type"], "request_too_large")
        self.assert_grown_little("60 MB refused, twice")

    def test_chunked_uploads(self) -> None:
        """Both without a length."""
        self.upload(model_first=True, chunked=True)
        self.upload(model_first=False, chunked=True)
        self.assert_grown_little("50 MB up in chunks, twice")

    def test_upload_to_a_slow_backend(self) -> None:
        """The backend reads 4 MB every 50 ms: the client waits."""
        slow = {"X-Simulate": "slow-reading;bytes=4000000;every=0.05"}
        self.upload(model_first=True, headers=slow)
        self.assert_grown_little("50 MB up to a slow backend, model first")
        self.upload(model_first=False, headers=slow)
        self.assert_grown_little("50 MB up to a slow backend, model last")


def read_digest(response: http.client.HTTPResponse, pause: float = 0.0) -> tuple[int, str]:
    """Read an answer without keeping it. Returns its length and digest."""
    digest, size = hashlib.sha256(), 0
    while piece := response.read(256 * 1024):
        digest.update(piece)
        size += len(piece)
        if pause:
            time.sleep(pause)
    return size, digest.hexdigest()
