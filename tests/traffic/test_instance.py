"""Tests for `jairouter.traffic.instance`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.traffic.instance import Instance


class InstanceTests(SynchronousTestCase):
    """One configured backend."""

    def setUp(self) -> None:
        self.instance = Instance("chat", "m", "http://a", "/p", 2, ((b"Authorization", b"s3cret"),))

    def test_its_share(self) -> None:
        """An instance in good health gets what its weight says."""
        self.assertEqual((self.instance.live.share, self.instance.live.weight), (2.0, 2.0))
        self.instance.live.acquire(0.0)
        self.assertEqual(self.instance.in_flight, 1)

    def test_label(self) -> None:
        """Tells instances of one name apart and gives no address away, unless it was named."""
        other = Instance("chat", "m", "http://b", "/p")
        self.assertRegex(self.instance.label, r"\Am-[0-9a-f]{6}\Z")
        self.assertNotEqual(self.instance.label, other.label)
        self.assertEqual(self.instance.label, Instance("chat", "m", "http://a", "/p").label)
        self.assertEqual(Instance("chat", "m", "http://a", label="gpu-1").label, "gpu-1")

    def test_identity(self) -> None:
        """What makes it the same across a reload: not its weight, nor its headers."""
        self.assertEqual(self.instance.identity, ("chat", "m", "http://a", "/p"))
        self.assertEqual(Instance("chat", "m", "http://a", "/p").identity, self.instance.identity)

    def test_two_alike_are_two(self) -> None:
        """Live state belongs to the object, so equal settings do not make instances equal."""
        self.assertNotEqual(self.instance, Instance("chat", "m", "http://a", "/p", 2, self.instance.headers))

    def test_names_of_its_headers(self) -> None:
        """In lower case: they are compared with what a client wrote."""
        self.assertEqual(self.instance.header_names, {b"authorization"})
        self.assertEqual(Instance("chat", "m", "http://a").header_names, frozenset())

    def test_no_secrets_in_its_repr(self) -> None:
        self.assertNotIn("s3cret", repr(self.instance))
        self.assertNotIn("s3cret", repr(Instance("chat", "m", "http://a", "/p?key=s3cret")))
