"""Decides who has guessed passwords often enough. Told the time; does no I/O.

Failed logins are counted three times, for as long as `window`:

* **by account and address.** After a few, this address cannot log in to this account for a while, not even
  with the right password. That costs its owner nothing who is elsewhere; an account that is locked for
  everybody is a present to whoever wants to keep its owner out (OWASP, "Slow down online guessing attacks
  with device cookies").
* **by address**, whatever the account: who tries one password on many accounts.
* **by account**, from wherever. Who guesses from many addresses would otherwise have a few guesses with each.
  After so many, it is only slowed down: addresses from which nobody has logged in to this account before may
  try one at a time, one in `max-delay`, all of them together; with 8 seconds, 112 in a quarter of an hour.
  From where the owner has logged in before, nothing changes. It lasts for `duration`, and begins anew with
  the next failure as long as there are so many within `window`. NIST SP 800-63B, section 5.2.2, wants
  guesses limited, and names addresses from which the user has logged in before as one of the ways not to lock
  the user out.

A login that succeeds makes the failures forgotten of this account from this address, as that section says,
and no others: or whoever has an account of their own could wash the address clean.

What is remembered is bounded, and forgotten when the gateway stops. What was counted is forgotten oldest
first: to push out the failures of one account takes ten thousand failed logins between two guesses. Locks
stand apart and are never pushed out: where there are ten thousand, nothing new is locked until some of them
are over, and the other counts go on.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from jairouter.codec.ip_address import parse_ip
from jairouter.config.stored_password import skeleton

if TYPE_CHECKING:
    from collections.abc import Hashable

    from jairouter.config.settings.accounts import LockoutSettings

K = TypeVar("K")
V = TypeVar("V")

MOST: Final = 10_000
"""Keys of each kind that are remembered, and as many locks."""
ADDRESSES: Final = 20
"""Addresses of one account that are remembered as its owner's."""
LONGEST: Final = 200
"""Characters of a name that count."""

PAIR: Final = "account and address"
ADDRESS: Final = "address"
ACCOUNT: Final = "account"


class Failed(NamedTuple):
    """What comes of a failed login.

    Attributes:
        delay: Seconds after which the answer may be given, from when the login began.
        locked: What is locked from now on: `PAIR`, `ADDRESS`, or `ACCOUNT`, which is slowed down.
    """

    delay: float
    locked: tuple[str, ...] = ()


class Guessing:
    """Counts failed logins of one gateway.

    Args:
        settings: What is too often.
    """

    def __init__(self, settings: LockoutSettings) -> None:
        self._settings = settings
        self._pairs = _Failures()
        self._addresses = _Failures()
        self._accounts = _Failures()
        self._tokens = _Failures()
        self._tried: OrderedDict[str, float] = OrderedDict()
        self._owners: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()

    def configure(self, settings: LockoutSettings) -> None:
        """Go by other settings from now on; what was counted stays."""
        self._settings = settings

    def refusal(self, username: str, address: str, now: float, *, begun: bool = False) -> float:
        """Seconds for which nobody at the address may log in as this user; 0 if they may.

        Args:
            username: As it was typed.
            address: The client's.
            now: The clock's seconds.
            begun: Whether `begin` was called for this login.
        """
        if not self._settings.enabled:
            return 0.0
        name, place = _name(username), place_of(address)
        wait = max(self._pairs.locked((name, place), now), self._addresses.locked(place, now))
        if not begun and self._accounts.locked(name, now) and not self._is_owners(name, place):
            wait = max(wait, self._tried.get(name, now) - now)
        return wait

    def begin(self, username: str, address: str, now: float) -> None:
        """A password is going to be compared, after `refusal` has said 0."""
        name, place = _name(username), place_of(address)
        if self._accounts.locked(name, now) and not self._is_owners(name, place):
            _put(self._tried, name, now + self._settings.max_delay)

    def failed(self, username: str, address: str, now: float) -> Failed:
        """A login has failed."""
        settings = self._settings
        if not settings.enabled:
            return Failed(0.0)
        name, place = _name(username), place_of(address)
        times, pair = self._pairs.count((name, place), settings.max_failures, settings, now)
        of_address, spread = self._addresses.count(place, settings.max_failures_per_address, settings, now)
        _, many = self._accounts.count(name, settings.max_failures_per_account, settings, now)
        doubled = max(times, of_address) - 1
        delay = min(settings.delay * 2 ** min(doubled, 30), settings.max_delay)
        kinds = ((PAIR, pair), (ADDRESS, spread), (ACCOUNT, many))
        return Failed(delay, tuple(kind for kind, locked in kinds if locked))

    def refusal_of_tokens(self, address: str, now: float) -> float:
        """Seconds for which nobody at the address is told of one more token that it is none; 0 if they are.

        Tokens are counted by themselves: under some name, anybody could log in by that name, and so keep an
        address from renewing its tokens.
        """
        if not self._settings.enabled:
            return 0.0
        place = place_of(address)
        return max(self._tokens.locked(place, now), self._addresses.locked(place, now))

    def failed_token(self, address: str, now: float) -> None:
        """Somebody at the address has shown what is no token."""
        settings, place = self._settings, place_of(address)
        if settings.enabled:
            self._tokens.count(place, settings.max_failures, settings, now)
            self._addresses.count(place, settings.max_failures_per_address, settings, now)

    def succeeded(self, username: str, address: str) -> None:
        """A login has succeeded."""
        name, place = _name(username), place_of(address)
        self._pairs.forget((name, place))
        known = self._owners.get(name)
        _put(self._owners, name, OrderedDict() if known is None else known)
        _put(self._owners[name], place, None, ADDRESSES)

    @property
    def remembered(self) -> dict[str, int]:
        """How much is remembered of each kind; for tests, and for whoever wonders where memory goes."""
        counted = {PAIR: self._pairs, ADDRESS: self._addresses, ACCOUNT: self._accounts}
        return {
            **{kind: each.remembered for kind, each in counted.items()},
            "tokens": self._tokens.remembered,
            "slowed down": len(self._tried),
            "owners": len(self._owners),
        }

    def _is_owners(self, name: str, place: str) -> bool:
        return place in self._owners.get(name, ())


class _Failures:
    """Failures of one kind, and locks."""

    def __init__(self) -> None:
        self._counted: OrderedDict[Hashable, deque[float]] = OrderedDict()
        self._locked: OrderedDict[Hashable, float] = OrderedDict()

    def locked(self, key: Hashable, now: float) -> float:
        """Seconds for which it is locked; 0 if it is not."""
        return max(0.0, self._locked.get(key, now) - now)

    def count(self, key: Hashable, most: int, settings: LockoutSettings, now: float) -> tuple[int, bool]:
        """Count a failure, and lock what has had enough.

        Returns:
            Failures within the window, and whether it is locked from now on.
        """
        if not most:
            return 0, False
        times = self._counted.get(key, deque(maxlen=most))
        if times.maxlen != most:
            times = deque(times, most)
        while times and times[0] <= now - settings.window:
            times.popleft()
        times.append(now)
        _put(self._counted, key, times)
        failures = len(times)
        if failures < most or self.locked(key, now) or not self._has_room(now):
            return failures, False
        self._locked.pop(key, None)
        self._locked[key] = now + settings.duration
        return failures, True

    def forget(self, key: Hashable) -> None:
        """Forget its failures."""
        self._counted.pop(key, None)

    @property
    def remembered(self) -> int:
        """Keys of which something is remembered."""
        return max(len(self._counted), len(self._locked))

    def _has_room(self, now: float) -> bool:
        while self._locked and next(iter(self._locked.values())) <= now:
            self._locked.popitem(last=False)
        return len(self._locked) < MOST


def _put(table: OrderedDict[K, V], key: K, value: V, most: int | None = None) -> None:
    """Put a value in as the newest, in place of the oldest where there are too many."""
    table[key] = value
    table.move_to_end(key)
    if len(table) > (MOST if most is None else most):
        table.popitem(last=False)


def _name(username: str) -> str:
    # Directories take Alice and alice for the same, and each spelling would have guesses of its own
    return skeleton(username[:LONGEST])


def place_of(address: str) -> str:
    """An address; of an IPv6 address its network, all of which one subscriber has (RFC 6177)."""
    parsed = parse_ip(address)
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return address[:LONGEST] if parsed is None else str(parsed)
