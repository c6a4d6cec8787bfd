"""Permits and the ledger that counts them.

Promise 3 of the design, nothing leaks: whatever is lent out (an in-flight slot, a connection) is a
`Permit` with one owner, settled exactly once. The `Ledger` counts what is out, by kind; at rest every
count is zero, and both tests and the metrics page look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zope.interface import implementer

from jairouter.exchange import Outcome
from jairouter.interfaces import IPermit


class AlreadySettled(RuntimeError):
    """A permit was settled twice: some path in the gateway believes it owns what another owned."""


KINDS = ("request", "attempt", "connection", "limit", "trial", "key")
"""What is lent out: requests under way, attempts, busy connections to backends, places under limits of how
many may be under way or wait, trials of half-open breakers, and places under such limits of single keys."""


class Ledger:
    """Counts what is out, by kind.

    Args:
        kinds: The kinds that exist, so that a count of zero can be told from a misspelt name.
    """

    def __init__(self, kinds: tuple[str, ...] = KINDS) -> None:
        self._out = dict.fromkeys(kinds, 0)

    def open(self, kind: str, on_settle: Callable[[Outcome], None] | None = None) -> Permit:
        """Lend one of `kind`; `on_settle` is told the outcome when it comes back."""
        return Permit(self, kind, on_settle)

    def outstanding(self) -> Mapping[str, int]:
        """How many of each kind are out now."""
        return dict(self._out)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is out."""
        return not any(self._out.values())

    def __repr__(self) -> str:
        out = ", ".join(f"{kind}={count}" for kind, count in self._out.items())
        return f"<Ledger {out}>"


@implementer(IPermit)
class Permit:
    """One thing lent out by a `Ledger`: counted from when it is made.

    Args:
        ledger: Counts it.
        kind: One of the ledger's.
        on_settle: Told the outcome when it comes back.
    """

    __slots__ = ("_kind", "_ledger", "_on_settle")

    def __init__(self, ledger: Ledger, kind: str, on_settle: Callable[[Outcome], None] | None = None) -> None:
        ledger._out[kind] += 1
        self._ledger: Ledger | None = ledger
        self._kind = kind
        self._on_settle = on_settle

    def settle(self, outcome: Outcome) -> None:
        """See `IPermit.settle`."""
        ledger, self._ledger = self._ledger, None
        if ledger is None:
            raise AlreadySettled(f"this {self._kind} permit was settled before")
        ledger._out[self._kind] -= 1
        if self._on_settle is not None:
            self._on_settle(outcome)
