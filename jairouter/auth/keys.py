"""Callers that are known by a key.

No key is kept: of each there is a keyed BLAKE2b (RFC 7693, section 2.9) of its SHA-256, which is all that a
configuration has to say of one. Whoever reads the store learns no key from that, and cannot even try some
without the pepper, which lies in another file. Keys are random, so nothing would be won by a slow hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b, sha256
from hmac import compare_digest
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from twisted.logger import Logger
from zope.interface import implementer

from jairouter.auth.allowance import Allowance
from jairouter.auth.key_records import CONFIGURATION, Key, Value, made_key
from jairouter.caller import Caller, Kind
from jairouter.config.settings.api_keys import LONGEST, ApiKeySettings
from jairouter.errors import Reason, Unauthenticated
from jairouter.interfaces import IAuthenticator

if TYPE_CHECKING:
    from jairouter.config.settings.api_keys import KeySettings

DIGEST_SIZE: Final = 32

_UNKNOWN: Final = "this API key is not valid"
_EXPIRED: Final = "this API key has expired"


class _Entry(NamedTuple):
    """One value of a key that may be used."""

    digest: bytes
    caller: Caller
    until: float


@implementer(IAuthenticator)
class KeyRing:
    """All keys, those of the configuration and those that were made.

    Both may change at any time: what is known of a key that stays, goes on, such as how much it has used.

    Args:
        pepper: A secret that no other gateway has, unless it uses the same store; 16 to 64 bytes.
        today: Seconds since the epoch.

    Attributes:
        settings: Those of the configuration.
        keys: All of them by their names.
        allowances: How much each of them may ask for, of those that may not ask for everything.
        charged: The last day on which requests were charged to a key, in days since the epoch, and how many,
            as far as all gateways have said so.
    """

    _log = Logger()

    def __init__(self, pepper: bytes, today: Callable[[], float]) -> None:
        self.season(pepper)
        self._today = today
        self.settings = ApiKeySettings()
        self.keys: Mapping[str, Key] = {}
        self.allowances: dict[str, Allowance] = {}
        self.charged: Callable[[str], tuple[int, int]] = lambda name: (0, 0)
        self._configured: dict[str, Key] = {}
        self._made: dict[str, Key] = {}
        self._overrides: Mapping[str, bool] = {}
        self._entries: dict[bytes, _Entry] = {}
        self._switched_off: frozenset[bytes] = frozenset()
        self._callers: dict[str, Caller] = {}
        self._told: set[tuple[str, str]] = set()

    def authenticate(self, credential: bytes) -> Caller:
        """See `IAuthenticator.authenticate`. Never asks anybody else."""
        if len(credential) > LONGEST or not credential.isascii():
            raise Unauthenticated(_UNKNOWN, Reason.UNKNOWN_KEY)
        keyed = self._keyed.copy()
        keyed.update(sha256(credential).digest())
        digest = keyed.digest()
        entry = self._entries.get(digest)
        # A dictionary compares too, but it does not promise to look at all of it
        if entry is None or not compare_digest(entry.digest, digest):
            raise Unauthenticated(_UNKNOWN, Reason.UNKNOWN_KEY, ours=digest in self._switched_off)
        if entry.until <= self._today():
            raise Unauthenticated(_EXPIRED, Reason.EXPIRED_KEY)
        return entry.caller

    def digest(self, fingerprint: bytes) -> bytes:
        """What is kept of a key, of which this is the SHA-256."""
        keyed = self._keyed.copy()
        keyed.update(fingerprint)
        return keyed.digest()

    def season(self, pepper: bytes) -> None:
        """Use another secret from the next `configure` on; see the class."""
        self._keyed = blake2b(key=pepper, digest_size=DIGEST_SIZE)

    def configure(self, settings: ApiKeySettings) -> None:
        """Take the keys of the configuration, in place of those it had before."""
        self.settings = settings
        self._configured = {each.key_id: self._configured_key(each) for each in settings.keys}
        self._rebuild()

    def made(self, value: Mapping[str, Any]) -> None:
        """Take the keys that were made, in place of those that were there before.

        Args:
            value: Of their document. What is not as it should be in it is left out, and logged.
        """
        written = _mapping(value.get("keys"))
        self._made = {name: key for name, each in written.items() if (key := self._made_key(name, each))}
        overrides = _mapping(value.get("overrides"))
        # (One that cannot be read keeps its key out: it was written to stop one)
        self._overrides = {name: _mapping(each).get("enabled") is True for name, each in overrides.items()}
        self._rebuild()

    def is_configured(self, name: str) -> bool:
        """Whether a key is the configuration's."""
        return name in self._configured

    def is_configured_value(self, digest: bytes) -> bool:
        """Whether a key of the configuration is kept as this."""
        return any(each.digest == digest for key in self._configured.values() for each in key.values)

    def configured_enabled(self, name: str) -> bool:
        """Whether the configuration alone would let a key be used that it has."""
        key = self._configured.get(name)  # (a thread may ask while others are configured)
        return key is not None and key.terms.enabled

    def _configured_key(self, settings: KeySettings) -> Key:
        value = Value(self.digest(settings.fingerprint))
        return Key(settings, (value,), CONFIGURATION, settings.enabled)

    def _made_key(self, name: str, written: Any) -> Key | None:
        before = self._made.get(name)
        if before is not None and before.written == written:
            return before
        try:
            return made_key(name, written)
        except Exception:  # whatever somebody has written into the file by hand
            self._warn(name, "cannot be read and is refused: it is not as this gateway writes keys")
            return None

    def _rebuild(self) -> None:
        keys = {key.name: key for key in self._all()}
        allowances, callers = {}, {}
        entries: dict[bytes, _Entry] = {}
        for name, key in keys.items():
            allowance = self._allowance(key)
            if allowance is not None:
                allowances[name] = allowance
            callers[name] = caller = self._caller(key, allowance)
            for value in key.values if key.enabled else ():
                until = min(value.until, inf if key.terms.expires_at is None else key.terms.expires_at)
                taken = entries.setdefault(value.digest, _Entry(value.digest, caller, until))
                if taken.caller is not caller:
                    self._warn(name, f"has the same value as {taken.caller.name}, which it stands for")
        self.keys, self.allowances, self._callers = keys, allowances, callers
        self._entries = entries
        self._switched_off = frozenset(
            value.digest for key in keys.values() if not key.enabled for value in key.values
        )

    def _all(self) -> Iterator[Key]:
        """All keys; where there are two of a name or a value, the first counts."""
        for name, key in self._configured.items():
            enabled = self._overrides.get(name, key.enabled)
            yield key if enabled == key.enabled else Key(key.terms, key.values, key.source, enabled)
        for name, key in self._made.items():
            if name in self._configured:
                self._warn(name, "was made through the API, too; the one of the configuration counts")
            else:
                yield key

    def _allowance(self, key: Key) -> Allowance | None:
        known = self.allowances.get(key.name)
        if known is None:
            if not key.limits:
                return None
            known = Allowance(key.limits, self._today)
            known.learn(*self.charged(key.name))
            return known
        known.configure(key.limits)  # kept without limits too: there may be some again
        return known

    def _caller(self, key: Key, allowance: Allowance | None) -> Caller:
        known = self._callers.get(key.name)
        limited = allowance if key.limits else None
        if (
            known is not None
            and known.permissions == key.permissions
            and known.networks == key.terms.allow_from
            and known.allowance is limited
        ):
            known.terms = key.terms
            return known
        return Caller(key.name, Kind.KEY, key.permissions, key.terms.allow_from, limited, key.terms)

    def _warn(self, name: str, what: str) -> None:
        if (name, what) not in self._told:  # once, not at each change of any key
            self._told.add((name, what))
            self._log.warn("the API key {key} {what}", key=name, what=what)

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self.keys)}>"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
