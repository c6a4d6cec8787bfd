"""Reads the headers that make a form: Content-Type, and those of each part (RFC 7578, RFC 2046).

Where two readings are possible, neither is taken: the body is forwarded as it is, and the backend
might take the other.
"""

import re
from typing import Final

# RFC 2046: 1 to 70 of these, a space not last.
_BOUNDARY: Final = re.compile(rb"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_HEADER: Final = re.compile(rb"(?P<name>" + _TOKEN + rb"):[ \t]*(?P<value>[^\r\n\0]*)")
_PARAMETER: Final = re.compile(
    rb"[ \t]*;[ \t]*(?P<name>" + _TOKEN + rb")[ \t]*=[ \t]*"
    rb'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s;"]+))'
)
_PARAMETERS_END: Final = re.compile(rb"[ \t]*;?[ \t]*")
# A backslash before anything but a quote or a backslash: RFC 2822 drops it, browsers mean it.
_UNCLEAR: Final = re.compile(rb'(?:[^\\]|\\["\\])*\\(?:[^"\\]|\Z)')


class MultipartError(Exception):
    """A form body that cannot be read, or not in one way only; the client's fault (400).

    Attributes:
        message: one plain English sentence without a full stop, fit to be shown to the client. It
            never repeats any of the body.
        param: the field at fault (``"model"``, ``"stream"``), or None when it is the whole body.
    """

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


def boundary_of(content_type: bytes) -> bytes:
    """Read the boundary from a Content-Type value.

    Args:
        content_type: for example ``multipart/form-data; boundary="x y"``.

    Returns:
        The boundary without quotes and dashes, 1 to 70 bytes.

    Raises:
        MultipartError: the type is not multipart/form-data; the boundary is missing, given twice,
            too long, or holds bytes that RFC 2046 does not allow.
    """
    kind, semicolon, _ = content_type.partition(b";")
    if kind.strip(b" \t").lower() != b"multipart/form-data":
        raise MultipartError("Content-Type must be multipart/form-data")
    parameters = _parameters(content_type[len(kind) :], "Content-Type") if semicolon else {}
    boundary = parameters.get(b"boundary")
    if boundary is None:
        raise MultipartError("Content-Type names no boundary")
    if not _BOUNDARY.fullmatch(boundary):
        raise MultipartError("the boundary in Content-Type is not valid (RFC 2046, section 5.1.1)")
    return boundary


def part_headers(block: bytes) -> dict[bytes, bytes]:
    """Read the headers of a part of a form.

    Args:
        block: the lines between the boundary's and the empty one, without the last CRLF.

    Returns:
        Values by names in lower case.

    Raises:
        MultipartError: a line is no header (a folded one is none either), or a header comes twice.
    """
    named: dict[bytes, bytes] = {}
    for line in block.split(b"\r\n"):
        header = _HEADER.fullmatch(line)
        if not header:
            raise MultipartError("a part of the form body has a header that is not valid")
        name = header["name"].lower()
        if name in named:
            raise MultipartError("a part of the form body has a header twice")
        named[name] = header["value"]
    return named


def field_name(disposition: bytes | None) -> bytes | None:
    """Read the name of a form's field from its Content-Disposition.

    Args:
        disposition: the header's value, or None if the part has none.

    Returns:
        The name, without quotes but with escapes as they are; None when the part is a file.

    Raises:
        MultipartError: it is missing, not form-data, without a name, or can be read in two ways.
    """
    if disposition is None:
        raise MultipartError("a part of the form body has no Content-Disposition")
    kind = disposition.partition(b";")[0]
    if kind.strip(b" \t").lower() != b"form-data":
        raise MultipartError("a part of the form body is not form-data")
    parameters = _parameters(disposition[len(kind) :], "Content-Disposition")
    name = parameters.get(b"name")
    # RFC 7578, section 4.2: name* must not be used.
    if name is None or b"name*" in parameters:
        raise MultipartError("a part of the form body has no plain field name")
    if _UNCLEAR.match(name):
        raise MultipartError("a field name in the form body has an unclear escape")
    # Escapes (\\", and %22, %0D, %0A from browsers) need no undoing: no such name is asked for.
    return None if b"filename" in parameters or b"filename*" in parameters else name


def _parameters(text: bytes, header: str) -> dict[bytes, bytes]:
    """Read ``; a=b; c="d"``; names in lower case, values without the quotes around them."""
    found: dict[bytes, bytes] = {}
    at = 0
    while parameter := _PARAMETER.match(text, at):
        name = parameter["name"].lower()
        if name in found:
            raise MultipartError(f"a {header} of the form has a parameter twice")
        found[name] = parameter["bare"] if parameter["quoted"] is None else parameter["quoted"]
        at = parameter.end()
    if not _PARAMETERS_END.fullmatch(text, at):
        raise MultipartError(f"a {header} of the form is not valid")
    return found
