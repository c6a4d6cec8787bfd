r"""The grammar of HTTP/1.1 as regular expressions, each named as in the RFC that it is copied from.

Where the gateway accepts more than the grammar, `LENIENCES` says what and why; a place that is not in
this list is as strict as the RFC or stricter.
"""

from __future__ import annotations

import re
from typing import Final

LENIENCES: Final = {
    "query": "square brackets, which RFC 3986 keeps for addresses: `a[]=b` is in daily use, and nobody"
    " reads it as anything but data",
    "chunk-ext": "an empty name or value (`;=b`, `;a=`, `;;a`): llhttp does not look; where the line"
    " ends, which is all that matters, is beyond doubt; extensions are dropped",
    "status-line": "no blank before a reason that is not there: servers send it, and the reason is dropped",
    "between answers": "line ends behind one in the same read, which nobody takes for an answer",
    "content-length": "a zero in interim answers and in a 204, which announces nothing",
}

# RFC 5234, appendix B.1, and RFC 9110, sections 5.6.2 to 5.6.4
HTAB_SP = rb"[\t ]"
OWS = HTAB_SP + rb"*"
BWS = OWS
OBS_TEXT = rb"\x80-\xff"
TCHAR = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
TOKEN = TCHAR + rb"+"
QDTEXT = rb"[\t !\x23-\x5b\x5d-\x7e" + OBS_TEXT + rb"]"
QUOTED_PAIR = rb"\\[\t \x21-\x7e" + OBS_TEXT + rb"]"
QUOTED_STRING = rb'"(?:' + QDTEXT + rb"|" + QUOTED_PAIR + rb')*"'

# RFC 3986, appendix A
PCT_ENCODED = rb"%[0-9A-Fa-f]{2}"
_UNRESERVED = rb"A-Za-z0-9\-._~"
_SUB_DELIMS = rb"!$&'()*+,;="
PCHAR = rb"(?:[" + _UNRESERVED + _SUB_DELIMS + rb":@]|" + PCT_ENCODED + rb")"
QUERY = rb"(?:" + PCHAR + rb"|[/?\[\]])*"
ABSOLUTE_PATH = rb"(?:/" + PCHAR + rb"*)+"
# (without the comma: two Host headers that somebody joined have one)
REG_NAME = rb"(?:[" + _UNRESERVED + rb"!$&'()*+;=]|" + PCT_ENCODED + rb")*"
IP_LITERAL = rb"\[(?:[0-9A-Fa-f:.]+|v[0-9A-Fa-f]+\.[" + _UNRESERVED + _SUB_DELIMS + rb":]+)\]"
HOST = rb"(?:" + IP_LITERAL + rb"|" + REG_NAME + rb")"
PORT = rb"[0-9]*"
AUTHORITY = HOST + rb"(?::" + PORT + rb")?"

# RFC 9112, section 3.2; userinfo is none of it (RFC 9110, section 4.2.4)
ORIGIN_FORM = ABSOLUTE_PATH + rb"(?:\?" + QUERY + rb")?"
ABSOLUTE_FORM = rb"[Hh][Tt][Tt][Pp][Ss]?://(" + AUTHORITY + rb")(?:/" + PCHAR + rb"*)*(?:\?" + QUERY + rb")?"
AUTHORITY_FORM = HOST + rb":" + PORT

# RFC 9112, sections 2.3, 3, 4, 5 and 7.1, with the versions that are spoken here
VERSION = rb"HTTP/(1\.[01])"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([\x21-\x7e]+) " + VERSION)
STATUS_LINE = re.compile(VERSION + rb" ([1-5][0-9]{2})(?: [\t -~" + OBS_TEXT + rb"]*)?")
FIELD_VALUE = rb"[\t -~" + OBS_TEXT + rb"]*?"
FIELD_LINE = re.compile(rb"(" + TOKEN + rb"):" + OWS + rb"(" + FIELD_VALUE + rb")" + OWS)
_EXT_VALUE = BWS + rb"=" + BWS + rb"(?:" + TCHAR + rb"*|" + QUOTED_STRING + rb")"
_EXT = rb"(?:" + TOKEN + rb"(?:" + _EXT_VALUE + rb")?|" + _EXT_VALUE + rb"|(?=" + BWS + rb";))"
CHUNK_EXT = rb"(?:" + BWS + rb";" + BWS + _EXT + rb")*"
CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)" + CHUNK_EXT)
CONTENT_LENGTH = re.compile(rb"[0-9]+")
