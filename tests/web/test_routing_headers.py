"""Tests for `jairouter.web.routing_headers`."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.exchange import Attempt, Outcome, Phase
from jairouter.interfaces import Quota
from jairouter.web.routing_headers import added_lines, duration
from tests.filters.inner import exchange, instance
from tests.world import World


class RoutingHeadersTests(SynchronousTestCase):
    """What an answer says about how it came to be."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.exchange = exchange()

    def attempt(self, label: str) -> Attempt:
        made = Attempt(instance(label=label), self.clock.seconds)
        self.exchange.attempts.append(made)
        return made

    def headers(self) -> dict[str, str]:
        lines = added_lines(self.exchange, self.clock.seconds()).decode().split("\r\n")
        self.assertEqual(lines.pop(), "", "each line has an end")
        pairs = [line.split(": ") for line in lines]
        return {name.removeprefix("X-Jairouter-"): value for name, value in pairs}

    def test_one_attempt(self) -> None:
        """The backend's time, from the whole request to the first byte, is not the gateway's."""
        self.clock.advance(0.5)
        attempt = self.attempt("a")
        self.clock.advance(0.25)
        attempt.enter(Phase.WAITING)
        self.clock.advance(7)
        attempt.enter(Phase.RECEIVING)
        self.clock.advance(0.125)
        told = {"Instance": "a", "Attempts": "1", "Overhead-Ms": "875.0"}
        self.assertEqual(self.headers(), told)

    def test_none(self) -> None:
        self.clock.advance(0.002)
        self.assertEqual(self.headers(), {"Attempts": "0", "Overhead-Ms": "2.0"})

    def test_several(self) -> None:
        """The time between two attempts is the gateway's."""
        first = self.attempt("a")
        self.clock.advance(1)
        first.outcome, first.ended = Outcome.FAILED, self.clock.seconds()
        self.clock.advance(0.5)
        self.attempt("b")
        self.clock.advance(1)
        self.assertEqual(self.headers(), {"Instance": "b", "Attempts": "2", "Overhead-Ms": "500.0"})

    def test_the_one_that_is_still_under_way(self) -> None:
        """Of two at a time the loser may be the one that began last."""
        self.attempt("a")
        self.attempt("b").outcome = Outcome.ABANDONED
        self.assertEqual(self.headers()["Instance"], "a")

    def test_answered_by_no_instance(self) -> None:
        self.attempt("a").outcome = Outcome.FAILED
        self.assertEqual(self.headers()["Instance"], "a")
        self.exchange.fallback = "cache"
        self.assertNotIn("Instance", self.headers())

    def test_a_clock_that_was_set_back(self) -> None:
        self.exchange.started = 10.0
        self.assertEqual(self.headers()["Overhead-Ms"], "0.0")

    def test_labels_that_are_no_header_values(self) -> None:
        self.attempt("模型 a\r\nX: y")
        self.assertEqual(self.headers()["Instance"], "%E6%A8%A1%E5%9E%8B%20a%0D%0AX:%20y")


class LimitsTests(SynchronousTestCase):
    """What clients are told of their limits."""

    def test_before_the_rest(self) -> None:
        """In the order in which the filters have found it out."""
        told = exchange()
        told.quota, told.added = Quota(5, 3, 0.25), ((b"X-A", b"b"),)
        limits = b"x-ratelimit-limit-requests: 5\r\nx-ratelimit-remaining-requests: 3\r\n"
        expected = limits + b"x-ratelimit-reset-requests: 250ms\r\nX-A: b\r\n"
        self.assertEqual(added_lines(told, None), expected)
        self.assertTrue(added_lines(told, 0.0).startswith(expected + b"X-Jairouter-"))

    def test_none(self) -> None:
        self.assertEqual(added_lines(exchange(), None), b"")

    def test_durations(self) -> None:
        """In whole milliseconds, then seconds, and rounded up."""
        for seconds, text in (
            (0.0, b"0ms"),
            (0.00001, b"1ms"),
            (0.012, b"12ms"),
            (0.9985, b"999ms"),
            (0.9995, b"1s"),
            (1.0, b"1s"),
            (1.2, b"2s"),
            (59.1, b"1m0s"),
            (100.0, b"1m40s"),
            (360.0, b"6m0s"),
            (3599.5, b"1h0m0s"),
            (86400.0, b"24h0m0s"),
            (90061.0, b"25h1m1s"),
        ):
            self.assertEqual(duration(seconds), text)


class OnTheWireTests(SynchronousTestCase):
    """They go out with answers and errors, and can be switched off."""

    def asked(self, more: str = "") -> bytes:
        world = World(CONFIGURATION % more)
        client = world.ask({"model": "m"})
        world.backend.last.say(
            b"HTTP/1.1 200 OK\r\nX-Jairouter-Instance: another's\r\nContent-Length: 2\r\n\r\n{}"
        )
        world.run()
        refused = world.ask({"model": "unknown"})
        self.assertEqual(world.close(), [])
        self.assertIn(b"404", refused.received)
        return bytes(client.received + refused.received)

    def test_on(self) -> None:
        told = self.asked()
        self.assertEqual(told.count(b"X-Jairouter-Instance: gpu-1\r\n"), 1)
        self.assertEqual(told.count(b"X-Jairouter-Attempts: 1\r\n"), 1)
        self.assertEqual(told.count(b"X-Jairouter-Attempts: 0\r\n"), 1)
        self.assertNotIn(b"another's", told)

    def test_off(self) -> None:
        """Then there are none, also of a gateway behind this one."""
        self.assertNotIn(b"X-Jairouter-", self.asked("server.routing-headers: false"))


CONFIGURATION = """
server: {address: 127.0.0.1, port: 8080}
%s
model.services.chat.instances: [{name: m, instance-id: gpu-1, base-url: "http://10.0.0.1:9000"}]
"""
