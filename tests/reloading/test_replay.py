"""Tests for `jairouter.reloading.replay`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.adapters.normal import NormalAdapter
from jairouter.control import Rerouted
from jairouter.exchange import Attempt, Exchange
from jairouter.filters.resolve import Services
from jairouter.interfaces import Affinity, IBalancer
from jairouter.reloading.replay import rerouted, went_to
from jairouter.traffic.affinity import key_for
from jairouter.traffic.balancers.hashing import HashingBalancer
from jairouter.traffic.balancers.random import RandomBalancer
from jairouter.traffic.balancers.round_robin import RoundRobinBalancer
from jairouter.traffic.decision import Decision, Key
from jairouter.traffic.exclusion import Exclusion, Reason
from jairouter.traffic.group import Excluded, Group
from jairouter.traffic.instance import Instance
from jairouter.traffic.live import Live
from tests.filters.inner import instance
from tests.fuzz.examples import examples

BY_CLIENT = key_for(Affinity.CLIENT)


def at(host: int, **made: Any) -> Instance:
    """An instance of the model m."""
    return instance(base_url=f"http://10.0.0.{host}:9000", **made)


def services(*instances: Instance, balancer: IBalancer | None = None, **made: Any) -> Services:
    """The instances of the model m, and how one is chosen."""
    return {"chat": {"m": Group(instances, balancer or RandomBalancer(Random(0)), **made)}}


def hashing(*instances: Instance, affinity: Affinity = Affinity.CLIENT) -> Services:
    """Likewise, by key."""
    return services(*instances, balancer=HashingBalancer(affinity, Random(0)), key_of=key_for(affinity))


def attempt(where: Instance, *, answered: bool = True, excluded: Excluded = ()) -> Attempt:
    """One that is over."""
    made = Attempt(where, lambda: 1.0, excluded)
    made.answered = 2.0 if answered else 0.0
    return made


def decision(*attempts: Attempt, path: str = "/v1/chat/completions", **made: Any) -> Decision:
    """The record of a request."""
    usual = (0.0, "req_1", path, "chat", "m", 200, "", 0.0, 1.0, "", attempts)
    return Decision(*usual)._replace(**made)


def to(where: Instance, times: int = 1, excluded: Excluded = ()) -> list[Decision]:
    """Requests that went there at once."""
    return [decision(attempt(where, excluded=excluded)) for _ in range(times)]


def replay(decisions: Sequence[Decision], before: Services, after: Services) -> Rerouted:
    """What is found of the one model."""
    (found,) = rerouted(decisions, before, after, NormalAdapter())
    return found


def why(where: Instance, reason: Reason) -> Excluded:
    """It could not be used."""
    return ((where, Exclusion(reason)),)


class SharesTests(SynchronousTestCase):
    """Who gets how much."""

    def test_by_weight(self) -> None:
        one, other = at(1, label="a"), at(2, label="b")
        after = services(at(1, label="a", weight=3), at(2, label="b"))
        found = replay(to(one, 3) + to(other, 1), services(one, other), after)
        self.assertEqual(found, Rerouted("chat", "m", 4, 0, 0, {"a": (0.75, 0.75), "b": (0.25, 0.25)}))

    def test_one_that_is_new(self) -> None:
        one = at(1, label="a")
        found = replay(to(one), services(one), services(at(1, label="a"), at(2, label="b")))
        self.assertEqual((found.elsewhere, found.shares), (0, {"a": (1.0, 0.5), "b": (0.0, 0.5)}))

    def test_tiers(self) -> None:
        """A lower number gets everything."""
        one = at(1, label="a")
        after = services(at(1, label="a", priority=1), at(2, label="b"))
        found = replay(to(one), services(one), after)
        self.assertEqual((found.elsewhere, found.shares), (1, {"a": (1.0, 0.0), "b": (0.0, 1.0)}))

    def test_the_next_tier(self) -> None:
        """It takes over where nobody of a better one could be used."""
        one, down = at(1, label="a"), at(2, label="b")
        decisions = to(one, excluded=why(down, Reason.DOWN))
        after = services(at(1, label="a", priority=1), at(2, label="b"))
        self.assertEqual(replay(decisions, services(one, down), after).shares, {"a": (1.0, 1.0)})

    def test_models_with_most_requests_first(self) -> None:
        few, many = at(1, name="a"), at(1, name="b")
        both = {
            "chat": {
                "a": Group([few], RandomBalancer(Random(0))),
                "b": Group([many], RandomBalancer(Random(0))),
            }
        }
        found = rerouted(to(few) + to(many, 2), both, both, NormalAdapter())
        self.assertEqual([(each.model, each.requests) for each in found], [("b", 2), ("a", 1)])


class ElsewhereTests(SynchronousTestCase):
    """Which requests would have gone to another instance for certain."""

    def setUp(self) -> None:
        self.one, self.other = at(1), at(2)
        self.before = services(self.one, self.other)

    def elsewhere(self, after: Services, decisions: Sequence[Decision] | None = None) -> int:
        return replay(decisions or to(self.one, 2) + to(self.other, 3), self.before, after).elsewhere

    def test_nothing_changed(self) -> None:
        self.assertEqual(self.elsewhere(services(at(1), at(2))), 0)

    def test_one_that_is_gone(self) -> None:
        self.assertEqual(self.elsewhere(services(at(2))), 2)

    def test_one_that_was_gone_already(self) -> None:
        """It went there under a configuration before the one in force: no doing of this change."""
        self.assertEqual(self.elsewhere(services(at(1), at(2)), to(at(9, label="gone"), 2)), 0)
        self.before = services(self.one, at(2, weight=0))
        self.assertEqual(self.elsewhere(services(at(1), at(2, weight=0)), to(self.other, 2)), 0)

    def test_one_that_gets_nothing(self) -> None:
        self.assertEqual(self.elsewhere(services(at(1), at(2, weight=0))), 3)

    def test_one_that_is_known_by_its_id(self) -> None:
        """Wherever it has moved."""
        known = at(1, label="a")
        after = services(at(7, label="a"), at(2))
        self.assertEqual(self.elsewhere(after, to(known)), 0)

    def test_one_that_was_given_an_id(self) -> None:
        self.assertEqual(self.elsewhere(services(at(1, label="a"), at(2))), 0)

    def test_one_that_could_not_be_used(self) -> None:
        """It is no candidate, whatever its weight."""
        decisions = to(self.one, excluded=why(self.other, Reason.BREAKER_OPEN))
        found = replay(decisions, self.before, services(at(1), at(2, weight=9)))
        self.assertEqual(found.shares, {self.one.label: (1.0, 1.0)})

    def test_one_that_the_configuration_kept_back(self) -> None:
        """Another one may not."""
        for reason in (Reason.DRAINED, Reason.TIER):
            decisions = to(self.one, excluded=why(self.other, reason))
            found = replay(decisions, self.before, services(at(1), at(2)))
            self.assertEqual(found.shares[self.other.label], (0.0, 0.5))


class RefusedTests(SynchronousTestCase):
    """Requests for which there would be nobody."""

    def test_nobody_left(self) -> None:
        one = at(1)
        found = replay(to(one, 2), services(one), services())
        self.assertEqual((found.requests, found.elsewhere, found.refused), (2, 0, 2))

    def test_a_model_that_is_gone(self) -> None:
        one = at(1)
        self.assertEqual(replay(to(one), services(one), {"chat": {}}).refused, 1)
        self.assertEqual(replay(to(one), services(one), {}).refused, 1)

    def test_a_route_that_is_not_spoken_any_more(self) -> None:
        """A path of another form leaves it to the primary route."""
        one = at(1)
        decisions = [decision(attempt(one), path="/v1/responses"), *to(one)]
        found = replay(decisions, services(one), services(at(1, path="/api/chat")))
        self.assertEqual((found.requests, found.refused), (2, 1))

    def test_nobody_but_one_that_could_not_be_used(self) -> None:
        one, down = at(1), at(2)
        decisions = to(one, excluded=why(down, Reason.EJECTED))
        self.assertEqual(replay(decisions, services(one, down), services(at(2))).refused, 1)

    def test_one_that_was_refused(self) -> None:
        """It may find somebody now."""
        down = at(1)
        refused = decision(excluded=why(down, Reason.DOWN), status=503)
        found = replay([refused], services(down), services(at(1), at(2, label="new")))
        self.assertEqual((found.refused, found.elsewhere, found.shares), (0, 0, {"new": (0.0, 1.0)}))
        self.assertEqual(replay([refused], services(down), services(at(1))).refused, 1)

    def test_refused_for_other_reasons(self) -> None:
        """Such as a limit: instances had nothing to do with it."""
        one = at(1)
        found = rerouted([decision(status=429)], services(one), services(), NormalAdapter())
        self.assertEqual(found, ())


class WentToTests(SynchronousTestCase):
    """Where a request went in the end."""

    def test_the_last_that_answered(self) -> None:
        first, second, third = attempt(at(1), answered=False), attempt(at(2)), attempt(at(3), answered=False)
        self.assertIs(went_to(decision(first, second, third)), second)

    def test_nobody_answered(self) -> None:
        first, second = (attempt(at(host), answered=False) for host in (1, 2))
        self.assertIs(went_to(decision(first, second)), second)
        self.assertIsNone(went_to(decision()))

    def test_another_model(self) -> None:
        """A fallback: the request counts with the model that answered."""
        one, other = at(1), at(2, name="other")
        both = {"chat": {**services(one)["chat"], "other": Group([other], RandomBalancer(Random(0)))}}
        found = replay([decision(attempt(one, answered=False), attempt(other))], both, both)
        self.assertEqual((found.model, found.shares), ("other", {other.label: (1.0, 1.0)}))

    def test_a_retry(self) -> None:
        """Who was tried before would fail again."""
        one, other = at(1), at(2)
        tried = attempt(other, excluded=why(one, Reason.TRIED))
        found = replay([decision(attempt(one, answered=False), tried)], services(one, other), services(at(1)))
        self.assertEqual(found.refused, 1)


class KeyTests(SynchronousTestCase):
    """Balancers that go by keys."""

    HOSTS = range(1, 9)

    def keyed(
        self, key_of: Callable[[Exchange], bytes] | None = BY_CLIENT, number: int = 100
    ) -> tuple[list[Decision], Services]:
        """Requests, each to where its key leads."""
        assert key_of is not None
        before = hashing(*map(at, self.HOSTS))
        group = before["chat"]["m"]
        decisions = []
        for count in range(number):
            value = b"192.0.2.%d" % count
            picked = group.choose(0.0, value).instance
            assert picked is not None
            decisions.append(decision(attempt(picked), key=Key(value, key_of)))
        return decisions, before

    def test_nothing_changed(self) -> None:
        """Each request would go where it went."""
        decisions, before = self.keyed()
        found = replay(decisions, before, hashing(*map(at, self.HOSTS)))
        self.assertEqual(found.elsewhere, 0)
        for observed, expected in found.shares.values():
            self.assertEqual(observed, expected)

    def test_one_more(self) -> None:
        """It takes its part of the keys, exactly those that the balancer will give to it."""
        decisions, before = self.keyed()
        after = hashing(*map(at, (*self.HOSTS, 99)))
        found = replay(decisions, before, after)
        picked = [after["chat"]["m"].choose(0.0, b"192.0.2.%d" % count).instance for count in range(100)]
        moved = [each for each in picked if each is not None and each.base_url == "http://10.0.0.99:9000"]
        self.assertEqual(found.elsewhere, len(moved))
        self.assertIn(len(moved), range(1, 40))

    def test_one_that_was_too_busy(self) -> None:
        """That its requests went to the next one then is nobody's change."""
        decisions, before = self.keyed()
        elsewhere = [
            each._replace(attempts=[attempt(before["chat"]["m"].instances[0])]) for each in decisions
        ]
        self.assertEqual(replay(elsewhere, before, hashing(*map(at, self.HOSTS))).elsewhere, 0)

    def test_keys_of_another_kind(self) -> None:
        """They say nothing: it goes by weight."""
        decisions, before = self.keyed()
        found = replay(decisions, before, hashing(*map(at, self.HOSTS), affinity=Affinity.PREFIX))
        self.assertEqual({expected for _, expected in found.shares.values()}, {0.125})
        self.assertEqual(found.elsewhere, 0)

    def test_no_key(self) -> None:
        one = at(1)
        found = replay(to(one), services(one), hashing(at(1), at(2)))
        self.assertEqual({expected for _, expected in found.shares.values()}, {0.5})


def state(live: Live) -> dict[str, object]:
    """All that is known about an instance."""
    return {name: getattr(live, name) for name in Live.__slots__}


BALANCERS: list[Callable[[], IBalancer]] = [
    lambda: RandomBalancer(Random(0)),
    RoundRobinBalancer,
    lambda: HashingBalancer(Affinity.CLIENT, Random(0)),
]


class AnyTests(SynchronousTestCase):
    """Whatever was recorded, and whatever is planned."""

    @given(
        st.lists(
            st.tuples(st.integers(0, 4), st.sampled_from([None, *Reason]), st.binary(max_size=3)), max_size=12
        ),
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=5, max_size=5),
        st.sampled_from(BALANCERS),
    )
    @examples(40)
    def test_lives_are_left_alone(
        self,
        records: list[tuple[int, Reason | None, bytes]],
        planned: list[tuple[int, int]],
        balancer: Callable[[], IBalancer],
    ) -> None:
        """Nothing that lives is changed, and the numbers belong together."""
        instances = [at(host) for host in range(5)]
        # The very same lives, as where a reload would take them over
        after = [at(host, weight=weight, priority=tier) for host, (weight, tier) in enumerate(planned)]
        shared = [each.live for each in instances]
        for each, live in zip(after, shared, strict=True):
            each.live = live
        decisions = [
            decision(
                attempt(instances[host], excluded=why(instances[0], reason) if reason else ()),
                key=Key(key, BY_CLIENT) if BY_CLIENT else None,
            )
            for host, reason, key in records
        ]
        sides = [services(*several, balancer=balancer(), key_of=BY_CLIENT) for several in (instances, after)]
        before = [state(live) for live in shared]
        found = rerouted(decisions, sides[0], sides[1], NormalAdapter())
        self.assertEqual([state(live) for live in shared], before)
        for tally in found:
            observed, expected = (sum(share[side] for share in tally.shares.values()) for side in (0, 1))
            self.assertAlmostEqual(observed, 1.0, places=2)
            self.assertAlmostEqual(expected, 1 - tally.refused / tally.requests, places=2)
            self.assertLessEqual(tally.elsewhere + tally.refused, tally.requests)
