"""What the tests of names have in common: a resolver that answers when the test does."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import DNSLookupError
from twisted.internet.interfaces import IHostnameResolver
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.timers import TimerWheel
from jairouter.upstream.names import Addresses, NameLimits, Names


@implementer(IHostnameResolver)
class Resolver:
    """Answers when the test does.

    Attributes:
        asked: Every name it was asked for.
        open: Those that it has not answered yet, with who asked.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open: list[tuple[str, Any]] = []

    def resolveHostName(
        self,
        resolutionReceiver: Any,
        hostName: str,
        portNumber: int = 0,
        addressTypes: Any = None,
        transportSemantics: str = "TCP",
    ) -> Any:
        resolutionReceiver.resolutionBegan(self)
        self.asked.append(hostName)
        self.open.append((hostName, resolutionReceiver))
        return self

    def answer(self, *addresses: str, name: str = "") -> None:
        """Answer the oldest question, or the oldest for this name. Without addresses, it failed."""
        index = next(n for n, (asked, _) in enumerate(self.open) if name in ("", asked))
        _, receiver = self.open.pop(index)
        for each in addresses:
            kind = IPv6Address if ":" in each else IPv4Address
            receiver.addressResolved(kind("TCP", each, 0))
        receiver.resolutionComplete()


class NamesCase(SynchronousTestCase):
    """Names, a resolver and a clock."""

    limits = NameLimits(ttl=30, negative_ttl=5, max_stale=300, max_lookups=2)

    def setUp(self) -> None:
        self.clock = Clock()
        self.resolver = Resolver()
        self.names = Names(lambda: self.resolver, TimerWheel(self.clock), self.limits)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def look_up(self, name: str = "a.test") -> Deferred[Addresses]:
        return self.names.look_up(name)

    def known(self, *addresses: str, name: str = "a.test") -> None:
        """A name that was looked up just now."""
        answer = self.look_up(name)
        self.resolver.answer(*addresses, name=name)
        self.successResultOf(answer)

    def fails(self, answer: Deferred[Addresses]) -> None:
        error = self.failureResultOf(answer, DNSLookupError).value
        self.assertIn("a.test", str(error))
