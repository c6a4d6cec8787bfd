"""Two ways to say how long a body is: CL.TE, TE.CL, TE.TE, CL.0 and their kin."""

from __future__ import annotations

from tests.fuzz.corpus.pieces import (
    BODY,
    CHUNKED,
    CHUNKS,
    CRLF,
    HOST,
    LENGTH,
    PATH,
    PROBE_BODY,
    SMUGGLED,
    START,
    Case,
    refused,
    request,
    valid,
    with_length,
)

TE = b"Transfer-Encoding"

# What is no "chunked": one peer takes it for chunked, the other for nothing
CODINGS = {
    "another word in front": b"xchunked",
    "another word behind": b"chunkedx",
    "shortened": b"chunk",
    "identity behind": b"chunked, identity",
    "identity in front": b"identity, chunked",
    "identity on both sides": b"identity, chunked, identity",
    "identity": b"identity",
    "nothing": b"",
    "blanks": b"  \t ",
    "comma in front": b",chunked",
    "comma behind": b"chunked,",
    "comma and blank behind": b"chunked, ",
    "twice": b"chunked, chunked",
    "parameter": b"chunked;a=b",
    "semicolon": b"chunked;",
    "quoted": b'"chunked"',
    "in apostrophes": b"'chunked'",
    "an invented coding": b"blegh",
    "gzip": b"gzip",
    "gzip first": b"gzip, chunked",
    "gzip behind": b"chunked, gzip",
    "trailers": b"trailers",
    "vertical tab in front": b"\x0bchunked",
    "vertical tab behind": b"chunked\x0b",
    "form feed in front": b"\x0cchunked",
    "form feed behind": b"chunked\x0c",
    "NUL in front": b"\0chunked",
    "NUL behind": b"chunked\0",
    "DEL behind": b"chunked\x7f",
    "escape behind": b"chunked\x1b",
    "no-break space in front": b"\xa0chunked",
    "next line behind": b"chunked\x85",
    "byte 255 in front": b"\xffchunked",
    "an accent inside": b"ch\x96nked",
    "carriage return behind": b"chunked\r",
    "carriage return in front": b"\rchunked",
    "line feed in front": b"\nchunked",
    "line feed behind": b"chunked\n",
    "folded": b"\r\n chunked",
    "folded with a tab": b"\r\n\tchunked",
    "folded with a line feed": b"\n chunked",
    "folded behind": b"chunked\r\n ",
    "vertical tab on a line": b"\n\x0bchunked",
    "blank behind": b"chunked ",
    "tab behind": b"chunked\t",
}

# The field's name in disguise; with Content-Length beside it, for the peer that is not fooled
NAMES = {
    "blank before the colon": TE + b" : chunked",
    "tab before the colon": TE + b"\t: chunked",
    "blank in front": b" " + TE + b": chunked",
    "tab in front": b"\t" + TE + b": chunked",
    "a word before the colon": TE + b" x: chunked",
    "no colon": TE + b" chunked",
    "colon in front": b":" + TE + b": chunked",
    "underscore": b"Transfer_Encoding: chunked",
    "blank for the dash": b"Transfer Encoding: chunked",
    "backslash": b"Transfer\\Encoding: chunked",
    "slash": b"Transfer/Encoding: chunked",
    "accent": b"Transf\x82r-Encoding: chunked",
    "next line before the colon": TE + b"\x85: chunked",
    "byte 255 before the colon": TE + b"\xff: chunked",
    "NUL before the colon": TE + b"\0: chunked",
    "NUL in front": b"\0" + TE + b": chunked",
    "carriage return inside": b"Tra\rnsfer-Encoding: chunked",
    "carriage return in front": b"\r" + TE + b": chunked",
    "behind a carriage return": b"X: y\r" + TE + b": chunked",
    "behind a line feed": b"X: y\n" + TE + b": chunked",
    "behind an empty line of line feeds": b"X: y\n\n" + TE + b": chunked",
    "behind a carriage return with one byte between": b"X: \rx" + TE + b": chunked",
    "folded at the colon": TE + b"\r\n : chunked",
    "folded at the colon with a line feed": TE + b"\n : chunked",
    "in two lines": b"Transfer-\r\nEncoding: chunked",
    "continued": b"X: y\r\n " + TE + b": chunked",
    "in braces": b"{" + TE + b"}: chunked",
}

# Valid names of other fields: Content-Length is what counts
OTHER_FIELDS = {
    "encoded": b"Transfer-%45ncoding: chunked",
    "no dash": b"TransferEncoding: chunked",
    "a dash behind": TE + b"-: chunked",
    "prefixed": b"X-" + TE + b": chunked",
    "TE": b"TE: chunked",
    "in a value": b"X: Transfer-Encoding: chunked",
    "in a value behind a backslash": b"X: y\\r\\nTransfer-Encoding: chunked",
}

LENGTHS = {
    "plus": b"+13",
    "minus": b"-13",
    "minus zero": b"-0",
    "hexadecimal": b"0xd",
    "octal": b"0o15",
    "exponent": b"1e1",
    "fraction": b"13.0",
    "underscore": b"1_3",
    "underscore in front": b"_13",
    "blank inside": b"1 3",
    "tab inside": b"1\t3",
    "comma": b"13,",
    "the same twice in a list": b"13, 13",
    "two in a list": b"13, 0",
    "three in a list": b"13,13,13",
    "nothing": b"",
    "blanks": b"   ",
    "a letter behind": b"13Z",
    "a letter in front": b"Z13",
    "semicolon": b"13;x",
    "quoted": b'"13"',
    "NUL behind": b"13\0",
    "vertical tab in front": b"\x0b13",
    "form feed behind": b"13\x0c",
    "no-break space behind": b"13\xa0",
    "digits of another script": "13".encode("utf-16-le"),
    "full-width digits": "\uff11\uff13".encode(),
    "folded": b"\r\n 13",
    "folded inside": b"1\r\n 3",
    "behind a line feed": b"\n13",
    "2^64": b"18446744073709551616",
    "2^64 + 13": b"18446744073709551629",
    "2^128 + 13": b"340282366920938463463374607431768211469",
    "5000 digits": b"9" * 5000,
}

LENGTH_NAMES = {
    "blank before the colon": b"Content-Length : 13",
    "tab before the colon": b"Content-Length\t: 13",
    "blank in front": b" Content-Length: 13",
    "underscore": b"Content_Length: 13",
    "next line before the colon": b"Content-Length\x85: 13",
    "no colon": b"Content-Length 13",
    "NUL before the colon": b"Content-Length\0: 13",
}

SMUGGLING = CHUNKS + SMUGGLED
"""What is behind the chunks is the smuggled request for whoever believes in them."""

REFUSED = [
    *refused({f"TE: {name}": request(TE + b": " + value, body=SMUGGLING) for name, value in CODINGS.items()}),
    *refused(
        {
            f"CL and TE: {name}": request(
                b"Content-Length: %d" % len(SMUGGLING), TE + b": " + value, body=SMUGGLING
            )
            for name, value in {"chunked": b"chunked", "Chunked": b"Chunked", **CODINGS}.items()
        }
    ),
    *refused(
        {
            f"TE and CL: {name}": request(TE + b": " + value, b"Content-Length: 3", body=SMUGGLING)
            for name, value in {"chunked": b"chunked", **CODINGS}.items()
        }
    ),
    *refused({f"TE name: {name}": request(LENGTH, line) for name, line in NAMES.items()}),
    *refused({f"TE name first: {name}": request(line, LENGTH) for name, line in NAMES.items()}),
    *refused({f"CL: {name}": request(b"Content-Length: " + value) for name, value in LENGTHS.items()}),
    *refused({f"CL name: {name}": request(line, LENGTH) for name, line in LENGTH_NAMES.items()}),
    *refused(
        {
            "two TE": request(CHUNKED, CHUNKED, body=SMUGGLING),
            "two TE, the second another": request(CHUNKED, TE + b": identity", body=SMUGGLING),
            "two TE, the first another": request(TE + b": identity", CHUNKED, body=SMUGGLING),
            "two TE, the first empty": request(TE + b":", CHUNKED, body=SMUGGLING),
            "two TE, the second with another case": request(CHUNKED, b"transfer-encoding: x", body=SMUGGLING),
            "two CL, the same": request(LENGTH, LENGTH),
            "two CL, the second less": request(LENGTH, b"Content-Length: 0"),
            "two CL, the first less": request(b"Content-Length: 0", LENGTH),
            "two CL, the first empty": request(b"Content-Length:", LENGTH),
            "two CL, far apart, with another case": request(
                LENGTH, *[b"X: y"] * 20, b"content-length: 0", body=BODY
            ),
            "CL, TE and CL": request(LENGTH, CHUNKED, LENGTH, body=SMUGGLING),
            "CL.TE, chunks end at once": request(
                b"Content-Length: %d" % (5 + len(SMUGGLED)), CHUNKED, body=b"0\r\n\r\n" + SMUGGLED
            ),
            "TE.CL, the length ends in the chunk's size": request(
                b"Content-Length: 4", CHUNKED, body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
            ),
            "TE in HTTP/1.0": request(CHUNKED, start=START[:-1] + b"0", body=SMUGGLING),
            "TE in HTTP/1.0 that is kept alive": request(
                CHUNKED, b"Connection: keep-alive", start=START[:-1] + b"0", body=SMUGGLING
            ),
            "CL and TE in HTTP/1.0": request(LENGTH, CHUNKED, start=START[:-1] + b"0", body=SMUGGLING),
            "TE and CL hidden by Connection": request(
                b"Connection: transfer-encoding", LENGTH, CHUNKED, body=SMUGGLING
            ),
            "CL and TE with an upgrade": request(
                b"Connection: upgrade", b"Upgrade: h2c", LENGTH, CHUNKED, body=SMUGGLING
            ),
            "two TE with an upgrade": request(
                b"Connection: upgrade", b"Upgrade: x", TE + b": identity", CHUNKED, body=SMUGGLING
            ),
            "TE in HTTP/1.0 with an upgrade": request(
                b"Connection: upgrade", b"Upgrade: x", CHUNKED, start=START[:-1] + b"0", body=SMUGGLING
            ),
            "a disguised TE beside chunked": request(CHUNKED, b"Transfer_Encoding: x", body=SMUGGLING),
            "a disguised CL": request(b"Content_Length: 0", LENGTH),
            "a disguised CL beside chunked": request(b"content_length: 0", CHUNKED, body=SMUGGLING),
        }
    ),
]

FORM_TYPE = b"Content-Type: multipart/form-data; boundary=b"
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nw\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    + CRLF * 2
    + b"0\r\n\r\n"
    + SMUGGLED
    + SMUGGLED
    + CRLF * 3
    + b"0\r\n\r\n\r\n--b--\r\n"
)
FORM_START = b"POST /v1/audio/transcriptions HTTP/1.1"


def form(framing: bytes, body: bytes) -> bytes:
    """A form whose file is what would be smuggled."""
    return CRLF.join((FORM_START, HOST, FORM_TYPE, framing)) + CRLF * 2 + body


def get(target: bytes, *lines: bytes, method: bytes = b"GET", body: bytes = b"") -> bytes:
    """A request for a page of the gateway's own."""
    return CRLF.join((method + b" " + target + b" HTTP/1.1", HOST, *lines)) + CRLF * 2 + body


def _page(name: str, data: bytes, status: int) -> Case:
    """Answered by the gateway itself, which need not read the body for it; the probe is forwarded."""
    return Case(name, data, (status, 200), (PROBE_BODY,), early=True)


def _unfit(name: str, data: bytes) -> Case:
    """Good HTTP, but no request to a model; the probe is forwarded."""
    return Case(name, data, (400, 200), (PROBE_BODY,))


_SMUGGLED_LENGTH = b"Content-Length: %d" % len(SMUGGLED)
_SMUGGLED_CHUNK = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)

BODIES = [
    # CL.0 and 0.CL: a body is a body, whoever asked for none
    _page("GET with a body", get(b"/v1/models", _SMUGGLED_LENGTH, body=SMUGGLED), 200),
    _page("GET with chunks", get(b"/v1/models", CHUNKED, body=_SMUGGLED_CHUNK), 200),
    _page("HEAD with a body", get(b"/health", _SMUGGLED_LENGTH, method=b"HEAD", body=SMUGGLED), 200),
    _page("HEAD with chunks", get(b"/health", CHUNKED, method=b"HEAD", body=_SMUGGLED_CHUNK), 200),
    _page("OPTIONS with a body", get(PATH, _SMUGGLED_LENGTH, method=b"OPTIONS", body=SMUGGLED), 204),
    _page("OPTIONS * with a body", get(b"*", _SMUGGLED_LENGTH, method=b"OPTIONS", body=SMUGGLED), 200),
    _page("DELETE with a body", get(PATH, _SMUGGLED_LENGTH, method=b"DELETE", body=SMUGGLED), 405),
    _page("GET where only POST goes", get(PATH, _SMUGGLED_LENGTH, body=SMUGGLED), 405),
    _page("POST where only GET goes", get(b"/health", _SMUGGLED_LENGTH, method=b"POST", body=SMUGGLED), 405),
    _page("POST to nowhere", get(b"/nowhere", _SMUGGLED_LENGTH, method=b"POST", body=SMUGGLED), 404),
    _unfit("POST of no JSON", with_length(SMUGGLED)),
    _unfit("POST without a body", request(b"Content-Length: 0", body=b"")),
    _unfit("POST without a length", request(body=b"")),
    _unfit("POST with nothing in chunks", request(CHUNKED, body=b"0\r\n\r\n")),
    _page("GET with a length of zero", get(b"/v1/models", b"Content-Length: 0"), 200),
    Case(
        "a form whose file is a request",
        form(b"Content-Length: %d" % len(FORM), FORM),
        forwarded=(FORM, PROBE_BODY),
    ),
    Case(
        "a form in chunks whose file is a request",
        form(CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (len(FORM), FORM)),
        forwarded=(FORM, PROBE_BODY),
    ),
    Case(
        "a form in chunks of one byte",
        form(CHUNKED, b"".join(b"1\r\n%b\r\n" % FORM[at : at + 1] for at in range(len(FORM))) + b"0\r\n\r\n"),
        forwarded=(FORM, PROBE_BODY),
    ),
    Case("a length longer than the body", request(b"Content-Length: 18"), (400, 400), (), closes=True),
    Case("a length shorter than the body", request(b"Content-Length: 12"), (400, 400), (), closes=True),
    Case("more than is held", request(b"Content-Length: 99999999999"), (413,), (), closes=True),
    Case("2^64 - 1", request(b"Content-Length: 18446744073709551615"), (413,), (), closes=True),
]

VALID = [
    *valid(
        {
            "a length": request(LENGTH),
            "chunks": request(CHUNKED, body=CHUNKS),
            "chunked in capitals": request(TE + b": CHUNKED", body=CHUNKS),
            "names in capitals": request(b"TRANSFER-ENCODING: chunked", body=CHUNKS),
            "names in small letters": request(b"content-length: 13"),
            "no blank behind the colon": request(TE + b":chunked", body=CHUNKS),
            "tab behind the colon": request(TE + b":\tchunked", body=CHUNKS),
            "many blanks behind the colon": request(TE + b": \t  \t chunked", body=CHUNKS),
            "zeros before the length": request(b"Content-Length: 0013"),
            "zeros that are not octal": request(b"Content-Length: " + b"0" * 40 + b"13"),
            "blanks round the length": request(b"Content-Length:\t 13 \t"),
            **{f"no TE: {name}": request(LENGTH, line) for name, line in OTHER_FIELDS.items()},
        }
    ),
    Case(
        "Connection names Content-Length",
        request(LENGTH, b"Connection: content-length"),
        fields=((b"content-length", b"13"), (b"connection", None)),
    ),
    Case(
        "Connection names Transfer-Encoding",
        request(CHUNKED, b"Connection: transfer-encoding", body=CHUNKS),
        fields=((b"content-length", b"13"), (b"transfer-encoding", None)),
    ),
]

CASES = [*REFUSED, *BODIES, *VALID]
