"""Tests of `jairouter.codec.json_peek`."""

import json

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.json_peek import Peek, PeekError, peek
from jairouter.codec.model_name import fault_in
from tests.codec.properties import PROPERTY


class PeekTests(SynchronousTestCase):
    """What is read from good bodies."""

    def test_reads_what_routing_needs(self) -> None:
        """Model, stream and include_usage are read, wherever they stand."""
        body = b'{"stream_options": {"include_usage": true}, "x": [1], "stream":true, "model":"a"}'
        self.assertEqual(peek(body), Peek("a", True, True))

    def test_only_model_is_needed(self) -> None:
        """The rest is off when it is not given."""
        self.assertEqual(peek(b'{"model":"a"}'), Peek("a", False, False))

    def test_null_stream_is_off(self) -> None:
        """OpenAI's specification allows null for stream and stream_options."""
        body = b'{"model":"a","stream":null,"stream_options":null}'
        self.assertEqual(peek(body), Peek("a", False, False))

    def test_odd_stream_options_are_left_to_the_backend(self) -> None:
        """What is not true does not ask for usage."""
        for options in (b"7", b"[]", b"{}", b'{"include_usage":1}', b'{"include_usage":null}'):
            body = b'{"model":"a","stream_options":' + options + b"}"
            self.assertFalse(peek(body).include_usage, options)

    def test_model_elsewhere_is_ignored(self) -> None:
        """Only the top level counts."""
        body = b'{"metadata":{"model":"b","stream":true},"model":"a","tools":[{"model":3}]}'
        self.assertEqual(peek(body), Peek("a", False, False))

    def test_escaped_spelling(self) -> None:
        """Names and values may be written with escapes."""
        self.assertEqual(peek(rb'{"mod\u0065l":"\u0061\/b"}').model, "a/b")

    def test_same_value_twice(self) -> None:
        """Given twice alike, nothing is ambiguous."""
        body = b'{"model":"a","model":"\\u0061","stream":false,"stream":null}'
        self.assertEqual(peek(body), Peek("a", False, False))

    def test_lone_surrogates_elsewhere(self) -> None:
        """Half an emoji in a message is valid JSON, and the backend's business."""
        for text in (
            rb"\ud83d",
            rb"\ude00x",
            rb"\uD83d\ud83D",
            rb"\udE00\ud83d",
            rb"\ud83d\u0041",
            rb"\\\ud83d",
        ):
            body = b'{"x":"' + text + b'","model":"\\ud83d\\ude00"}'
            self.assertEqual(peek(body).model, "\U0001f600", text)

    def test_big_numbers(self) -> None:
        """Numbers beyond any range do not matter in members that are skipped."""
        body = b'{"seed":' + b"9" * 5000 + b',"x":1e999999,"model":"a"}'
        self.assertEqual(peek(body).model, "a")

    def test_huge_body(self) -> None:
        """A body of megabytes, with characters cut at every slice, is read."""
        for shift in range(4):
            text = "x" * shift + "\U0001f600" * 50_000
            body = json.dumps({"x": text, "model": "a"}, ensure_ascii=False).encode()
            self.assertEqual(peek(body).model, "a")

    def test_peek_cannot_be_changed(self) -> None:
        """A Peek is a value."""
        with self.assertRaises(AttributeError):
            peek(b'{"model":"a"}').model = "b"  # type: ignore[misc]


class PeekErrorTests(SynchronousTestCase):
    """What is said of bad bodies."""

    def assert_refused(self, body: bytes, message: str, param: str | None = None) -> None:
        """Check the error for a body."""
        with self.assertRaises(PeekError) as caught:
            peek(body)
        error = caught.exception
        self.assertEqual((error.message, error.param), (message, param))
        self.assertEqual(str(error), message)

    def test_empty(self) -> None:
        """Nothing, and nothing but blanks."""
        for body in (b"", b" \r\n\t"):
            self.assert_refused(body, "the request body is empty")

    def test_not_json_names_line_and_column(self) -> None:
        """The place is given as an editor shows it, and as a byte offset."""
        self.assert_refused(
            b'{"model":"a",\n "x":NaN}',
            "the request body is not valid JSON: invalid character at line 2, column 6 (byte 19)",
        )

    def test_truncated(self) -> None:
        """A body that breaks off says so."""
        self.assert_refused(
            b'{"model":"a"',
            "the request body is not valid JSON: it ends early at line 1, column 13 (byte 12)",
        )

    def test_trailing_characters(self) -> None:
        """Two documents are none."""
        self.assert_refused(
            b'{"model":"a"}{}',
            "the request body is not valid JSON: trailing characters at line 1, column 14 (byte 13)",
        )

    def test_nul_byte(self) -> None:
        """A NUL is no white space."""
        with self.assertRaises(PeekError) as caught:
            peek(b'{"model":"a"}\0')
        self.assertIn("(byte 13)", caught.exception.message)

    def test_byte_order_mark(self) -> None:
        """The body is forwarded as it is, and backends differ in this."""
        self.assert_refused(
            b'\xef\xbb\xbf{"model":"a"}',
            "the request body starts with a byte order mark, which JSON does not allow",
        )

    def test_invalid_utf8(self) -> None:
        """Also in members that are skipped; overlong forms and surrogates are invalid too."""
        for bad in (b"\xff", b"\xc1\xad", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            self.assert_refused(
                b'{"model":"a",\n"x":"' + bad + b'"}',
                "the request body is not valid UTF-8 at line 2, column 6 (byte 19)",
            )

    def test_invalid_utf8_far_into_the_body(self) -> None:
        """The place is right beyond the first slice, and for a character cut at the end."""
        body = b'{"x":"' + "é".encode() * 100_000
        self.assert_refused(
            body + b"\xff",
            "the request body is not valid UTF-8 at line 1, column 200007 (byte 200006)",
        )
        self.assert_refused(
            body + b"\xc3",
            "the request body is not valid UTF-8 at line 1, column 200007 (byte 200006)",
        )

    def test_other_encodings(self) -> None:
        """UTF-16 and UTF-32 are refused with or without a mark."""
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"):
            with self.assertRaises(PeekError):
                peek('{"model":"a"}'.encode(encoding))

    def test_not_an_object(self) -> None:
        """Whatever else JSON has."""
        for body in (b"[]", b'"model"', b"1", b"null", b"true", b'[{"model":"a"}]'):
            self.assert_refused(body, "the request body must be a JSON object")

    def test_depth_bomb(self) -> None:
        """Deep nesting is refused, wherever it is, and does not crash."""
        deep = b"[" * 100_000 + b"]" * 100_000
        for body in (deep, b'{"model":"a","x":' + deep + b"}", b'{"model":' + deep + b"}"):
            with self.assertRaises(PeekError):
                peek(body)
        self.assert_refused(b'{"x":' + deep + b"}", "the request body is nested too deeply")

    def test_model_missing(self) -> None:
        """No model, no route."""
        self.assert_refused(b"{}", "model is missing", "model")
        self.assert_refused(b'{"Model":"a"}', "model is missing", "model")

    def test_model_not_a_string(self) -> None:
        """The kind is named in JSON's words."""
        kinds = {b"1": "a number", b"1.5": "a number", b"null": "null", b"true": "a boolean"}
        for value, kind in {**kinds, b"[]": "an array", b"{}": "an object"}.items():
            body = b'{"model":' + value + b"}"
            self.assert_refused(body, f"model must be a string, not {kind}", "model")

    def test_model_number_out_of_range(self) -> None:
        """A number that cannot be represented is no string either."""
        for value in (b"1e999", b"9" * 5000):
            body = b'{"model":' + value + b"}"
            self.assert_refused(body, "model holds a number out of range", "model")

    def test_model_empty(self) -> None:
        """An empty name is no name."""
        self.assert_refused(b'{"model":""}', "model must not be empty", "model")

    def test_model_with_control_characters(self) -> None:
        """Also half a surrogate pair."""
        for name in (rb"a\u0000", rb"a\nb", rb"\ud800"):
            self.assert_refused(
                b'{"model":"' + name + b'"}',
                "model must not contain control characters or undecodable text",
                "model",
            )

    def test_model_twice(self) -> None:
        """Also in an escaped spelling, and with anything between."""
        for second in (rb'"model"', rb'"mod\u0065l"', rb'"\u006Dodel"'):
            self.assert_refused(
                b'{"model":"a","x":{"model":"c"},' + second + b':"b"}',
                "model is given twice with different values",
                "model",
            )

    def test_model_twice_one_null(self) -> None:
        """Which one counts is not guessed."""
        for body in (b'{"model":null,"model":"a"}', b'{"model":"a","model":null}'):
            self.assert_refused(body, "model must be a string, not null", "model")

    def test_stream_not_a_boolean(self) -> None:
        """Numbers and strings are no booleans."""
        for value, kind in {b"1": "a number", b'"true"': "a string", b"{}": "an object"}.items():
            self.assert_refused(
                b'{"model":"a","stream":' + value + b"}",
                f"stream must be true, false or null, not {kind}",
                "stream",
            )

    def test_stream_twice(self) -> None:
        """Null counts as false."""
        for pair in ((b"true", b"false"), (b"null", b"true")):
            self.assert_refused(
                b'{"model":"a","stream":%b,"stream":%b}' % pair,
                "stream is given twice with different values",
                "stream",
            )

    def test_model_a_million_times(self) -> None:
        """Even with one value: it would cost a call for each."""
        self.assert_refused(
            b"{" + b'"model":"a",' * 1_000_000 + b'"x":0}',
            "model, stream or stream_options is given too often",
        )

    def test_too_many_lone_surrogates(self) -> None:
        """Mending has a limit; then it is not valid JSON."""
        with self.assertRaises(PeekError) as caught:
            peek(b'{"model":"a","x":"' + rb"\ud800" * 1001 + b'"}')
        self.assertIn("not valid JSON", caught.exception.message)


# JSON text, written out piece by piece so that every way to spell it comes up.
_blank = st.text(" \t\r\n", max_size=2)
_piece = st.one_of(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'),
    st.integers(0, 0xFFFF).map(lambda code: f"\\u{code:04x}"),
    st.integers(0xD700, 0xE100).map(lambda code: f"\\u{code:04X}"),
    st.sampled_from(["\\n", '\\"', "\\\\", "\\/", "\\ud83d\\ude00", "model", "stream", "\x7f"]),
)
_string = st.lists(_piece, max_size=6).map(lambda pieces: '"' + "".join(pieces) + '"')
_number = st.one_of(
    st.integers().map(str),
    st.integers(10**30, 10**40).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["-0", "1E400", "0.0e-999"]),
)
_key = st.one_of(_string, st.sampled_from(['"model"', '"stream"', '"mod\\u0065l"']))


def _array(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda items: "[" + ",".join(items) + "]")


def _members(keys: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = st.tuples(_blank, keys, _blank, _blank, values, _blank)
    return parts.map(lambda part: "{}{}{}:{}{}{}".format(*part))


def _object(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(_members(_key, values), max_size=3)
    return members.map(lambda items: "{" + ",".join(items) + "}")


_value = st.recursive(
    st.one_of(_string, _number, st.sampled_from(["true", "false", "null"])),
    lambda values: st.one_of(_array(values), _object(values)),
    max_leaves=6,
)
_spelling = st.sampled_from(['"model"', '"mod\\u0065l"', '"\\u006dodel"', '"\\u006D\\u006Fdel"'])
_model = _members(_spelling, _string)
_other_key = _string.filter(lambda key: json.loads(key) not in ("model", "stream"))
_other = _members(_other_key, _value)


@st.composite
def _bodies(draw: st.DrawFn) -> str:
    members = draw(st.lists(_other, max_size=4))
    members.insert(draw(st.integers(0, len(members))), draw(_model))
    return "{" + ",".join(members) + "}" + draw(_blank)


class PeekPropertyTests(SynchronousTestCase):
    """What holds for all bodies."""

    @PROPERTY
    @given(_bodies())
    def test_reads_the_model_that_other_parsers_read(self, body: str) -> None:
        """The standard library's parser finds the same model in any object."""
        model = json.loads(body)["model"]
        unfit = fault_in(model) or any("\ud800" <= char <= "\udfff" for char in model)
        if unfit:
            with self.assertRaises(PeekError):
                peek(body.encode())
        else:
            self.assertEqual(peek(body.encode()).model, model)

    @PROPERTY
    @given(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5), _spelling, st.booleans())
    def test_two_models_are_refused(self, one: str, two: str, key: str, escape: bool) -> None:
        """A body with two models passes only if both are the same."""
        pair = [json.dumps(name, ensure_ascii=escape) for name in (one, two)]
        body = f'{{"model":{pair[0]},"x":0,{key}:{pair[1]}}}'.encode("utf-8", "replace")
        if one == two and not fault_in(one):
            self.assertEqual(peek(body).model, one)
        else:
            with self.assertRaises(PeekError):
                peek(body)

    @PROPERTY
    @given(st.one_of(st.binary(), _bodies().map(str.encode)), st.integers(0), st.binary(max_size=2))
    @example(b'{"model":"a"}', 10, b"\\")
    def test_any_bytes(self, body: bytes, place: int, damage: bytes) -> None:
        """Nothing but PeekError comes of damaged bodies and of plain noise."""
        place %= len(body) + 1
        try:
            found = peek(body[:place] + damage + body[place + 1 :])
        except PeekError as error:
            self.assertTrue(error.message)
        else:
            self.assertIsNone(fault_in(found.model))
