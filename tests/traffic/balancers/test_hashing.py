"""Tests for `jairouter.traffic.balancers.hashing`: where keys go while nobody is busy."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.interfaces import Affinity, IBalancer
from jairouter.traffic.balancers.hashing import MOST_UNITS, HashingBalancer
from jairouter.traffic.balancers.ring import Ring
from jairouter.traffic.instance import Instance
from tests.fuzz.examples import examples
from tests.traffic.balancers.crowd import crowd, nobody, picked

KEYS = [b"192.0.2.%d" % number for number in range(256)] + [b"session-%d" % number for number in range(256)]
SOME = st.integers(2, 8)


def hashing(
    algorithm: str = "md5", places: int = 150, factor: float = 1.25, seed: int = 0
) -> HashingBalancer:
    """A balancer that hashes; whatever is not given is the configuration's default."""
    return HashingBalancer(Affinity.CLIENT, random.Random(seed), algorithm, places, factor)


def homes(balancer: HashingBalancer, candidates: Sequence[Instance]) -> list[Instance]:
    """Where each key goes."""
    return [picked(balancer, candidates, key) for key in KEYS]


def moved(before: Sequence[Instance], after: Sequence[Instance]) -> set[tuple[Instance, Instance]]:
    """From whom to whom keys have moved."""
    return {(old, new) for old, new in zip(before, after, strict=True) if old is not new}


def ring_of(instance: Instance) -> Ring:
    """The ring that an instance is on."""
    ring = getattr(instance.live.memo, "ring", None)
    assert isinstance(ring, Ring)
    return ring


class HashingTests(SynchronousTestCase):
    """Equal keys to the same instance."""

    def test_interface(self) -> None:
        verifyObject(IBalancer, hashing())

    def test_nobody(self) -> None:
        self.assertTrue(nobody(hashing()))

    def test_the_same_again(self) -> None:
        balancer, candidates = hashing(), crowd(1, 2, 3)
        self.assertEqual(homes(balancer, candidates), homes(balancer, candidates))

    def test_every_gateway_agrees(self) -> None:
        """Also after a restart, and whatever the order in which instances are listed, or chance."""
        one = homes(hashing(seed=1), crowd(1, 1, 1))
        other = homes(hashing(seed=2), crowd(1, 1, 1)[::-1])
        self.assertEqual([each.base_url for each in one], [each.base_url for each in other])

    def test_ordinary_hashes(self) -> None:
        """All that the configuration knows, and each its own way."""
        found = [[each.base_url for each in homes(hashing(name), crowd(1, 1, 1))] for name in HASHES]
        self.assertEqual(len(set(map(tuple, found))), len(HASHES))

    @examples(10)
    @given(st.lists(st.integers(1, 4), min_size=2, max_size=5), st.sampled_from(["md5", "sha1", "sha256"]))
    def test_shares_follow_weights(self, weights: list[int], algorithm: str) -> None:
        """150 places for a weight of 1 leave 8 % of chance, 512 keys some more."""
        found = homes(hashing(algorithm), candidates := crowd(*weights))
        for each in candidates:
            due = each.weight / sum(weights)
            self.assertLess(abs(found.count(each) / len(KEYS) - due), 0.04 + 0.4 * due)

    @examples(10)
    @given(SOME, st.integers(0, 7))
    def test_one_goes(self, number: int, index: int) -> None:
        """Only its own keys move, not many more than one in n, and not all to the same."""
        balancer, candidates = hashing(), crowd(*[1] * number)
        gone = candidates[index % number]
        before = homes(balancer, candidates)
        after = homes(balancer, [each for each in candidates if each is not gone])
        self.assertEqual({old for old, _ in moved(before, after)}, {gone})
        self.assertLessEqual(before.count(gone) / len(KEYS), 1.5 / number)
        self.assertEqual(len(moved(before, after)), number - 1)

    @examples(10)
    @given(SOME)
    def test_one_comes(self, number: int) -> None:
        """Keys move to nobody else; and its going again puts everything back."""
        balancer, candidates = hashing(), crowd(*[1] * (number + 1))
        before = homes(balancer, candidates[:-1])
        after = homes(balancer, candidates)
        self.assertEqual({new for _, new in moved(before, after)}, {candidates[-1]})
        self.assertLessEqual(after.count(candidates[-1]) / len(KEYS), 1.5 / (number + 1))
        self.assertEqual(homes(balancer, candidates[:-1]), before)

    @examples(20)
    @given(st.integers(0, 2**32))
    def test_any_part_of_them(self, seed: int) -> None:
        """What was asked for before plays no part: the same as if these were all there ever were."""
        chance = random.Random(seed)
        balancer, candidates = hashing(places=20), crowd(1, 2, 1, 3, 0, 1)
        for _ in range(8):
            part = chance.sample(candidates, chance.randint(1, len(candidates)))
            if any(each.weight for each in part):
                alone = [Instance("chat", "m", each.base_url, weight=each.weight) for each in part]
                expected = homes(hashing(places=20), alone)
                found = homes(balancer, part)
                self.assertEqual([each.base_url for each in found], [each.base_url for each in expected])

    def test_no_key(self) -> None:
        """Requests that have nothing in common are not sent to one instance."""
        balancer, candidates = hashing(), crowd(1, 1, 1)
        self.assertEqual({picked(balancer, candidates, b"") for _ in range(50)}, set(candidates))

    def test_drained(self) -> None:
        found = homes(hashing(), candidates := crowd(1, 0, 1))
        self.assertEqual(set(found), {candidates[0], candidates[2]})

    def test_models_on_one_address(self) -> None:
        """They are different instances, at different places."""
        candidates = [Instance("chat", name, "http://10.0.0.1", "/v1/chat") for name in ("one", "two")]
        self.assertEqual(set(homes(hashing(), candidates)), set(candidates))

    def test_a_slow_start(self) -> None:
        """A tenth of its keys at first, then more of them, and none goes away again."""
        balancer, candidates = hashing(), crowd(1, 1)
        slow = candidates[0]
        full = {key for key, home in zip(KEYS, homes(balancer, candidates), strict=True) if home is slow}
        before: set[bytes] = set()
        for share, least, most in ((0.1, 0.02, 0.3), (0.5, 0.3, 0.7), (0.9, 0.7, 1.0)):
            slow.live.share = share
            got = {key for key, home in zip(KEYS, homes(balancer, candidates), strict=True) if home is slow}
            self.assertLessEqual(before, got)
            self.assertLessEqual(got, full)
            self.assertTrue(least < len(got) / len(full) < most, (share, len(got), len(full)))
            before = got


class RingsTests(SynchronousTestCase):
    """What it costs to be ready for any candidates."""

    def test_one_for_all_parts(self) -> None:
        """An instance that fails every now and then makes no new ring each time."""
        balancer, candidates = hashing(), crowd(1, 1, 1, 1)
        homes(balancer, candidates)
        ring = ring_of(candidates[0])
        for gone in candidates:
            homes(balancer, [each for each in candidates if each is not gone])
        self.assertTrue(all(ring_of(each) is ring for each in candidates))

    def test_parts_come_together(self) -> None:
        """Those that were never seen all at once, too."""
        balancer, (a, b, c) = hashing(), crowd(1, 1, 1)
        for part in ([a, b], [b, c], [c, a]):
            homes(balancer, part)
        self.assertEqual(set(ring_of(a).members), {a, b, c})
        ring = ring_of(a)
        homes(balancer, [a, b])
        self.assertIs(ring_of(b), ring)

    def test_heavy_ones(self) -> None:
        """A weight of a million does not make a ring of 150 million places, nor does it lose its share."""
        balancer, candidates = hashing(places=2), crowd(1_000_000, 1_000_000, 1)
        found = homes(balancer, candidates)
        self.assertEqual(len(set(found) - {candidates[2]}), 2)
        self.assertEqual(ring_of(candidates[0]).size, 2 * 2 * MOST_UNITS + 1)

    def test_after_a_reload(self) -> None:
        """Another balancer makes its own rings, with its own settings, of what lives on."""
        candidates = crowd(1, 1)
        homes(hashing(places=2), candidates)
        homes(hashing(places=3), candidates)
        self.assertEqual(ring_of(candidates[0]).size, 6)


HASHES = ("md5", "sha1", "sha256")
