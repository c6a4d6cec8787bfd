"""Clients that send or read as slowly as they can, a thousand at a time, and what others feel of them."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.good_clients import Course, Courses, course_of
from tests.integration.processes import Gateway, Process, shared_pair, wait_until
from tests.integration.wire import post

SLOW = 1000
LISTENERS = 300
PATIENCE: Mapping[str, Any] = {
    "header-timeout": "2s",
    "body-timeout": "2s",
    "keep-alive-timeout": "2s",
    "send-timeout": "2s",
}
"""What every client has for everything: little, so that the test is short."""
CAP = 200
PAIR = shared_pair(
    *("--tokens", "4"),
    server=PATIENCE,
    webclient={"connection-pool": {"max-connections": SLOW + 100}},
)
CAPPED = shared_pair("--tokens", "4", server={**PATIENCE, "max-connections": CAP})


class Attack(Protocol):
    """Slow clients, under way."""

    def stop(self) -> None:
        """End them."""


def slowhttptest(gateway: Gateway, path: str, *mode: str) -> Process:
    """Debian's slowhttptest."""
    connections = ("-c", str(SLOW), "-r", str(SLOW), "-l", "60")
    return Process(["slowhttptest", *connections, *mode, "-u", gateway.url + path])


def slow_heads(gateway: Gateway) -> Process:
    """Slowloris: one header after the other, and never the last."""
    return slowhttptest(gateway, "/v1/models", "-H", "-i", "1", "-x", "20")


def slow_bodies(gateway: Gateway) -> Process:
    """R-U-Dead-Yet: a body that does not end, with pauses that are longer than it is waited for."""
    return slowhttptest(gateway, "/v1/chat/completions", "-B", "-i", "3", "-f", "application/json")


def slow_readers(gateway: Gateway) -> Process:
    """A page, several times, read through a window of a few bytes, a few bytes a second."""
    window = ("-w", "1", "-y", "16", "-z", "8", "-n", "1")
    return slowhttptest(gateway, "/actuator/prometheus", "-X", "-k", "3", *window)


class SlowListeners:
    """Ask for an answer of some size from a backend, and read none of it."""

    def __init__(self, gateway: Gateway) -> None:
        request = post({"model": "speak", "input": "x"}, "/v1/audio/speech", "X-Simulate-Size: 500000")
        self._sockets = []
        for _ in range(LISTENERS):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            # As on a real network: with the loopback's own of 64 KB the kernel takes megabytes in
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
            connection.connect(("127.0.0.1", gateway.port))
            connection.sendall(request)
            self._sockets.append(connection)
            time.sleep(0.001)

    def stop(self) -> None:
        """See `Attack.stop`."""
        for connection in self._sockets:
            connection.close()


class SlowClientsTests(SynchronousTestCase):
    """There is room for all of them."""

    def setUp(self) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        self.gateway = PAIR.get().gateway
        self.addCleanup(self.gateway.wait_at_rest)

    def late(self) -> float:
        """How many were told that their time was up."""
        return self.gateway.metric("http_server_requests_total", status="408")

    def gone(self) -> float:
        """How many were given up because they did not read their answers."""
        return self.gateway.metric("http_server_requests_total", status="499")

    def under(self, attack: Any, each: int, count: int = SLOW) -> None:
        """Have good clients at work without the attack, then under it.

        It costs at most `each` bytes of memory per slow client, and all are shaken off.
        """
        quiet = course_of(self.gateway, lambda: time.sleep(1))
        descriptors, memory = self.gateway.descriptors(), self.gateway.memory()
        self.gateway.forget_peak()

        def be_attacked() -> None:
            slow: Attack = attack(self.gateway)
            self.addCleanup(slow.stop)
            wait_until(lambda: self.gateway.descriptors() > descriptors + 0.9 * count, "all are connected")
            wait_until(lambda: self.gateway.descriptors() < descriptors + 0.1 * count, "they are shaken off")

        began = time.monotonic()
        attacked = course_of(self.gateway, be_attacked)
        took = time.monotonic() - began
        grown = (self.gateway.memory("VmHWM") - memory) / count
        others = ", ".join(f"{kind} {quiet[kind]} -> {attacked[kind]}" for kind in quiet)
        print(f"\n{attack.__name__}: {took:.1f} s, {grown / 1024:.1f} KB each; p99 of others: {others}")
        self.assert_unharmed(quiet, attacked)
        self.assertLess(grown, each)

    def assert_unharmed(self, quiet: Courses, attacked: Courses) -> None:
        """All were answered, none much later than before. A slow machine is slow before as well."""
        for kind, before in quiet.items():
            then = attacked[kind]
            self.assertEqual((before.failures, then.failures), ([], []), kind)
            self.assertLess(then.percentile(99), 10 * before.percentile(99) + 0.5, kind)
            self.assertLess(then.percentile(100), 10 * before.percentile(100) + 2, kind)

    def test_slow_heads(self) -> None:
        before = self.late()
        self.under(slow_heads, 20 * 1024)
        wait_until(lambda: self.late() - before == SLOW, "all were told")

    def test_slow_bodies(self) -> None:
        before = self.late()
        self.under(slow_bodies, 40 * 1024)
        wait_until(lambda: self.late() - before == SLOW, "all were told")

    def test_slow_readers(self) -> None:
        self.under(slow_readers, 200 * 1024)

    def test_slow_listeners(self) -> None:
        """Their backends are freed."""
        before = self.gone()
        self.under(SlowListeners, 300 * 1024, LISTENERS)
        wait_until(lambda: self.gone() - before == LISTENERS, "all were given up")


class CapTests(SynchronousTestCase):
    """As many clients as may be connected are, and more want to be: see docs/operations.md."""

    def setUp(self) -> None:
        self.gateway = CAPPED.get().gateway
        self.addCleanup(self.gateway.wait_at_rest)
        self.before = self.gateway.descriptors()
        self.most = 0

    def under(self, attack: Callable[[Gateway], Process]) -> Courses:
        """Have good clients at work while the slow ones take what they can get."""

        def full() -> bool:
            self.most = max(self.most, self.gateway.descriptors())
            return self.most >= self.before + CAP

        def be_attacked() -> None:
            slow = attack(self.gateway)
            self.addCleanup(slow.stop)
            wait_until(full, "all places are taken")
            wait_until(lambda: full() and not slow.running, "they are shaken off")

        courses = course_of(self.gateway, be_attacked)
        # Besides the clients there are the good ones' backends, and who is closed as soon as accepted
        self.assertLess(self.most, self.before + 1.5 * CAP)
        return courses

    def assert_at_work(self, course: Course) -> None:
        """Who asks again and again on a connection keeps it (after a second without a request it may go)."""
        self.assertGreater(len(course.seconds), 0)
        self.assertEqual([each for each in course.failures if each[1] < 0.5], [])

    def test_slow_heads(self) -> None:
        """They give way: old and new clients are served all the time."""
        courses = self.under(slow_heads)
        for kind, course in courses.items():
            self.assert_at_work(course)
            self.assertLess(course.percentile(100), 5, kind)

    def test_slow_bodies(self) -> None:
        """They are busy: new clients are closed at once, until the time of the slow ones is up."""
        courses = self.under(slow_bodies)
        self.assert_at_work(courses["kept"])
        self.assert_at_work(courses["stream"])
        refused = [error for error, _ in courses["fresh"].failures]
        self.assertGreater(len(refused), 0)
        self.assertEqual({isinstance(error, ConnectionError) for error in refused}, {True}, refused[:5])
        self.gateway.wait_for("new ones are refused")
        afterwards = course_of(self.gateway, lambda: time.sleep(0.5))
        self.assertEqual([course.failures for course in afterwards.values()], [[], [], []])
