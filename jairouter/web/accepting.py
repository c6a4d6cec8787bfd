"""What a client would rather have: ``Accept`` and ``Accept-Encoding`` (RFC 9110, section 12)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

_QUALITY: Final = re.compile(rb"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_MOST: Final = 100
"""Members of a header that are looked at."""


class Preference(NamedTuple):
    """One member of such a header.

    Attributes:
        what: A media range or a coding, in lower case.
        parameters: Those of a media range, in lower case.
        quality: How much it is wanted, 0 to 1; 0 for not at all.
    """

    what: bytes
    parameters: Mapping[bytes, bytes]
    quality: float


def preferences(header: bytes) -> Iterator[Preference]:
    """The members of a header; one whose quality is not one counts as not given."""
    for member in header.lower().split(b",", _MOST)[:_MOST]:
        what, *rest = (part.strip() for part in member.split(b";"))
        pairs = (part.partition(b"=") for part in rest)
        parameters = {name.strip(): value.strip().strip(b'"') for name, _, value in pairs}
        quality = parameters.pop(b"q", b"1")
        if what and _QUALITY.fullmatch(quality):
            yield Preference(what, parameters, float(quality))


def wants_openmetrics(accept: bytes) -> bool:
    """Whether OpenMetrics 1.0 is wanted, rather than the text format.

    Whoever wants both alike gets the text format, and so does who wants neither: Prometheus takes for that
    what it does not know.
    """
    openmetrics = text = 0.0
    for each in preferences(accept):
        version = each.parameters.get(b"version", b"")
        if each.what == b"application/openmetrics-text" and (not version or version.startswith(b"1.")):
            openmetrics = max(openmetrics, each.quality)
        elif each.what == b"text/plain" and version in {b"", b"0.0.4"}:
            text = max(text, each.quality)
    return openmetrics > text


def takes_gzip(accept_encoding: bytes) -> bool:
    """Whether a body may be compressed by gzip. What is named itself counts before ``*``."""
    named: dict[bytes, float] = {}
    for each in preferences(accept_encoding):
        named[each.what] = max(each.quality, named.get(each.what, 0.0))
    gzip = max(named.get(b"gzip", -1.0), named.get(b"x-gzip", -1.0))
    return (gzip if gzip >= 0.0 else named.get(b"*", 0.0)) > 0.0
