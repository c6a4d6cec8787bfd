"""Tests of the form reader."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.multipart import FormReader, boundary_of
from tests.simulator.support import form

# Bytes that look like the beginning of a boundary, among others.
_TRICKY = st.lists(st.sampled_from([b"\r\n--b0undar", b"\r", b"\n--", b"a", b"\r\n\r\n"])).map(b"".join)


class FormReaderTests(SynchronousTestCase):
    """Forms are read whatever portions they come in."""

    @given(st.lists(_TRICKY, min_size=1, max_size=4), st.integers(1, 50))
    def test_any_portions_give_the_same_parts(self, bodies: list[bytes], portion: int) -> None:
        data = form(*(("file", f"{index}.bin", body) for index, body in enumerate(bodies)))
        reader = FormReader(b"b0undary")
        for at in range(0, len(data), portion):
            reader.feed(data[at : at + portion])
        self.assertTrue(reader.complete)
        self.assertEqual(
            [(part.size, part.sha256) for part in reader.parts],
            [(len(body), hashlib.sha256(body).hexdigest()) for body in bodies],
        )

    def test_names_types_and_texts(self) -> None:
        reader = FormReader(b"b0undary")
        reader.feed(form(("model", None, "é".encode()), ("file", "a b.png", b"123")))
        model, file = reader.parts
        self.assertEqual((model.name, model.filename, model.text), ("model", None, "é"))
        self.assertEqual((file.name, file.filename, file.text), ("file", "a b.png", ""))
        self.assertEqual(file.content_type, "application/octet-stream")

    def test_a_form_without_its_end_is_not_complete(self) -> None:
        reader = FormReader(b"b0undary")
        reader.feed(form(("a", None, b"1"))[:-4])
        self.assertFalse(reader.complete)

    def test_a_large_part_is_not_kept(self) -> None:
        reader = FormReader(b"b0undary")
        reader.feed(form(("file", "a", bytes(3_000_000))))
        self.assertEqual((reader.parts[0].size, reader.parts[0].text), (3_000_000, ""))

    def test_the_boundary_is_found_with_and_without_quotes(self) -> None:
        for written in ("multipart/form-data; boundary=x1", 'Multipart/form-data; Boundary="x1"'):
            self.assertEqual(boundary_of(written), b"x1")
        self.assertIsNone(boundary_of("application/json"))
        self.assertIsNone(boundary_of("multipart/form-data"))
