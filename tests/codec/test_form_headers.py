"""Tests of `jairouter.codec.form_headers`."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.form_headers import (
    MultipartError,
    boundary_of,
    field_name,
    part_headers,
)
from tests.codec.properties import PROPERTY


class BoundaryOfTests(SynchronousTestCase):
    """How the boundary is read from a Content-Type."""

    def test_good_values(self) -> None:
        """Plain and quoted, in any case and place, with blanks around."""
        cases = {
            b"multipart/form-data; boundary=x": b"x",
            b"Multipart/Form-Data;BOUNDARY=----WebKitFormBoundaryAbC": b"----WebKitFormBoundaryAbC",
            b'multipart/form-data ; charset=utf-8; boundary = "a b:c" ;': b"a b:c",
            b"multipart/form-data; boundary=" + b"x" * 70: b"x" * 70,
            b"multipart/form-data; boundary=a'()+_,-./:=?z": b"a'()+_,-./:=?z",
        }
        for value, boundary in cases.items():
            self.assertEqual(boundary_of(value), boundary)

    def test_bad_values(self) -> None:
        """Missing, too long, twice, of other bytes, or of another type."""
        for value, message in {
            b"": "must be multipart/form-data",
            b"multipart/mixed; boundary=x": "must be multipart/form-data",
            b"multipart/form-data": "names no boundary",
            b"multipart/form-data; charset=x": "names no boundary",
            b"multipart/form-data; boundary=": "is not valid",
            b'multipart/form-data; boundary=""': "is not valid",
            b"multipart/form-data; boundary=" + b"x" * 71: "is not valid",
            b'multipart/form-data; boundary="x "': "is not valid",
            b"multipart/form-data; boundary=a\\b": "is not valid",
            b"multipart/form-data; boundary=a\xff": "is not valid",
            b'multipart/form-data; boundary="a\r\nb"': "is not valid",
            b"multipart/form-data; boundary=a b": "is not valid",
            b'multipart/form-data; boundary="a': "is not valid",
            b"multipart/form-data; boundary=a; boundary=a": "twice",
        }.items():
            with self.assertRaises(MultipartError) as caught:
                boundary_of(value)
            self.assertIn(message, caught.exception.message, value)
            self.assertIsNone(caught.exception.param)

    @PROPERTY
    @given(st.one_of(st.binary(), st.text(alphabet='ab;="\\ \t\r\n').map(str.encode)))
    def test_any_bytes(self, value: bytes) -> None:
        """Nothing but MultipartError is raised."""
        for whole in (value, b"multipart/form-data" + value):
            try:
                self.assertTrue(boundary_of(whole))
            except MultipartError as error:
                self.assertEqual(str(error), error.message)


class PartHeadersTests(SynchronousTestCase):
    """How the headers of a part are read."""

    def test_names_in_lower_case(self) -> None:
        """Values stay as they are."""
        block = b"Content-Disposition: form-data; name=a\r\nX-y:Z\r\nempty: "
        expected = {
            b"content-disposition": b"form-data; name=a",
            b"x-y": b"Z",
            b"empty": b"",
        }
        self.assertEqual(part_headers(block), expected)

    def test_bad_headers(self) -> None:
        """Also those that another parser might mend."""
        for block in (
            b"",
            b"no colon",
            b": no name",
            b"a b: c",
            b"a : b",
            b"a: b\r\n folded",
            b"a: b\nc: d",
            b"a: b\rc",
            b"a: \0",
            b"a: b\r\n",
        ):
            with self.assertRaises(MultipartError, msg=block):
                part_headers(block)

    def test_header_twice(self) -> None:
        """Which one counts is not guessed, not even for empty ones."""
        for block in (b"a: b\r\nA: b", b"a:\r\na:"):
            with self.assertRaises(MultipartError, msg=block):
                part_headers(block)


class FieldNameTests(SynchronousTestCase):
    """How the name of a field is read."""

    def test_names(self) -> None:
        """Quoted or not; escapes stay as they are."""
        for disposition, name in {
            b'form-data; name="model"': b"model",
            b"FORM-DATA ;NAME = model": b"model",
            b'form-data; name="model";': b"model",
            b'form-data; name=""': b"",
            rb'form-data; name="a\"b\\c"': rb"a\"b\\c",
            b'form-data; name="a%22b"': b"a%22b",
            'form-data; name="módel"'.encode(): "módel".encode(),
        }.items():
            self.assertEqual(field_name(disposition), name)

    def test_files(self) -> None:
        """A file name, even an empty one, makes a file."""
        for disposition in (
            b'form-data; name="model"; filename="a.wav"',
            b'form-data; filename=""; name="model"',
            b"form-data; name=model; filename*=utf-8''a",
            rb'form-data; name="file"; filename="C:\dir\a.wav"',
        ):
            self.assertIsNone(field_name(disposition))

    def test_bad_dispositions(self) -> None:
        """Whatever could be read in two ways."""
        for disposition in (
            None,
            b"",
            b'attachment; name="model"',
            b"form-data",
            b"form-data; filename=x",
            b"form-data; name*=utf-8''model",
            b"form-data; name=a; name*=utf-8''model",
            b'form-data; name="a"; name="model"',
            b'form-data; name=""; name=""',
            b'form-data; name="a" name="model"',
            b'form-data; name="model',
            b"form-data; name=",
            b"form-data; model",
            b'form-data; name="a", b',
            rb'form-data; name="mo\del"',
            rb"form-data; name=mod\el",
            b"form-data; name=a\\",
            rb'form-data; name="a\"; name="model"',
        ):
            with self.assertRaises(MultipartError, msg=disposition):
                field_name(disposition)
