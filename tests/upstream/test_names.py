"""Names of backends: how long addresses are kept, and in which order they are tried."""

from __future__ import annotations

from twisted.internet.address import HostnameAddress
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHostnameResolver, IResolutionReceiver
from zope.interface.verify import verifyObject

from jairouter.upstream.names import PATIENCE, Addresses, NameLimits, _Question
from tests.upstream.names_rig import NamesCase, Resolver


class KeptTests(NamesCase):
    """Answers, and for how long they are good."""

    def test_interfaces(self) -> None:
        verifyObject(IHostnameResolver, self.resolver)
        verifyObject(IResolutionReceiver, _Question(print))

    def test_first(self) -> None:
        answer = self.look_up()
        self.assertNoResult(answer)
        self.assertEqual(self.resolver.asked, ["a.test"])
        self.resolver.answer("10.0.0.1")
        self.assertEqual(self.successResultOf(answer), ("10.0.0.1",))

    def test_kept(self) -> None:
        self.known("10.0.0.1")
        self.clock.advance(29.9)
        self.assertEqual(self.successResultOf(self.look_up()), ("10.0.0.1",))
        self.assertEqual(len(self.resolver.asked), 1)

    def test_asked_again(self) -> None:
        """And what was true then counts no more."""
        self.known("10.0.0.1")
        self.clock.advance(30)
        answer = self.look_up()
        self.assertNoResult(answer)
        self.resolver.answer("10.0.0.2")
        self.assertEqual(self.successResultOf(answer), ("10.0.0.2",))

    def test_each_name_by_itself(self) -> None:
        self.known("10.0.0.1")
        self.known("10.0.0.2", name="b.test")
        self.assertEqual(self.successResultOf(self.look_up()), ("10.0.0.1",))

    def test_not_found(self) -> None:
        """Nor asked for again, for a shorter time."""
        answer = self.look_up()
        self.resolver.answer()
        self.fails(answer)
        self.clock.advance(4.9)
        self.fails(self.look_up())
        self.assertEqual(len(self.resolver.asked), 1)
        self.clock.advance(0.2)
        answer = self.look_up()
        self.resolver.answer("10.0.0.1")
        self.successResultOf(answer)

    def test_found_after_all(self) -> None:
        """The time of what was found begins when it was found."""
        self.look_up().addErrback(lambda _: None)
        self.resolver.answer()
        self.clock.advance(6)
        self.known("10.0.0.1")
        self.clock.advance(29)
        self.successResultOf(self.look_up())

    def test_resolver_that_was_replaced(self) -> None:
        self.known("10.0.0.1")
        self.resolver = Resolver()
        self.known("10.0.0.2", name="b.test")

    def test_what_is_no_address(self) -> None:
        """And what comes twice, as without a kind of socket it does."""
        answer = self.look_up()
        [(_, receiver)] = self.resolver.open
        receiver.addressResolved(HostnameAddress(b"b.test", 0))
        self.resolver.answer("10.0.0.1", "10.0.0.1")
        self.assertEqual(self.successResultOf(answer), ("10.0.0.1",))


class ClockSetBackTests(NamesCase):
    """The machine's clock was set back: what it says of before lies in the future."""

    def setUp(self) -> None:
        super().setUp()
        self.clock.advance(100_000)

    def set_back(self) -> None:
        self.clock.rightNow -= 3600

    def test_not_found(self) -> None:
        """It is asked for again, not an hour later."""
        answer = self.look_up()
        self.resolver.answer()
        self.fails(answer)
        self.set_back()
        self.clock.advance(6)
        self.known("10.0.0.1")

    def test_found(self) -> None:
        self.known("10.0.0.1")
        self.set_back()
        self.clock.advance(31)
        self.known("10.0.0.2")

    def test_last_addresses_are_not_used_for_ever(self) -> None:
        """Not for longer than with a clock that goes on, from the first look at it."""
        self.known("10.0.0.1")
        self.set_back()
        first = self.look_up()
        self.resolver.answer()
        self.assertEqual(self.successResultOf(first), ("10.0.0.1",))
        self.clock.advance(331)
        answer = self.look_up()
        self.resolver.answer()
        self.fails(answer)


class NothingKeptTests(NamesCase):
    """With 0 seconds."""

    limits = NameLimits(ttl=0)

    def test_asked_each_time(self) -> None:
        self.known("10.0.0.1")
        self.known("10.0.0.2")
        self.assertEqual(len(self.resolver.asked), 2)

    def test_nothing_old_is_used(self) -> None:
        self.known("10.0.0.1")
        answer = self.look_up()
        self.clock.advance(PATIENCE + 1)
        self.assertNoResult(answer)
        self.resolver.answer()
        self.fails(answer)

    def test_failure_is_not_kept(self) -> None:
        for _ in range(2):
            answer = self.look_up()
            self.resolver.answer()
            self.fails(answer)

    def test_asking_again_from_the_answer(self) -> None:
        """It is another look-up, not the one that has just ended."""
        again: list[Deferred[Addresses]] = []
        self.look_up().addCallback(lambda _: again.append(self.look_up()))
        self.resolver.answer("10.0.0.1")
        self.assertNoResult(again[0])
        self.resolver.answer("10.0.0.2")
        self.assertEqual(self.successResultOf(again[0]), ("10.0.0.2",))


class OrderTests(NamesCase):
    """In which order addresses are tried."""

    def turns(self, *addresses: str, times: int = 4) -> list[str]:
        answer = self.look_up()
        self.resolver.answer(*addresses)
        found = [self.successResultOf(answer)]
        found += [self.successResultOf(self.look_up()) for _ in range(times - 1)]
        return [" ".join(each) for each in found]

    def test_families_take_turns(self) -> None:
        """RFC 8305, section 4: if one of them leads nowhere, that costs one attempt, not all of its own."""
        [found] = self.turns("::1", "::2", "::3", "10.0.0.1", "10.0.0.2", times=1)
        self.assertEqual(found, "::1 10.0.0.1 ::2 10.0.0.2 ::3")

    def test_family_that_the_system_prefers_is_first(self) -> None:
        [found] = self.turns("10.0.0.1", "10.0.0.2", "::1", times=1)
        self.assertEqual(found, "10.0.0.1 ::1 10.0.0.2")

    def test_each_connection_begins_with_the_next_address(self) -> None:
        found = self.turns("10.0.0.1", "10.0.0.2", "10.0.0.3")
        self.assertEqual(
            [each.split()[0] for each in found], ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1"]
        )
        self.assertEqual(found[1], "10.0.0.2 10.0.0.3 10.0.0.1")

    def test_each_family_by_itself(self) -> None:
        """The preferred one stays first."""
        found = self.turns("::1", "::2", "10.0.0.1", times=3)
        self.assertEqual(found, ["::1 10.0.0.1 ::2", "::2 10.0.0.1 ::1", "::1 10.0.0.1 ::2"])
