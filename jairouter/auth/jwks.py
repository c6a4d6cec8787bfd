r"""The keys that somebody else publishes, who issues tokens too: fetched, remembered, and fetched again.

::

                       age 0 ... ttl   ... 2 ttl            ... ttl + max_stale
    a key that is known:  used at once | used at once,    | waited for; used   | unknown
                                       | fetched meanwhile | if that fails      |
    one that is not:      waited for, unless it was asked for less than 30 seconds ago

While nothing was ever fetched, or what was is too old, nobody can say whether a token is good: that is no
fault of the token, and answered with 503, not with 401.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from jairouter.auth import jws
from jairouter.auth.algorithms import Key, Unfit, published
from jairouter.auth.key_fetch import NotFetched
from jairouter.errors import GatewayError

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from jairouter.auth.jws import Jws
    from jairouter.auth.signing import Elsewhere
    from jairouter.upstream.tls import BackendTls

Fetch = Callable[[str, "BackendTls | None"], Deferred[bytes]]
"""Gets the page at an address."""

PAUSE: Final = 30.0
"""Seconds between two attempts to fetch: anybody can make up a name of a key."""
MOST_KEYS: Final = 100
"""Keys of one set; the rest is left aside."""


class KeysUnavailable(GatewayError):
    """Whoever issues the tokens does not say with which keys."""

    status = 503
    code = "identity_provider_unavailable"


class PublishedKeys:
    """See the module's picture.

    Args:
        elsewhere: Who publishes them.
        fetch: Gets them.
        seconds: A clock that only goes forward.
        changed: Called when they are other ones than before: what was checked with them may be worth nothing.
    """

    _log = Logger()

    def __init__(
        self, elsewhere: Elsewhere, fetch: Fetch, seconds: Callable[[], float], changed: Callable[[], None]
    ) -> None:
        self.elsewhere = elsewhere
        self._fetch = fetch
        self._seconds = seconds
        self._changed = changed
        self._keys: tuple[Key, ...] = ()
        self._data = b""
        self._fetched: float | None = None
        self._tried: float | None = None
        self._fetching: Deferred[bytes] | None = None
        self._waiting: dict[Deferred[None], None] = {}
        self._failing = False

    def find(self, token: Jws) -> Key | Deferred[Key | None] | None:
        """The key that a token says it is signed with.

        Returns:
            It, or None if there is none; a Deferred where it is fetched first, which fails with
            `KeysUnavailable`.

        Raises:
            KeysUnavailable: Nobody can say at present.
        """
        age = self._age()
        key = self._known(token) if age <= self.elsewhere.ttl + self.elsewhere.max_stale else None
        if key is not None and age <= 2 * self.elsewhere.ttl:
            if age > self.elsewhere.ttl:
                self._start()
            return key
        if not self._start():
            return self._found(token)
        waiting: Deferred[None] = Deferred(self._left)
        self._waiting[waiting] = None
        return waiting.addCallback(lambda _: self._found(token))

    def use(self, elsewhere: Elsewhere) -> None:
        """Go by other settings, of the same address, from now on; what was wrong may be mended with them."""
        self.elsewhere = elsewhere
        if self._failing:
            self._tried = None

    def close(self) -> None:
        """Fetch nothing any more. Those who wait are told that nobody can say."""
        if self._fetching is not None:
            self._fetching.cancel()

    def _age(self) -> float:
        return float("inf") if self._fetched is None else self._seconds() - self._fetched

    def _found(self, token: Jws) -> Key | None:
        if self._age() > self.elsewhere.ttl + self.elsewhere.max_stale:
            raise KeysUnavailable("tokens cannot be checked at present", retry_after=self._again())
        return self._known(token)

    def _again(self) -> float:
        """Seconds until it is tried again."""
        return PAUSE if self._tried is None else max(1.0, self._tried + PAUSE - self._seconds())

    def _known(self, token: Jws) -> Key | None:
        fitting = [
            key
            for key in self._keys
            if token.algorithm in key.algorithms and (not token.kid or key.kid == token.kid)
        ]
        # Without a name it has to be clear which is meant: else one request would be many times the work
        return fitting[0] if len(fitting) == 1 else None

    def _left(self, waiting: Deferred[None]) -> None:
        # (a list would be gone through for each: thousands may wait, and leave together)
        self._waiting.pop(waiting, None)

    def _start(self) -> bool:
        """Fetch them, unless that was tried just now; whether they are being fetched."""
        if self._fetching is not None:
            return True
        now = self._seconds()
        if self._tried is not None and now - self._tried < min(PAUSE, self.elsewhere.ttl):
            return False
        self._tried = now
        fetching = self._fetch(self.elsewhere.url, self.elsewhere.tls)
        self._fetching = fetching
        fetching.addCallback(self._take).addCallbacks(self._good, self._bad).addBoth(self._over)
        return self._fetching is not None

    def _take(self, data: bytes) -> None:
        keys = tuple(read_keys(data))
        if not keys:
            raise NotFetched("there is no key that could be used")
        other, self._data = self._data not in (b"", data), data
        self._keys, self._fetched = keys, self._seconds()
        if other:
            self._changed()

    def _good(self, _: None) -> None:
        if self._failing:
            self._log.info("the keys at {url} can be fetched again", url=self._shown)
        self._failing = False

    def _bad(self, failure: Failure) -> None:
        if not self._failing and not failure.check(CancelledError):  # once, not every half minute
            why = failure.getErrorMessage() or type(failure.value).__name__
            self._log.warn("the keys at {url} cannot be fetched: {why}", url=self._shown, why=why[:200])
        self._failing = True

    @property
    def _shown(self) -> str:
        return self.elsewhere.url.partition("?")[0]

    def _over(self, _: None) -> None:
        self._fetching = None
        waiting, self._waiting = self._waiting, {}
        for each in waiting:
            if not each.called:  # what one is told may make another leave
                each.callback(None)


def read_keys(data: bytes) -> Iterable[Key]:
    """The keys of a set that can be used to check signatures with (RFC 7517, section 5).

    Raises:
        NotFetched: It is none.
    """
    try:
        members = jws.parse(data)
    except jws.Malformed:
        raise NotFetched("it is no JSON object") from None
    listed = members.get("keys")
    if not isinstance(listed, list):
        raise NotFetched("it is no set of keys")
    for each in listed[:MOST_KEYS]:
        try:
            key = published(each) if isinstance(each, dict) else None
        except Unfit:
            continue  # RFC 7517, section 5: what is not understood is left aside
        if key is not None:
            yield key
