"""Chunked bodies: sizes, line ends, extensions, trailers."""

from __future__ import annotations

from tests.fuzz.corpus.pieces import (
    BODY,
    CHUNKED,
    CHUNKS,
    JSON,
    PROBE_BODY,
    SMUGGLED,
    SMUGGLED_BODY,
    Case,
    chunked,
    refused,
    request,
    valid,
)

END = b"0\r\n\r\n"
CHUNK = b"d\r\n" + BODY + b"\r\n"

SIZES = {
    "plus": b"+d",
    "minus": b"-d",
    "minus zero": b"-0",
    "hexadecimal": b"0xd",
    "underscore": b"0_d",
    "underscore in front": b"_d",
    "blank in front": b" d",
    "tab in front": b"\td",
    "blank behind": b"d ",
    "tab behind": b"d\t",
    "vertical tab behind": b"d\x0b",
    "NUL behind": b"d\0",
    "NUL in front": b"\0d",
    "comma": b"d,d",
    "no digit": b"",
    "a letter that is none": b"g",
    "a letter behind": b"dx",
    "quoted": b'"d"',
    "17 digits": b"1000000000000000d",
    "2^64 + 13": b"1000000000000000d"[:16] + b"0d",
    "32 digits": b"f" * 32,
    "no-break space behind": b"d\xa0",
    "full-width digit": "\uff44".encode(),
}

# What ends the line of the size, and is no CRLF
LINE_ENDS = {
    "line feed": b"\n",
    "carriage return": b"\r",
    "carriage return and a byte": b"\rX",
    "two carriage returns": b"\r\r",
    "line feed first": b"\n\r",
    "two line feeds": b"\n\n",
    "carriage returns and a line feed": b"\r\r\n",
    "blank and line feed": b" \n",
    "nothing": b"",
    "NUL": b"\0",
    "form feed": b"\x0c",
    "next line": b"\x85",
}

# What an extension must not be; the last ones are where funky chunks live
EXTENSIONS = {
    "nothing": b";",
    "nothing twice": b";;",
    "blank": b"; ",
    "no semicolon": b"a=b",
    "NUL": b";a\0",
    "control character": b";a=\x01",
    "DEL": b";a=\x7f",
    "byte 255": b";a=\xff",
    "parenthesis": b";a(b)=c",
    "quoted name": b';"a"=b',
    "open quotation": b';a="b',
    "something behind a quotation": b';a="b"c',
    "control character in a quotation": b';a="\x01"',
    "escaped control character": b';a="\\\x01"',
    "line end in a quotation": b';a="\r\n"',
    "escaped line end in a quotation": b';a="\\\r\n"',
    "line feed in a quotation": b';a="\n"',
    "line feed": b";\n",
    "line feed inside": b";a\nb",
    "line feed behind a value": b";a=b\n",
    "carriage return inside": b";a\rb",
    "carriage returns": b";a=b\r\r",
    "carriage return before the semicolon": b"\r;a",
    "CR CR before the semicolon": b"\r\r;a",
    "carriage return behind the semicolon": b";\ra",
}

# RFC 9112, section 7.1.1, lets a blank be there, and so do we not
BLANKS = {
    "before the semicolon": b" ;a=b",
    "behind the semicolon": b"; a=b",
    "before the equals sign": b";a =b",
    "behind the equals sign": b";a= b",
    "behind all": b";a=b ",
    "tab": b"\t;a=b",
}

TERMINATORS = {
    "nothing": b"",
    "line feed": b"\n",
    "carriage return": b"\r",
    "two other bytes": b"XX",
    "carriage return and a byte": b"\rX",
    "two carriage returns": b"\r\r",
    "line feed first": b"\n\r",
    "one byte too many": b"X\r\n",
    "a line too many": b"\r\n\r\n",
}

TRAILERS = {
    "no colon": b"T\r\n",
    "blank before the colon": b"T : x\r\n",
    "no name": b": x\r\n",
    "folded": b"T: x\r\n y\r\n",
    "line feed": b"T: x\nU: y\r\n",
    "carriage return": b"T: x\rU: y\r\n",
    "NUL": b"T: \0\r\n",
    "a blank line": b" \r\n",
    "a request": b"GET / HTTP/1.1\r\nHost: x\r\n",
    "carriage return and a byte": b"\rX",
    "line feed at the end": b"T: x\r\n\n",
    # Llhttp keeps watch in trailers too; the RFC would let us ignore them
    "Content-Length": b"Content-Length: 5\r\n",
    "Transfer-Encoding": b"Transfer-Encoding: chunked\r\n",
    "Content-Length with a line feed": b"Content-Length: 0\n",
}


def _two_sizes(end: bytes) -> bytes:
    """Who ends the line at `end` sees the smuggled request as the next one, who ends it later does not."""
    inner = b"%x\r\n%b\r\n" % (len(SMUGGLED), SMUGGLED)
    return b"2;" + end + b"xx\r\n" + inner + END


REFUSED = refused(
    {
        **{f"size: {name}": chunked(size + CHUNK[1:] + END) for name, size in SIZES.items()},
        **{f"size of the last: {name}": chunked(CHUNK + size + b"\r\n\r\n") for name, size in SIZES.items()},
        **{f"line end: {name}": chunked(b"d" + end + CHUNK[3:] + END) for name, end in LINE_ENDS.items()},
        **{
            f"line end of the last: {name}": chunked(CHUNK + b"0" + end + b"\r\n")
            for name, end in LINE_ENDS.items()
        },
        **{f"end: {name}": chunked(CHUNK + b"0\r\n" + end + b"X") for name, end in LINE_ENDS.items()},
        **{
            f"extension: {name}": chunked(b"d" + extension + CHUNK[1:] + END)
            for name, extension in EXTENSIONS.items()
        },
        **{
            f"extension of the last: {name}": chunked(CHUNK + b"0" + extension + END[1:])
            for name, extension in EXTENSIONS.items()
        },
        **{
            f"blank: {name}": chunked(b"d" + extension + CHUNK[1:] + END)
            for name, extension in BLANKS.items()
        },
        **{f"terminator: {name}": chunked(CHUNK[:-2] + end + END) for name, end in TERMINATORS.items()},
        **{
            f"trailer: {name}": chunked(CHUNK + b"0\r\n" + trailer + b"\r\n")
            for name, trailer in TRAILERS.items()
        },
        # w4ke: TERM.EXT and EXT.TERM (the extension's line ends twice), TERM.SPILL and SPILL.TERM (the chunk
        # is longer than it said), and the forms whose terminator is one byte, or none, or three
        **{f"TERM.EXT, EXT.TERM: {name}": chunked(_two_sizes(end)) for name, end in LINE_ENDS.items() if end},
        **{
            f"SPILL: {name}": chunked(
                b"5\r\nAAAAA" + end + b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n" + END
            )
            for name, end in TERMINATORS.items()
        },
        "a chunk longer than it says": chunked(b"c\r\n" + BODY + b"\r\n" + END),
        "a chunk shorter than it says": chunked(b"e\r\n" + BODY + b"\r\n" + END),
        "an empty line between chunks": chunked(CHUNK + b"\r\n" + END),
        "an empty line for the last chunk": chunked(CHUNK + b"\r\n\r\n"),
        "no last chunk": chunked(CHUNK),
        "17 digits that hide a request": chunked(b"10000000000000000\r\n" + SMUGGLED + END),
        "a size that is no size, and a request": chunked(b"INVALID!!!\r\n", SMUGGLED),
        "0_2e": chunked(b"0_2e\r\n\r\n" + SMUGGLED + END),
        "no line end behind the last chunk": chunked(CHUNK + b"0\r\nX:" + SMUGGLED),
    }
)

VALID = [
    *valid(
        {
            "one chunk": chunked(CHUNKS),
            "two chunks": chunked(b"6\r\n" + BODY[:6] + b"\r\n7\r\n" + BODY[6:] + b"\r\n" + END),
            "capital digits": chunked(b"D" + CHUNK[1:] + END),
            "zeros before the size": chunked(b"000d" + CHUNK[1:] + END),
            "200 zeros before the size": chunked(b"0" * 200 + CHUNK + END),
            "many zeros for the last": chunked(CHUNK + b"0000000\r\n\r\n"),
            "an extension": chunked(b"d;a=b" + CHUNK[1:] + END),
            "an extension without a value": chunked(b"d;a" + CHUNK[1:] + END),
            "three extensions": chunked(b"d;a=b;c;d=e" + CHUNK[1:] + END),
            "a quoted extension": chunked(b'd;a="b;c d"' + CHUNK[1:] + END),
            "an escape in a quoted extension": chunked(b'd;a="\\"b"' + CHUNK[1:] + END),
            "an extension that looks like a size": chunked(b"d;d=0" + CHUNK[1:] + END),
            "an extension of the last": chunked(CHUNK + b"0;a=b\r\n\r\n"),
            "a trailer": chunked(CHUNK + b"0\r\nT: x\r\n\r\n"),
            "an empty trailer": chunked(CHUNK + b"0\r\nT:\r\n\r\n"),
            "Host as a trailer": chunked(CHUNK + b"0\r\nHost: evil\r\n\r\n"),
            "Content-Type as a trailer": chunked(CHUNK + b"0\r\nContent-Type: text/html\r\n\r\n"),
            "Authorization as a trailer": chunked(CHUNK + b"0\r\nAuthorization: Bearer x\r\n\r\n"),
            "Upgrade as a trailer": chunked(CHUNK + b"0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
            "chunks with an upgrade": request(CHUNKED, b"Connection: upgrade", b"Upgrade: h2c", body=CHUNKS),
        }
    ),
    Case(
        "Connection: close as a trailer",
        chunked(CHUNK + b"0\r\nConnection: close\r\n\r\n"),
        (200, 400),
        (BODY,),
        closes=True,
    ),
    Case(
        "a trailer is not merged",
        chunked(CHUNK + b"0\r\nX-Late: x\r\nContent-Type: text/html\r\n\r\n"),
        fields=((b"x-late", None), (b"content-type", JSON.partition(b": ")[2])),
    ),
    Case(
        "a request behind the last chunk is a request of its own",
        chunked(CHUNKS) + SMUGGLED,
        (200, 200, 200),
        (BODY, SMUGGLED_BODY, PROBE_BODY),
    ),
]

TOO_LARGE = refused({"a trailer of 40 KB": chunked(CHUNK + b"0\r\nT: " + b"a" * 40_000 + b"\r\n\r\n")}, 431)

CASES = [*REFUSED, *TOO_LARGE, *VALID]
