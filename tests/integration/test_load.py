"""Many streams at once, and a client that does not read."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import socket
import time
from functools import partial
from typing import Any

import httptools
from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator import openai
from jairouter.simulator.call import Call
from jairouter.simulator.options import Options
from tests.integration.processes import Gateway, shared_pair
from tests.integration.wire import Peer, post

STREAMS = 1000
TOKENS = 30
PACE = 6.0
"""Tokens per second: a stream lasts five seconds, so that all are open before the first one ends."""


PAIR = shared_pair(
    *("--tokens", str(TOKENS), "--name", "load"),
    # Room for all the streams; the backend is as fast as it can
    webclient={"connection-pool": {"max-connections": STREAMS + 100}},
)


def prompt(number: int) -> str:
    """What stream `number` asks: each another text, in several alphabets."""
    return f"stream {number} ü東😀 {random.Random(number).random()}"


def expected_stream(body: bytes, number: int) -> bytes:
    """The whole answer to stream `number`, given the id and time that its first event tells."""
    first = json.loads(body.partition(b"\n")[0].removeprefix(b"data: "))
    call = Call(
        method="POST",
        path="/v1/chat/completions",
        query={},
        headers={},
        json=chat(number),
        parts=(),
        options=Options(name="load", tokens=TOKENS),
        created=first["created"],
        ident=first["id"].removeprefix("chatcmpl-"),
    )
    return b"".join(piece for piece in openai.chat(call).pieces if isinstance(piece, bytes))


def chat(number: int) -> dict[str, Any]:
    """The request for stream `number`."""
    return {"model": "org/chat", "stream": True, "messages": [{"role": "user", "content": prompt(number)}]}


class StreamClient(asyncio.Protocol):
    """Asks for one stream, and keeps its bytes.

    Attributes:
        body: What came.
        done: Whether the answer was complete when the connection ended or was closed.
    """

    def __init__(self, number: int, ended: asyncio.Future[None]) -> None:
        self.number = number
        self.body = bytearray()
        self.status = 0
        self.done = False
        self._ended = ended
        self._parser = httptools.HttpResponseParser(self)
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.BaseProtocol.connection_made`."""
        self._transport = transport
        pace = f"X-Simulate: pace;tokens={TOKENS};tokens-per-second={PACE}"
        self._transport.write(post(chat(self.number), "/v1/chat/completions", pace))

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol.data_received`."""
        self._parser.feed_data(data)

    def on_headers_complete(self) -> None:
        """Called by llhttp."""
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """Called by llhttp."""
        self.body += data

    def on_message_complete(self) -> None:
        """Called by llhttp."""
        self.done = True
        self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.BaseProtocol.connection_lost`."""
        if not self._ended.done():
            self._ended.set_result(None)


async def run_streams(port: int, gateway: Gateway) -> tuple[list[StreamClient], float, int]:
    """Open all streams and wait for their ends.

    Returns:
        The streams, the most that were open at once, and the gateway's memory at that time.
    """
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[None]] = []
    clients: list[StreamClient] = []

    for number in range(STREAMS):
        ends.append(loop.create_future())
        clients.append(StreamClient(number, ends[-1]))
        await loop.create_connection(partial(clients.__getitem__, number), "127.0.0.1", port)
    most, memory = 0.0, 0
    while not all(ended.done() for ended in ends):
        outstanding = await loop.run_in_executor(None, gateway.outstanding)
        if outstanding["request"] > most:
            most, memory = outstanding["request"], gateway.memory()
        await asyncio.wait(ends, timeout=0.5)
    return clients, most, memory


class ManyStreamsTests(SynchronousTestCase):
    """A thousand streams through one process."""

    def test_a_thousand_streams(self) -> None:
        """All open at once, each byte right, and nothing left behind."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * STREAMS)), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        gateway = PAIR.get().gateway
        before = gateway.memory()
        clients, most, memory = asyncio.run(run_streams(gateway.port, gateway))
        self.assertEqual(most, STREAMS)
        self.assertEqual({(client.status, client.done) for client in clients}, {(200, True)})
        for client in clients:
            self.assertEqual(bytes(client.body), expected_stream(bytes(client.body), client.number))
        gateway.wait_at_rest()
        per_stream = (memory - before) / STREAMS
        self.assertLess(per_stream, 64 * 1024)


class SlowClientTests(SynchronousTestCase):
    """A client that asks for much and reads nothing."""

    def setUp(self) -> None:
        self.gateway = PAIR.get().gateway

    def client(self, *headers: str, number: int = 0) -> Peer:
        """A client that reads only what the test reads, with the smallest buffer that the kernel has."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", self.gateway.port))
        client = Peer(connection)
        self.addCleanup(client.close)
        client.say(post(chat(number), "/v1/chat/completions", *headers))
        return client

    def test_reads_nothing(self) -> None:
        """Memory does not grow with what is not read, and another stream's events keep coming in time."""
        endless = "X-Simulate: pace;tokens=300000;tokens-per-second=0"
        # Once before measuring: what the process needs for the first time is not what the client costs
        warm = self.client(endless)
        warm.exactly(200_000)
        warm.close()
        self.gateway.wait_at_rest()
        lively = self.client("X-Simulate: pace;tokens=200;tokens-per-second=50")
        lively.until(b"\r\n\r\n")
        before = self.gateway.memory()
        stuck = self.client(endless)
        stuck.until(b"\r\n\r\n")
        backend_before = PAIR.get().simulator.memory()
        longest, last = 0.0, time.monotonic()
        for _ in range(150):  # three seconds
            lively.until(b"\n\n")
            now = time.monotonic()
            longest, last = max(longest, now - last), now
        grown = self.gateway.memory() - before
        self.assertLess(grown, 500 * 1024)
        self.assertLess(longest, 0.5)
        held_up = PAIR.get().simulator.memory() - backend_before
        self.assertLess(held_up, 1000 * 1024, "the backend is held up too")
        stuck.exactly(1_000_000)  # it may still read on, and all is there
        stuck.close()
        lively.close()
        self.gateway.wait_at_rest()
