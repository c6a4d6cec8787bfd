"""Tests of sounds and pictures."""

from __future__ import annotations

import base64
import hashlib
import io
import wave

from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.images import png
from tests.simulator.support import FORM, Bench, Received, form


def upload(path: str, *parts: tuple[str, str | None, bytes]) -> Received:
    """Post a form and return the answer."""
    bench = Bench()
    bench.peer.request("POST", path, form(*parts), FORM)
    bench.settle()
    return bench.peer.answer()


class SpeechTests(SynchronousTestCase):
    """`POST /v1/audio/speech`."""

    def test_a_wav_can_be_played(self) -> None:
        body = {"input": "hello", "voice": "v", "response_format": "wav"}
        answer = Bench().post("/v1/audio/speech", body)
        self.assertEqual(answer.headers["Content-Type"], "audio/wav")
        with wave.open(io.BytesIO(answer.body)) as sound:
            self.assertEqual((sound.getframerate(), sound.getnframes()), (8000, 800))

    def test_each_format_has_its_content_type_and_first_bytes(self) -> None:
        for wanted, content_type, start in (
            ("mp3", "audio/mpeg", b"\xff\xfb"),
            ("opus", "audio/ogg", b"OggS"),
            ("aac", "audio/aac", b"\xff\xf1"),
            ("flac", "audio/flac", b"fLaC"),
            ("pcm", "audio/pcm", b"@\x1f"),
        ):
            body = {"input": "hi", "voice": "v", "response_format": wanted}
            answer = Bench().post("/v1/audio/speech", body)
            self.assertEqual(answer.headers["Content-Type"], content_type)
            self.assertTrue(answer.body.startswith(start), wanted)

    def test_an_unknown_format_is_refused(self) -> None:
        body = {"input": "hi", "response_format": "midi"}
        self.assertEqual(Bench().post("/v1/audio/speech", body).status, 400)

    def test_a_stream_of_events_holds_the_same_bytes(self) -> None:
        body = {"input": "hi", "response_format": "wav"}
        whole = Bench().post("/v1/audio/speech", body).body
        *deltas, done = Bench().post("/v1/audio/speech", {**body, "stream_format": "sse"}).events()
        self.assertEqual(b"".join(base64.b64decode(delta["audio"]) for delta in deltas), whole)
        self.assertEqual(done["type"], "speech.audio.done")


class TranscriptionTests(SynchronousTestCase):
    """`POST /v1/audio/transcriptions` and `/translations`."""

    file = ("file", "a.wav", b"sound\r\n--not the end")

    def heard(self) -> str:
        digest = hashlib.sha256(self.file[2]).hexdigest()
        return f"heard a.wav of 20 bytes with sha256 {digest}"

    def test_the_text_proves_that_the_file_arrived(self) -> None:
        for path in ("/v1/audio/transcriptions", "/v1/audio/translations"):
            answer = upload(path, ("model", None, b"m"), self.file).json()
            self.assertEqual(answer["text"], self.heard())
            self.assertEqual([part["name"] for part in answer["received"]], ["model", "file"])

    def test_each_format(self) -> None:
        for wanted, start in (("text", self.heard()), ("srt", "1\n00:"), ("vtt", "WEBVTT\n")):
            part = ("response_format", None, wanted.encode())
            answer = upload("/v1/audio/transcriptions", self.file, part)
            self.assertTrue(answer.body.decode().startswith(start), wanted)
            self.assertIn(self.heard(), answer.body.decode())
        part = ("response_format", None, b"verbose_json")
        verbose = upload("/v1/audio/transcriptions", self.file, part).json()
        self.assertEqual(verbose["segments"][0]["text"], self.heard())

    def test_a_stream(self) -> None:
        part = ("stream", None, b"true")
        *deltas, done = upload("/v1/audio/transcriptions", self.file, part).events()
        self.assertEqual("".join(delta["delta"] for delta in deltas), self.heard())
        self.assertEqual((done["type"], done["text"]), ("transcript.text.done", self.heard()))

    def test_a_form_without_file_or_without_end_is_refused(self) -> None:
        path = "/v1/audio/transcriptions"
        self.assertEqual(upload(path, ("model", None, b"m")).status, 400)
        bench = Bench()
        bench.peer.request("POST", path, form(self.file)[:-6], FORM)
        self.assertIn("closing boundary", bench.peer.answer().json()["error"]["message"])


class ImageTests(SynchronousTestCase):
    """`POST /v1/images/...`."""

    def test_pictures_are_made_as_asked(self) -> None:
        data = Bench().post("/v1/images/generations", {"prompt": "cat", "n": 2}).json()["data"]
        self.assertEqual(base64.b64decode(data[1]["b64_json"]), png("cat 1"))
        body = {"prompt": "cat", "response_format": "url"}
        linked = Bench().post("/v1/images/generations", body).json()["data"]
        self.assertTrue(linked[0]["url"].startswith("https://"))
        self.assertEqual(Bench().post("/v1/images/generations", {"prompt": "c", "n": 0.5}).status, 400)

    def test_an_edit_tells_every_part_it_received(self) -> None:
        mask = bytes(range(256))
        answer = upload(
            "/v1/images/edits",
            ("prompt", None, b"p"),
            ("image[]", "1.png", b"one"),
            ("image[]", "2.png", b"two"),
            ("mask", "mask.png", mask),
        ).json()
        names = [(part["name"], part["filename"]) for part in answer["received"]]
        self.assertEqual(names[1:3], [("image[]", "1.png"), ("image[]", "2.png")])
        self.assertEqual(answer["received"][3]["size"], 256)
        self.assertEqual(answer["received"][3]["sha256"], hashlib.sha256(mask).hexdigest())
        self.assertTrue(answer["data"][0]["b64_json"])

    def test_a_variation_is_an_edit_without_a_prompt(self) -> None:
        answer = upload("/v1/images/variations", ("image", "1.png", b"one")).json()
        self.assertEqual(answer["received"][0]["size"], 3)
        self.assertEqual(upload("/v1/images/variations", ("n", None, b"1")).status, 400)

    def test_a_stream_shows_partial_pictures_first(self) -> None:
        body = {"prompt": "cat", "stream": True, "partial_images": 1}
        names = Bench().post("/v1/images/generations", body).names()
        self.assertEqual(names, ["image_generation.partial_image", "image_generation.completed"])
