"""Thousands of clients with a stream each, which compare every byte of it with what it should be.

It is a program of its own, so that they can leave all at once::

    python -m tests.integration.streaming_clients PORT COUNT EVENTS

It says on its output how many events all of the streams have (``all have 1``), and at last, when all are
complete, ``all complete``. Whatever goes wrong with one of them is said, and ends it.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import httptools
from twisted.internet import reactor as _reactor
from twisted.internet.protocol import ClientFactory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.integration.streaming_backend import allow_descriptors, events, request

AT_ONCE = 100
"""Clients that wait for their first event at the same time: the gateway's backlog is finite."""

reactor: Any = _reactor


class Client(Protocol):
    """One client.

    Args:
        crowd: It belongs to.
        number: Of its stream.
    """

    def __init__(self, crowd: Crowd, number: int) -> None:
        self._crowd = crowd
        self._number = number
        self._expected = events(number, crowd.events)
        self._event = b""
        self._complete = False
        self._parser: Any = httptools.HttpResponseParser(self)

    def connectionMade(self) -> None:
        """See `Protocol.connectionMade`."""
        assert self.transport is not None
        self.transport.write(request(self._number, stream=True))

    def dataReceived(self, data: bytes) -> None:
        """See `Protocol.dataReceived`."""
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        """Called by llhttp: these bytes and no others are due."""
        if self._parser.get_status_code() != 200:
            fail(f"stream {self._number}: {self._parser.get_status_code()} {data!r}")
        while data:
            self._event = self._event or next(self._expected, b"nothing more")
            size = min(len(data), len(self._event))
            if data[:size] != self._event[:size]:
                fail(f"stream {self._number}: {data!r} came where {self._event!r} was due")
            data, self._event = data[size:], self._event[size:]
            if not self._event:
                self._crowd.has_one_more(self._number)

    def on_message_complete(self) -> None:
        """Called by llhttp."""
        if self._event or next(self._expected, None) is not None:
            fail(f"stream {self._number}: it ends too early")
        self._complete = True
        self._crowd.complete()
        assert self.transport is not None
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `Protocol.connectionLost`."""
        if not self._complete:
            fail(f"stream {self._number}: {reason.getErrorMessage()}")


class Crowd(ClientFactory):
    """All clients.

    Args:
        port: Of the gateway.
        count: How many.
        events: On each stream, before the last.
    """

    noisy = False

    def __init__(self, port: int, count: int, events: int) -> None:
        self.events = events
        self._port = port
        self._count = count
        self._begun = self._connected = self._completed = 0
        self._have = [0] * (events + 2)
        self._place = [0] * count

    def open_one(self) -> None:
        """One more client, if there are not enough yet."""
        if self._begun < self._count:
            self._begun += 1
            reactor.connectTCP("127.0.0.1", self._port, self)

    def buildProtocol(self, addr: object) -> Client:
        """See `Factory.buildProtocol`."""
        self._connected += 1
        return Client(self, self._connected - 1)

    def clientConnectionFailed(self, connector: object, reason: Failure) -> None:
        """See `ClientFactory.clientConnectionFailed`."""
        fail(f"a client cannot connect: {reason.getErrorMessage()}")

    def has_one_more(self, number: int) -> None:
        """A stream has another event, as it should be."""
        self._place[number] += 1
        place = self._place[number]
        self._have[place] += 1
        if place == 1:
            self.open_one()
        if self._have[place] == self._count:
            say(f"all have {place}")

    def complete(self) -> None:
        """A stream has come to its end, as it should."""
        self._completed += 1
        if self._completed == self._count:
            say("all complete")
            reactor.stop()


def say(what: str) -> None:
    """Tell whoever started us."""
    print(what, flush=True)


def fail(what: str) -> None:
    """Something is not as it should be."""
    say(what)
    os._exit(1)  # the reactor would only log an exception


def main() -> None:
    """Open the streams and see them to their ends."""
    allow_descriptors()
    port, count, count_events = map(int, sys.argv[1:])
    crowd = Crowd(port, count, count_events)
    for _ in range(AT_ONCE):
        crowd.open_one()
    reactor.run()


if __name__ == "__main__":
    main()
