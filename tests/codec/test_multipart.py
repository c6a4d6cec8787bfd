"""Tests of `jairouter.codec.multipart`."""

import tracemalloc
from collections.abc import Iterable
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.multipart import ModelFinder, MultipartError
from tests.codec.properties import PROPERTY, split_at

BOUNDARY = b"-B"  # with a dash, so that it overlaps the dashes before it


class Part(NamedTuple):
    """One part of a form."""

    name: str
    content: bytes
    filename: str | None = None
    more: bytes = b""

    def render(self) -> bytes:
        """Write it as browsers do."""
        head = f'Content-Disposition: form-data; name="{self.name}"'
        if self.filename is not None:
            head += f'; filename="{self.filename}"'
        return head.encode() + b"\r\n" + self.more + b"\r\n" + self.content


def form(*parts: Part, end: bytes = b"\r\n") -> bytes:
    """Write a form."""
    body = b"".join(b"---B\r\n" + part.render() + b"\r\n" for part in parts)
    return body + b"---B--" + end


def find(chunks: Iterable[bytes], **limits: int) -> ModelFinder:
    """Feed all chunks, and close."""
    finder = ModelFinder(BOUNDARY, **limits)
    for chunk in chunks:
        finder.feed(chunk)
    finder.close()
    return finder


MODEL = Part("model", b"whisper-1")
FILE = Part("file", b"RIFF\r\n--\r\n---A\r\n\r\n", "a.wav", b"Content-Type: audio/wav\r\n")


class ModelFinderTests(SynchronousTestCase):
    """What is found in good forms."""

    def test_model_before_and_after_a_file(self) -> None:
        """The order of the parts does not matter."""
        for parts in ((MODEL, FILE), (FILE, MODEL)):
            finder = find([form(*parts)])
            self.assertEqual((finder.model, finder.parts, finder.finished), ("whisper-1", 2, True))

    def test_model_is_known_at_once(self) -> None:
        """With its part complete, not with the body."""
        finder = ModelFinder(BOUNDARY)
        body = form(MODEL, FILE)
        known = body.index(b"---B", 4) + 4
        finder.feed(body[: known - 1])
        self.assertIsNone(finder.model)
        finder.feed(body[known - 1 : known])
        self.assertEqual(finder.model, "whisper-1")
        self.assertFalse(finder.finished)

    def test_no_model(self) -> None:
        """A form without one is a form."""
        finder = find([form(FILE, Part("prompt", b"x"))])
        self.assertIsNone(finder.model)
        self.assertEqual(finder.parts, 2)

    def test_no_parts(self) -> None:
        """So is an empty one."""
        self.assertEqual(find([form()]).parts, 0)

    def test_stream(self) -> None:
        """True in any case, or 1."""
        for value, stream in {b"true": True, b"True": True, b"1": True, b"false": False}.items():
            self.assertEqual(find([form(Part("stream", value), MODEL)]).stream, stream)

    def test_model_file_is_not_the_model(self) -> None:
        """A part with a file name is a file, whatever its field is called."""
        self.assertIsNone(find([form(MODEL._replace(filename="m.txt"))]).model)

    def test_model_in_utf8(self) -> None:
        """The name may be in any script, and hold line ends of no boundary's look."""
        self.assertEqual(find([form(Part("model", "通义".encode()))]).model, "通义")

    def test_same_model_twice(self) -> None:
        """Given twice alike, nothing is ambiguous."""
        self.assertEqual(find([form(MODEL, FILE, MODEL)]).model, "whisper-1")

    def test_preamble_and_epilogue(self) -> None:
        """Text around the parts is skipped."""
        body = b"Hello ---B\r\n\r\n" + form(MODEL, end=b"\r\n---B\r\nbye")
        self.assertEqual(find([body]).model, "whisper-1")

    def test_blanks_after_boundaries(self) -> None:
        """RFC 2046 demands that they be skipped."""
        body = form(MODEL, FILE).replace(b"---B\r\n", b"---B \t \r\n").replace(b"B--", b"B-- \t")
        self.assertEqual(find([body]).parts, 2)

    def test_no_line_end_after_the_last_boundary(self) -> None:
        """It need not be there, not even after blanks."""
        for end in (b"", b"\r", b" \t"):
            self.assertTrue(find([form(MODEL, end=end)]).finished)

    def test_harmless_transfer_encodings(self) -> None:
        """Those that change nothing."""
        for encoding in (b"binary", b"8bit", b"7BIT "):
            more = b"Content-Transfer-Encoding: " + encoding + b"\r\n"
            self.assertEqual(find([form(MODEL._replace(more=more))]).model, "whisper-1")

    def test_empty_content(self) -> None:
        """A file of no bytes is one."""
        self.assertEqual(find([form(FILE._replace(content=b""), MODEL)]).parts, 2)

    def test_files_are_not_kept(self) -> None:
        """A big file costs no memory."""
        finder = ModelFinder(BOUNDARY)
        finder.feed(b"---B\r\n" + FILE.render())
        chunk = b"\r\n---" * 20_000
        tracemalloc.start()
        try:
            for _ in range(50):
                finder.feed(chunk)
            self.assertLess(tracemalloc.get_traced_memory()[0], 10_000)
        finally:
            tracemalloc.stop()


class MultipartErrorTests(SynchronousTestCase):
    """What is said of bad forms."""

    def assert_refused(self, body: bytes, message: str, param: str | None = None, **limits: int) -> None:
        """Check the error for a body, fed whole and in single bytes."""
        for chunks in ([body], [body[at : at + 1] for at in range(len(body))]):
            with self.assertRaises(MultipartError) as caught:
                find(chunks, **limits)
            error = caught.exception
            self.assertEqual((error.message, error.param), (message, param))

    def test_last_boundary_missing(self) -> None:
        """Wherever the body breaks off."""
        body = form(MODEL, FILE, end=b"")
        for length in range(len(body)):
            self.assert_refused(body[:length], "the form body ends before its last boundary")

    def test_model_twice(self) -> None:
        """Two different values are refused."""
        self.assert_refused(
            form(MODEL, FILE, Part("model", b"b")),
            "model is given twice with different values",
            "model",
        )

    def test_stream_twice(self) -> None:
        """So are two of stream."""
        self.assert_refused(
            form(Part("stream", b"true"), Part("stream", b"false")),
            "stream is given twice with different values",
            "stream",
        )

    def test_bad_model(self) -> None:
        """Empty, not UTF-8, or with control characters."""
        for value, fault in {
            b"": "must not be empty",
            b"\xff": "is not valid UTF-8",
            b"a\r\nb": "must not contain control characters or undecodable text",
        }.items():
            self.assert_refused(form(Part("model", value)), f"model {fault}", "model")

    def test_long_model(self) -> None:
        """The limit itself is fine."""
        body = form(Part("model", b"x" * 50))
        self.assertEqual(find([body], max_value=50).model, "x" * 50)
        self.assert_refused(body, "model is longer than 49 bytes", "model", max_value=49)

    def test_long_part_header(self) -> None:
        """The limit itself is fine."""
        head = MODEL.render().index(b"\r\n\r\n")
        self.assertEqual(find([form(MODEL)], max_part_header=head).model, "whisper-1")
        message = f"the headers of a part exceed {head - 1} bytes"
        self.assert_refused(form(MODEL), message, max_part_header=head - 1)

    def test_endless_part_header(self) -> None:
        """It is not kept beyond the limit."""
        finder = ModelFinder(BOUNDARY)
        finder.feed(b"---B\r\n")
        with self.assertRaises(MultipartError):
            for _ in range(17):
                finder.feed(b"x" * 1024)

    def test_many_parts(self) -> None:
        """The limit itself is fine."""
        body = form(FILE, FILE, FILE)
        self.assertEqual(find([body], max_parts=3).parts, 3)
        self.assert_refused(body, "the form body has more than 2 parts", max_parts=2)

    def test_transfer_encoding(self) -> None:
        """A field asked for in base64 would be read differently by others."""
        for name in ("model", "stream"):
            part = Part(name, b"eA==", more=b"content-transfer-encoding: base64\r\n")
            message = f"{name} has a Content-Transfer-Encoding (RFC 7578, section 4.7)"
            self.assert_refused(form(part), message, name)

    def test_bytes_after_a_boundary(self) -> None:
        """Also a boundary that goes on, and blanks without end."""
        for after in (b"x\r\n", b"-\r\n", b"--x\r\n", b"\n", b"\rx", b" " * 1025 + b"\r\n"):
            self.assert_refused(
                b"---B" + after + MODEL.render(),
                "a boundary in the form body is followed by other bytes",
            )

    def test_boundary_not_after_crlf(self) -> None:
        """Some parsers accept a bare LF or CR, or a boundary right after the headers."""
        message = "a boundary in the form body does not follow a CRLF"
        for content in (b"x\n---B\r\n", b"x\r---B\r\n", b"\n---B", b"\r---B", b"---B\r\n"):
            self.assert_refused(form(FILE._replace(content=content), MODEL), message)
        self.assert_refused(b"x\n" + form(MODEL), message)

    def test_bad_part_headers(self) -> None:
        """Each part must say plainly what it is."""
        for head, message in {
            b"": "a part of the form body has a header that is not valid",
            b"X: y": "a part of the form body has no Content-Disposition",
            b"Content-Disposition: inline; name=a": "a part of the form body is not form-data",
            b"content-disposition: form-data": "a part of the form body has no plain field name",
        }.items():
            block = head + b"\r\n\r\n" if head else b"\r\n"
            self.assert_refused(b"---B\r\n" + block + b"x\r\n---B--", message)


_boundary_like = st.sampled_from([b"\r\n", b"--", b"-", b"\r\n--", b"---", b"B", b"\r", b"\n", b"x"])
_content = st.lists(_boundary_like, max_size=8).map(b"".join).filter(lambda got: b"---B" not in got)
_parts = st.builds(
    Part,
    st.sampled_from(["file", "prompt", "models"]),
    _content,
    st.sampled_from([None, "a.wav", ""]),
    st.sampled_from([b"", b"Content-Type: text/plain\r\n"]),
)
_models = st.text("ab-/:é", min_size=1).map(lambda name: Part("model", name.encode()))
_places = st.lists(st.integers(0, 2000), max_size=8)


class ModelFinderPropertyTests(SynchronousTestCase):
    """What holds for all bodies."""

    @PROPERTY
    @given(st.lists(_parts, max_size=4), _models, st.integers(0, 4), _places)
    def test_any_form_and_split(self, parts: list[Part], model: Part, place: int, places: list[int]) -> None:
        """The model is found in any form however its bytes come."""
        parts.insert(place, model)
        finder = find(split_at(form(*parts), places))
        self.assertEqual(finder.model, model.content.decode())
        self.assertEqual(finder.parts, len(parts))

    def test_every_split_in_three(self) -> None:
        """Each place to cut one form, twice."""
        body = form(Part("file", b"\r\n---\r\n--", "a"), Part("model", b"m"))
        for first in range(len(body) + 1):
            for second in range(first, len(body) + 1):
                finder = find([body[:first], body[first:second], body[second:]])
                self.assertEqual((finder.model, finder.parts), ("m", 2))

    @PROPERTY
    @given(
        st.lists(
            st.one_of(
                _boundary_like,
                st.sampled_from([b"\r\n---B\r\n", b"---B", b"\r\n---B--", b"\r\n\r\n", b" "]),
                st.sampled_from([MODEL.render(), FILE.render(), Part("model", b"").render()]),
                st.binary(max_size=3),
            )
        ),
        _places,
    )
    def test_any_bytes(self, pieces: list[bytes], places: list[int]) -> None:
        """Nothing but MultipartError, and the same result for every split."""
        body = b"".join(pieces)
        self.assertEqual(self.outcome([body]), self.outcome(split_at(body, places)))

    def outcome(self, chunks: list[bytes]) -> object:
        """Say what comes of a body; all errors are alike."""
        try:
            finder = find(chunks, max_value=12, max_parts=3, max_part_header=100)
        except MultipartError:
            return "refused"
        return finder.model, finder.stream, finder.parts
