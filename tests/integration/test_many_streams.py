"""As many streams through one process as descriptors allow, up to 9,000."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, Process, Server, configuration, wait_until
from tests.integration.streaming_backend import request
from tests.integration.wire import Peer

WANTED = 9000
SPARE = 200
"""Descriptors that the gateway needs for other things than streams, each of which takes two."""
ROUNDS = 3
PER_STREAM = 32 * 1024
SECONDS = 60.0
"""For what takes a few seconds on an idle machine."""


def streams_allowed() -> int:
    """How many streams one process can have open here."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    allowed = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, (hard - SPARE) // 2)
    if allowed < WANTED:
        print(f"\nonly {allowed} streams: no process may have more than {hard} descriptors here")
    return allowed


class Stage:
    """A gateway with room for all of them, in front of a backend that does as it is told."""

    def __init__(self) -> None:
        self.backend = Server([sys.executable, "-m", "tests.integration.streaming_backend"])
        try:
            self.gateway = Gateway(
                configuration(
                    self.backend.url,
                    server={"max-connections": WANTED + SPARE, "drain": {"delay": "0s", "timeout": "1s"}},
                    webclient={"connection-pool": {"max-connections": WANTED + SPARE}},
                    streaming={"keep-alive-interval": "0s"},  # comments are not in the bytes to come
                )
            )
        except BaseException:
            self.backend.stop()
            raise

    def stop(self) -> None:
        """End both."""
        self.gateway.stop()
        self.backend.stop()


class ManyStreamsTests(SynchronousTestCase):
    """All open at once."""

    def setUp(self) -> None:
        stage = Stage()  # a fresh one, whose memory holds nothing of earlier tests
        self.addCleanup(stage.stop)
        self.gateway, self.backend = stage.gateway, stage.backend
        self.count = streams_allowed()
        self.run_streams(20)  # what is needed once is no cost of a stream

    def clients(self, count: int, rounds: int) -> Process:
        """So many clients, whose streams will have an event per round after their first."""
        program = [sys.executable, "-m", "tests.integration.streaming_clients"]
        clients = Process([*program, str(self.gateway.port), str(count), str(rounds + 1)])
        self.addCleanup(clients.stop)
        clients.wait_for("all have 1\n", SECONDS)
        return clients

    def run_streams(self, count: int) -> None:
        """Open streams and let them end."""
        clients = self.clients(count, 0)
        self.tell("/finish")
        self.assertEqual(clients.wait(SECONDS), 0, clients)

    def tell(self, path: str) -> dict[str, Any]:
        """Have the backend do something on all streams."""
        backend = self.backend.connect(SECONDS)
        self.addCleanup(backend.close)
        backend.request("GET" if path == "/state" else "POST", path)
        answer: dict[str, Any] = json.loads(backend.getresponse().read())
        backend.close()
        return answer

    def plain(self) -> float:
        """Seconds for one plain request on a connection of its own."""
        began = time.monotonic()
        client = Peer.to(self.gateway.port)
        client.socket.settimeout(SECONDS)
        client.say(request(0, stream=False))
        self.assertEqual(client.message()[1], b'{"choices": []}')
        client.close()
        return time.monotonic() - began

    def assert_at_rest(self) -> None:
        """Nothing is lent out, and the backend has no stream any more."""
        self.gateway.wait_at_rest(SECONDS)
        wait_until(lambda: self.tell("/state")["streams"] == 0, "no stream is open", SECONDS)

    def test_to_their_ends(self) -> None:
        """Every byte is right, the memory is bounded, others are served; nothing is left at the end."""
        before, alone = self.gateway.memory(), statistics.median(self.plain() for _ in range(20))
        began = time.monotonic()
        clients = self.clients(self.count, ROUNDS)
        opened = time.monotonic()
        each = (self.gateway.memory() - before) / self.count
        self.assertEqual(self.gateway.outstanding()["request"], self.count)
        among = statistics.median(self.plain() for _ in range(20))
        waits, flows = [], time.monotonic()
        for place in range(2, 2 + ROUNDS):
            self.assertEqual(self.tell("/next")["streams"], self.count)
            waits.append(self.plain())
            clients.wait_for(f"all have {place}\n", SECONDS)
        flown = time.monotonic()
        self.tell("/finish")
        self.assertEqual(clients.wait(SECONDS), 0, clients)
        self.assert_at_rest()
        print(
            f"\n{self.count} streams: {each / 1024:.1f} KB each; opened in {opened - began:.1f} s, "
            f"{(flown - flows) / ROUNDS:.2f} s per event on all; a plain request: {alone * 1000:.1f} ms "
            f"alone, {among * 1000:.1f} ms among silent ones, {max(waits):.2f} s at most while events flow"
        )
        self.assertLess(each, PER_STREAM)
        self.assertLess(among, 10 * alone + 0.25)
        self.assertLess(max(waits), 10)

    def test_all_leave_at_once(self) -> None:
        """Every backend connection is given up, and the gateway serves on."""
        before = self.gateway.descriptors()
        clients = self.clients(self.count, ROUNDS)
        self.assertEqual(self.tell("/next")["streams"], self.count)
        began = time.monotonic()
        clients.stop()
        self.assert_at_rest()
        print(f"\n{self.count} clients have left: noticed within {time.monotonic() - began:.1f} s")
        self.assertLess(self.tell("/state")["connections"], SPARE)
        self.assertLess(self.gateway.descriptors(), before + SPARE)
        self.assertLess(self.plain(), 10)
