"""Which of the things that a request shows says who is asking, and what of it stops here.

| looked at, in this order | where | what it may be |
|---|---|---|
| ``X-API-Key`` (`security.api-key.header-name`) | where keys are accepted | a key |
| ``Jairouter_Token`` | where tokens are accepted | a token |
| another `security.jwt.jwt-header` | likewise | a token |
| ``Authorization: Bearer`` | where either is accepted | a token if it looks like one, else a key |

The first that is there counts, and if it is refused, so is the request. The headers that are there for the
gateway alone never reach a backend, in whichever spelling. ``Authorization`` reaches it if something else
said who is asking, so that a backend that knows its own users can be asked on their behalf; but never with a
key or token of the gateway, wherever in it that may stand: see `words_in`.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from twisted.internet.defer import Deferred

from jairouter.codec.ip_address import parse_ip
from jairouter.errors import GatewayError, PermissionDenied, Reason, Unauthenticated

if TYPE_CHECKING:
    from jairouter.caller import Caller
    from jairouter.interfaces import IAuthenticator

AUTHORIZATION: Final = b"authorization"
TOKEN_HEADER: Final = "Jairouter_Token"  # noqa: S105 - a name
TOKEN: Final = TOKEN_HEADER.lower().encode("ascii")

_BEARER: Final = re.compile(rb"bearer[ \t]+", re.IGNORECASE)
_NONE: Final[frozenset[bytes]] = frozenset()
_ONLY_AUTHORIZATION: Final = frozenset({AUTHORIZATION})


class Admitted(NamedTuple):
    """Somebody who is known.

    Attributes:
        caller: Who.
        hidden: The names of the headers that must go no further, in lower case.
    """

    caller: Caller
    hidden: frozenset[bytes]


_made: Final = tuple.__new__  # each request makes one: `Admitted(...)` is a function in Python


class Gate:
    """See the module's table.

    Args:
        keys: Knows keys; None where none are accepted.
        tokens: Knows tokens; likewise.
        key_header: That carries a key.
        token_header: That carries a token.
    """

    def __init__(
        self,
        keys: IAuthenticator | None,
        tokens: IAuthenticator | None,
        key_header: str = "X-API-Key",
        token_header: str = "Authorization",  # noqa: S107 - a name
    ) -> None:
        self._keys = keys
        self._tokens = tokens
        key, token = key_header.lower().encode("ascii"), token_header.lower().encode("ascii")
        own: list[tuple[bytes, IAuthenticator]] = []
        if keys is not None:
            own.append((key, keys))
        if tokens is not None:
            own += [(TOKEN, tokens), (token, tokens)]
        self._own = tuple((name, each) for name, each in own if name != AUTHORIZATION)
        self._written = {key: key_header, TOKEN: TOKEN_HEADER, token: token_header}
        self._hidden = frozenset().union(*(_spellings(name) for name, _ in self._own)) - _ADAPTERS_STOP
        self._hidden_all = self._hidden | _ONLY_AUTHORIZATION

    def admit(self, fields: Mapping[bytes, bytes], address: str) -> Admitted | Deferred[Admitted]:
        """Find out who is asking.

        Args:
            fields: The headers by name in lower case.
            address: The client's.

        Returns:
            Who it is; a Deferred only where somebody else has to be asked first.

        Raises:
            Unauthenticated: Nobody that is known.
            PermissionDenied: Somebody who may not ask from there.
        """
        for name, authenticator in self._own:
            value = fields.get(name)
            if value is not None:
                found = authenticator.authenticate(credential_in(value))
                hidden = self._hidden if AUTHORIZATION not in fields else self._hidden_beside(fields)
                break
        else:
            value = fields.get(AUTHORIZATION)
            if value is None:
                raise Unauthenticated(self.asks_for, Reason.MISSING)
            hidden = self._hidden_all
            found = self._bearer(value)
        if isinstance(found, Deferred):
            return found.addCallback(_checked, hidden, address)
        if found.networks:
            return _checked(found, hidden, address)
        return _made(Admitted, (found, hidden))

    def hidden(self, fields: Mapping[bytes, bytes]) -> frozenset[bytes]:
        """The names of the headers that must go no further although nobody had to say who they are."""
        return self._hidden if AUTHORIZATION not in fields else self._hidden_beside(fields)

    @property
    def asks_for(self) -> str:
        """What callers have to show, for those who show nothing."""
        kinds = [name for name, each in (("an API key", self._keys), ("a token", self._tokens)) if each]
        own = ", ".join(dict.fromkeys(self._written[name] for name, _ in self._own))
        also = f", or in {own}" if own else ""
        return f"say who you are: {' or '.join(kinds)} is needed, as Authorization: Bearer{also}"

    def _bearer(self, value: bytes) -> Caller | Deferred[Caller]:
        # (As nearly everybody writes it; looking for the pattern takes five times as long)
        if value.startswith(b"Bearer "):
            return self._known(value[7:].strip(b" \t"))
        if not _BEARER.match(value):
            raise Unauthenticated(self.asks_for, Reason.MISSING)
        return self._known(credential_in(value))

    def _known(self, credential: bytes) -> Caller | Deferred[Caller]:
        keys, tokens = self._keys, self._tokens
        if tokens is None or (keys is not None and credential.count(b".") != 2):
            if keys is None:
                raise Unauthenticated("nobody is known here at present", Reason.UNKNOWN_TOKEN)
            return keys.authenticate(credential)
        try:
            return tokens.authenticate(credential)
        except Unauthenticated as error:
            if keys is None or error.ours or error.reason is not Reason.UNKNOWN_TOKEN:
                raise
            refused = error
        try:
            return keys.authenticate(credential)  # a key may have two dots, too
        except Unauthenticated as other:
            raise (refused if other.reason is Reason.UNKNOWN_KEY and not other.ours else other) from None

    def _hidden_beside(self, fields: Mapping[bytes, bytes]) -> frozenset[bytes]:
        """What must go no further, where Authorization is meant for the backend, or is not."""
        words = words_in(fields[AUTHORIZATION])
        foreign = words is not None and not any(self._is_ours(word) for word in words)
        return self._hidden if foreign else self._hidden_all

    def _is_ours(self, word: bytes) -> bool:
        try:
            found = self._known(word)
        except Unauthenticated as error:
            return error.ours or error.reason not in _NOT_OURS
        except GatewayError:
            return True  # nobody can say at present
        if isinstance(found, Deferred):
            found.addErrback(_nothing)
        return True


def _spellings(name: bytes) -> frozenset[bytes]:
    """With dashes and underscores, between which WSGI and CGI do not distinguish."""
    return frozenset((name, name.replace(b"-", b"_"), name.replace(b"_", b"-")))


_ADAPTERS_STOP: Final = _spellings(b"x-api-key") | _spellings(TOKEN)
"""Never pass an adapter in any case, so that no request need be made anew without them."""
_NOT_OURS: Final = {Reason.MISSING, Reason.UNKNOWN_KEY, Reason.UNKNOWN_TOKEN}


def words_in(value: bytes) -> frozenset[bytes] | None:
    """All in the value of Authorization that may be a key or a token; None if that is too much to look at.

    Clients write it without ``Bearer``, twice, in quotes, as a parameter (RFC 9110, section 11.4), as the
    user or the password of ``Basic`` (RFC 7617, section 2); and of several lines one may be the gateway's.
    """
    words = {value.strip(b" \t"), credential_in(value)}
    for marks in _MARKS:
        words.update(marks.split(value))
    for word in tuple(words):
        words.update(_basic(word))
        if len(words) > _MOST_WORDS:
            return None
    return frozenset(words - {b""})


def _basic(word: bytes) -> Iterator[bytes]:
    try:
        said = a2b_base64(word, strict_mode=True)
    except Error:
        return
    user, _, password = said.partition(b":")
    yield from (said, user, password)


_MARKS: Final = (re.compile(rb"[ \t]+"), re.compile(rb"[ \t,]+"), re.compile(rb"[ \t,;=:\"']+"))
"""What may stand between words; a key may hold any of these but white space."""
_MOST_WORDS: Final = 64
"""Each is looked up; ``Digest`` (RFC 7616) has less than 40."""


def credential_in(value: bytes) -> bytes:
    """A header's value without the word before it."""
    word = _BEARER.match(value)
    return value[word.end() :].rstrip(b" \t") if word else value.strip(b" \t")


def _checked(caller: Caller, hidden: frozenset[bytes], address: str) -> Admitted:
    if caller.networks:
        parsed = parse_ip(address)
        if parsed is None or not any(parsed in network for network in caller.networks):
            raise PermissionDenied(f"{caller.name} may not be used from {address}")
    return Admitted(caller, hidden)


def _nothing(_: object) -> None:
    """It was about what is forwarded only."""
