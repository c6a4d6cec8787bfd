"""Tests for `jairouter.traffic.group`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.interfaces import Affinity, IBalancer
from jairouter.traffic.exclusion import Reason
from jairouter.traffic.group import Choice, Group
from jairouter.traffic.instance import Instance
from tests.filters.inner import instance
from tests.fuzz.examples import examples
from tests.traffic.lives import break_, take_down

TROUBLES = ("", "down", "broken", "cool", "out", "drained")


@implementer(IBalancer)
class First:
    """Picks the first; notes what it was asked."""

    affinity = Affinity.NONE

    def __init__(self) -> None:
        self.asked: list[tuple[Sequence[Instance], bytes]] = []

    def pick(self, candidates: Sequence[Instance], key: bytes) -> Instance | None:
        self.asked.append((list(candidates), key))
        return candidates[0] if candidates else None


def several(*priorities: int) -> list[Instance]:
    """An instance of each of these priorities."""
    return [
        instance(base_url=f"http://10.0.0.{number}", priority=each) for number, each in enumerate(priorities)
    ]


def reasons(choice: Choice) -> dict[Instance, Reason]:
    """Why each of the others was not used."""
    return {each: why.reason for each, why in choice.excluded}


class Case(SynchronousTestCase):
    """A group of instances."""

    def setUp(self) -> None:
        self.balancer = First()
        verifyObject(IBalancer, self.balancer)

    def group(self, instances: Sequence[Instance], **made: Any) -> Group:
        return Group(instances, self.balancer, **made)


class ChooseTests(Case):
    """Which instances may be used, and which one."""

    def test_all(self) -> None:
        """In configuration order, and with the key."""
        group = self.group(instances := several(0, 0, 0))
        for _ in range(2):  # the first time all are asked, since they are new
            choice = group.choose(0.0, b"k")
            self.assertIs(choice.instance, instances[0])
            self.assertEqual((list(choice.candidates), choice.excluded), (instances, ()))
            self.assertEqual(self.balancer.asked.pop(), (instances, b"k"))

    def test_nobody(self) -> None:
        self.assertEqual(self.group([]).choose(0.0, b""), Choice(None, (), ()))

    def test_excluded(self) -> None:
        one, two, three = instances = several(0, 0, 0)
        one.live.cool(10.0)
        break_(three)
        choice = self.group(instances).choose(0.0, b"")
        self.assertEqual(reasons(choice), {one: Reason.COOLING, three: Reason.BREAKER_OPEN})
        self.assertEqual((choice.instance, choice.candidates), (two, [two]))

    def test_asked_again_when_something_happens(self) -> None:
        one, two = instances = several(0, 0)
        group = self.group(instances)
        for _ in range(2):
            self.assertIs(group.choose(0.0, b"").instance, one)
        one.live.eject(30.0, 0.0)
        self.assertIs(group.choose(1.0, b"").instance, two)
        self.assertIs(group.choose(30.0, b"").instance, one)

    def test_all_excluded(self) -> None:
        """Each with its reason; the balancer is not asked."""
        one, two = instances = several(0, 1)
        one.live.cool(10.0)
        take_down(two)
        choice = self.group(instances).choose(0.0, b"")
        self.assertEqual(reasons(choice), {one: Reason.COOLING, two: Reason.DOWN})
        self.assertEqual((choice.instance, self.balancer.asked), (None, []))

    def test_drained(self) -> None:
        """Weight 0: never, also when nobody else is left."""
        one, two = instances = [instance(weight=0), instance()]
        group = self.group(instances)
        for _ in range(2):
            choice = group.choose(0.0, b"")
            self.assertEqual((choice.instance, reasons(choice)), (two, {one: Reason.DRAINED}))
        self.assertIsNone(group.choose(0.0, b"", [two]).instance)

    def test_share_is_up_to_date(self) -> None:
        """When the balancer looks at it, of all candidates."""
        instances = several(0, 0)
        for each in instances:
            each.live.slow_start = 10.0
            each.live.recover(0.0)
        self.group(instances).choose(5.0, b"")
        self.assertEqual([each.live.share for each in instances], [0.5, 0.5])

    def test_part(self) -> None:
        """It lives the same life."""
        one, two = instances = several(0, 0)
        group = self.group(instances, panic=0.5, again=True)
        part = group.only(lambda each: each is two)
        self.assertEqual((part.instances, part.again), ((two,), True))
        self.assertIs(part.choose(0.0, b"").instance, two)
        take_down(two)
        self.assertIs(part.choose(0.0, b"").instance, two)  # it panics for itself
        self.assertIs(group.choose(0.0, b"").instance, one)


class TierTests(Case):
    """Lower numbers come first."""

    def test_best_one(self) -> None:
        """In whatever order they are configured."""
        one, two, three, four = instances = several(2, 0, 1, 0)
        group = self.group(instances)
        for _ in range(2):
            choice = group.choose(0.0, b"")
            self.assertEqual(list(choice.candidates), [two, four])
            self.assertEqual(reasons(choice), {one: Reason.TIER, three: Reason.TIER})

    def test_not_spilt_while_one_is_left(self) -> None:
        one, two, _ = instances = several(0, 0, 1)
        take_down(one)
        self.assertEqual(self.group(instances).choose(0.0, b"").candidates, [two])

    def test_spilt(self) -> None:
        one, two, three, four = instances = several(0, 0, 1, 2)
        take_down(one)
        two.live.cool(10.0)
        choice = self.group(instances).choose(0.0, b"")
        self.assertEqual(choice.candidates, [three])
        self.assertEqual(reasons(choice), {one: Reason.DOWN, two: Reason.COOLING, four: Reason.TIER})

    def test_spilt_when_tried(self) -> None:
        one, two = instances = several(0, 1)
        choice = self.group(instances).choose(0.0, b"", [one])
        self.assertEqual((choice.instance, reasons(choice)), (two, {one: Reason.TRIED}))

    def test_balancer_wants_none(self) -> None:
        """As if it had no candidate."""
        one, two = instances = several(0, 1)
        group = self.group(instances)
        self.assertIs(group.choose(0.0, b"").instance, one)
        self.balancer.pick = lambda candidates, key: two if two in candidates else None  # type: ignore[method-assign]
        self.assertIs(group.choose(0.0, b"").instance, two)

    def test_drained_by_a_reload(self) -> None:
        """Exchanges that go by the old configuration heed it as well."""
        one, two = instances = several(0, 1)
        group = self.group(instances)
        instance(weight=0, live=one.live)
        choice = group.choose(0.0, b"")
        self.assertEqual((choice.instance, reasons(choice)), (two, {one: Reason.DRAINED}))


class PanicTests(Case):
    """When too few are up, it is most likely the checks that are wrong."""

    def test_threshold(self) -> None:
        """Below half: with two of four up it does not panic, with one it does."""
        instances = several(0, 0, 0, 0)
        group = self.group(instances, panic=0.5)
        take_down(instances[0])
        instances[1].live.eject(30.0, 0.0)
        self.assertEqual(group.choose(1.0, b"").candidates, instances[2:])
        take_down(instances[2])
        self.assertEqual(group.choose(1.0, b"").candidates, instances)
        self.assertEqual(group.choose(30.0, b"").candidates, [instances[1], instances[3]])

    def test_never(self) -> None:
        instances = several(0, 0)
        for each in instances:
            take_down(each)
        choice = self.group(instances).choose(0.0, b"")
        self.assertEqual(set(reasons(choice).values()), {Reason.DOWN})

    def test_always(self) -> None:
        """With 100 %, as soon as one is not up."""
        instances = several(0, 0)
        group = self.group(instances, panic=1.0)
        take_down(instances[0])
        self.assertEqual(group.choose(0.0, b"").candidates, instances)

    def test_exact(self) -> None:
        """7 of 100 are not fewer than 7 %, though 0.07 * 100 is more than 7."""
        instances = several(*[0] * 100)
        for each in instances[7:]:
            take_down(each)
        self.assertEqual(len(self.group(instances, panic=0.07).choose(0.0, b"").candidates), 7)

    def test_breakers_hold(self) -> None:
        """And so do cool-downs: those are no opinions."""
        one, two, three = instances = several(0, 0, 0)
        for each in instances:
            take_down(each)
        break_(one)
        two.live.cool(10.0)
        choice = self.group(instances, panic=0.5).choose(1.0, b"")
        self.assertEqual(choice.candidates, [three])
        self.assertEqual(reasons(choice), {one: Reason.BREAKER_OPEN, two: Reason.COOLING})

    def test_open_breakers_are_no_reason(self) -> None:
        """They are of the traffic's own making; only checks can be wrong."""
        one, two, three = instances = several(0, 0, 0)
        break_(one)
        break_(two)
        take_down(three)
        self.assertIsNone(self.group(instances, panic=0.5).choose(1.0, b"").instance)

    def test_counted_over_all_tiers(self) -> None:
        """A tier that is down altogether spills to the next; that is no reason to panic."""
        one, two, three = instances = several(0, 1, 1)
        take_down(one)
        self.assertEqual(self.group(instances, panic=0.5).choose(0.0, b"").candidates, [two, three])

    def test_a_tier_that_is_up(self) -> None:
        """It does not wait behind a better one of which nobody is, but nobody is left out either."""
        one, two, spare = instances = several(0, 0, 1)
        group = self.group(instances, panic=0.5)
        for each in (one, two):
            take_down(each)
        self.assertEqual(group.choose(0.0, b"").candidates, [spare])
        self.assertEqual(group.choose(0.0, b"", [spare]).candidates, [one, two])
        take_down(spare)
        self.assertEqual(group.choose(0.0, b"").candidates, [one, two])

    def test_drained_ones_do_not_count(self) -> None:
        instances = [*several(0, 0), instance(weight=0), instance(weight=0)]
        take_down(instances[0])
        choice = self.group(instances, panic=0.5).choose(0.0, b"")
        self.assertEqual(choice.candidates, [instances[1]])


class CouldChooseTests(Case):
    """Whether to retry at all."""

    def test_tried(self) -> None:
        one, two = instances = several(0, 1)
        group = self.group(instances)
        self.assertTrue(group.could_choose(0.0, [one]))
        self.assertFalse(group.could_choose(0.0, [one, two]))

    def test_again(self) -> None:
        """Those that were tried, but for those of which an attempt is still under way."""
        one, two = instances = several(0, 0)
        group = self.group(instances, again=True)
        self.assertTrue(group.could_choose(0.0, [one, two], [one]))
        self.assertFalse(group.could_choose(0.0, [one, two], [one, two]))

    @given(
        st.lists(
            st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from(TROUBLES)),
            max_size=5,
        ),
        st.sets(st.integers(0, 4)),
        st.sets(st.integers(0, 4)),
        st.booleans(),
        st.sampled_from([0.0, 0.5, 1.0]),
        st.sampled_from([0.0, 30.0, 60.0]),
    )
    @examples(60)
    def test_agrees_with_choose(
        self,
        made: list[tuple[int, int, str]],
        tried: set[int],
        busy: set[int],
        again: bool,
        panic: float,
        now: float,
    ) -> None:
        """Pick asks first without those that were tried, and then, where that is wanted, with them."""
        instances = [instance(priority=priority, weight=weight) for priority, weight, _ in made]
        for each, (_, _, trouble) in zip(instances, made, strict=True):
            if trouble == "down":
                take_down(each)
            elif trouble == "broken":
                break_(each)
            elif trouble == "cool":
                each.live.cool(30.0)
            elif trouble == "out":
                each.live.eject(30.0, 0.0)
            elif trouble == "drained":
                each.live.weight = each.live.share = 0.0
        group = self.group(instances, again=again, panic=panic)
        unwanted = [each for number, each in enumerate(instances) if number in tried | busy]
        under_way = [each for number, each in enumerate(instances) if number in busy]
        could = group.could_choose(now, unwanted, under_way)
        found = group.choose(now, b"", unwanted).instance
        if found is None and again:
            found = group.choose(now, b"", under_way).instance
        self.assertIs(could, found is not None)
        self.assertEqual(sum(each.in_flight for each in instances), 0)
