"""Clients that go on working whatever others do, and how that went."""

from __future__ import annotations

import http.client
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.integration.processes import Gateway

PAUSE = 0.01
"""Seconds between two requests of one client."""
PLAIN = {"model": "org/chat", "messages": [{"role": "user", "content": "hi"}]}
STREAM = {**PLAIN, "stream": True}


@dataclass
class Course:
    """How it went for clients of one kind.

    Attributes:
        seconds: What each request that was answered has taken.
        failures: What happened instead of an answer, after how many seconds without a request.
    """

    seconds: list[float] = field(default_factory=list)
    failures: list[tuple[Exception, float]] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """So many of a hundred took no longer."""
        ordered = sorted(self.seconds)
        return ordered[math.ceil(len(ordered) * share / 100) - 1]

    def __str__(self) -> str:
        return f"{self.percentile(99) * 1000:.0f} ms" if self.seconds else "none"


Courses = dict[str, Course]


class _Client(threading.Thread):
    """Asks again and again.

    Args:
        gateway: Whom.
        course: Where it is noted.
        payload: What.
        fresh: Whether each request has a connection of its own.
        stopped: When to stop.
    """

    def __init__(
        self, gateway: Gateway, course: Course, payload: object, fresh: bool, stopped: threading.Event
    ) -> None:
        super().__init__(daemon=True)
        self._gateway = gateway
        self._course = course
        self._body = json.dumps(payload)
        self._end = b"data: [DONE]\n\n" if payload is STREAM else b"}"
        self._fresh = fresh
        self._stopped = stopped
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """See `Thread.run`."""
        last = time.monotonic()
        while not self._stopped.wait(PAUSE):
            began = time.monotonic()
            try:
                self._ask()
                self._course.seconds.append(time.monotonic() - began)
            except Exception as error:
                self._course.failures.append((error, began - last))
                self._hang_up()
            if self._fresh:
                self._hang_up()
            last = time.monotonic()
        self._hang_up()

    def _ask(self) -> None:
        if self._connection is None:
            self._connection = self._gateway.connect()
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", "/v1/chat/completions", self._body, headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200 or not body.endswith(self._end):
            raise AssertionError(response.status, body)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def working(gateway: Gateway) -> Iterator[Courses]:
    """Have clients of each kind at work; yields how it goes for them."""
    kinds = {"kept": (PLAIN, False), "fresh": (PLAIN, True), "stream": (STREAM, False)}
    courses = {kind: Course() for kind in kinds}
    stopped = threading.Event()
    clients = [_Client(gateway, courses[kind], *kinds[kind], stopped) for kind in (*kinds, *kinds)]
    for client in clients:
        client.start()
    try:
        yield courses
    finally:
        stopped.set()
        for client in clients:
            client.join()


def course_of(gateway: Gateway, meanwhile: Callable[[], object]) -> Courses:
    """How it goes for good clients while something else happens."""
    with working(gateway) as courses:
        meanwhile()
    return courses
