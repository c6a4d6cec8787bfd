"""Tests for `jairouter.web.closing`. That the kernel says how much has arrived is seen with real sockets."""

from __future__ import annotations

import socket
import struct
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.trial.unittest import SynchronousTestCase

from jairouter.errors import RouteNotFound
from jairouter.web import channel
from jairouter.web.closing import delivery
from jairouter.web.errors import write_error
from jairouter.web.site import ConnectionLimits
from tests.fakes import Client
from tests.web.serving import GET, Later, Serving, Taker, answers, post

LARGE = b"x" * 300_000
SEND_TIMEOUT = 50.0


class Handle:
    """What the kernel would say of one end of a connection in memory."""

    state = 1

    def __init__(self, wire: Any) -> None:
        self._wire = wire

    def getsockopt(self, level: int, option: int, length: int) -> bytes:
        unread = self._wire.peer._inbox_size
        data = bytearray(148)
        data[0] = self.state
        struct.pack_into("=I", data, 24, -(-unread // 1460))
        struct.pack_into("=Q", data, 120, len(self._wire.sent) - self._wire._outbox_size - unread)
        return bytes(data[:length])


class Case(SynchronousTestCase):
    """A client that reads as slowly as the test says."""

    def begin(self, root: Later, request: bytes, max_requests: int = 0) -> None:
        self.root = root
        limits = ConnectionLimits(send_timeout=SEND_TIMEOUT, max_requests=max_requests)
        self.serving = Serving(root, limits)
        self.addCleanup(lambda: self.assertEqual(self.serving.close(), []))
        self.client: Client = self.serving.ask(request)
        wire = self.serving.server_end(self.client)
        self.handle = Handle(wire)
        wire.getHandle = lambda: self.handle
        self.wire = self.serving.server_end(self.client).peer
        self.wire.pauseProducing()
        self.serving.network.piece = 16_000

    def read_some(self) -> None:
        """One read, and what follows from it."""
        self.wire.resumeProducing()
        self.serving.network.turn()
        self.wire.pauseProducing()
        self.serving.run()

    def assert_open_for(self, seconds: float) -> None:
        self.serving.run(seconds - 1)
        self.assertEqual(len(self.serving.site.channels), 1)
        self.serving.run(4)  # it is looked at once a second
        self.assertEqual(self.serving.site.channels, {})

    def read_slowly(self, pause: float) -> None:
        for _ in range(100):
            if answers(self.client.received)[0].complete:
                return
            self.serving.run(pause)
            self.read_some()
        self.fail("the answer does not become complete")


class LingerTests(Case):
    """An answer that came before the upload was complete."""

    def setUp(self) -> None:
        self.begin(Taker(), post(b"x" * 1000)[:500])
        self.root.answer(LARGE)
        self.serving.run()

    def test_slow_reader(self) -> None:
        """It gets the whole answer, though that takes much longer than `LINGER`."""
        self.client.send(b"y")
        self.read_some()
        self.read_slowly(10)
        self.assertEqual(answers(self.client.received)[0].body, LARGE)

    def test_drain(self) -> None:
        """Nothing is closed any faster because of it."""
        self.serving.site.drain()
        self.client.send(b"y")
        self.read_some()
        self.read_slowly(1)
        self.assertEqual(answers(self.client.received)[0].body, LARGE)

    def test_clock_begins_when_all_has_arrived(self) -> None:
        self.read_some()
        self.read_slowly(3)
        self.assert_open_for(5)

    def test_no_reader(self) -> None:
        """Who reads nothing is waited for as long as on closing."""
        self.assert_open_for(SEND_TIMEOUT)


class RefusalTests(Case):
    """A short one."""

    def test_no_longer_than_before(self) -> None:
        self.begin(Taker(), post(b"x" * 1000)[:500])
        write_error(self.root.requests.pop(), RouteNotFound("no"))
        self.serving.run()
        self.read_some()
        self.read_slowly(0)
        self.assert_open_for(5)


class PausedTests(Case):
    """A connection that was not read when its last answer was complete."""

    def test_last_answer(self) -> None:
        """What the client has asked beyond it does not cost the client this answer."""
        self.begin(Later(), GET)
        self.client.send(GET * 5000)
        self.serving.run()
        self.assertGreater(self.serving.unread(self.client), 0)
        self.serving.site.drain()
        self.root.answer(LARGE)
        self.serving.run()
        self.handle.state = 8  # the client has said its last word, and can still read
        self.read_some()
        self.read_slowly(1)
        self.assertEqual(answers(self.client.received)[0].body, LARGE)


class CloseTests(Case):
    """The last answer on a connection."""

    def setUp(self) -> None:
        self.begin(Later(), GET[:-2] + b"Connection: close\r\n\r\n")
        self.root.answer(LARGE)
        self.serving.run()

    def test_slow_reader(self) -> None:
        """As long as it reads it is waited for."""
        self.read_some()
        self.read_slowly(40)
        self.assertEqual(answers(self.client.received)[0].body, LARGE)

    def test_no_reader(self) -> None:
        self.read_some()
        self.assert_open_for(SEND_TIMEOUT)

    def test_kernel_that_does_not_say(self) -> None:
        """Then all of the answer has to be read in that time."""
        self.begin(Later(), GET[:-2] + b"Connection: close\r\n\r\n")
        self.wire.peer.getHandle = None
        self.root.answer(LARGE)
        self.serving.run()
        self.assert_open_for(SEND_TIMEOUT)


class LateBytesTests(Case):
    """More comes while the last answer goes out, of which nothing was there when it was written.

    It is not read, and a kernel that closes with bytes unread sends a reset: the client loses what it has
    not read of the answer.
    """

    def assert_whole(self) -> None:
        """The client asks for more in the midst of the answer, and gets all of that, and nothing else."""
        self.root.answer(LARGE)
        self.serving.run()
        self.read_some()
        self.client.send(GET)
        self.serving.run()
        self.read_slowly(1)
        self.assertEqual(answers(self.client.received)[0].body, LARGE)
        self.client.leave()
        self.serving.run()
        self.assertEqual(len(answers(self.client.received)), 1)
        self.assertEqual((self.root.requests, self.serving.site.channels), ([], {}))

    def test_connection_close(self) -> None:
        self.begin(Later(), GET[:-2] + b"Connection: close\r\n\r\n")
        self.assert_whole()

    def test_old_protocol(self) -> None:
        self.begin(Later(), GET.replace(b"1.1", b"1.0"))
        self.assert_whole()

    def test_most_requests(self) -> None:
        self.begin(Later(), GET, max_requests=1)
        self.assert_whole()

    def test_drain(self) -> None:
        self.begin(Later(), GET)
        self.serving.site.drain()
        self.assert_whole()

    def test_end_is_told_at_once(self) -> None:
        """Also where nothing more comes: some learn only by it where an answer ends."""
        self.begin(Later(), GET, max_requests=1)
        self.wire.resumeProducing()
        self.root.answer(b"short")
        self.serving.run()
        assert self.client.closed is not None
        self.client.closed.trap(ConnectionDone)
        self.assertEqual(self.serving.site.channels, {})


class ChokedTests(Case):
    """A client that reads slowly, and has asked for more meanwhile than is read of it."""

    def setUp(self) -> None:
        self.begin(Later(), GET)
        self.root.answer(LARGE)
        self.serving.run()
        self.client.send(GET * 5000)
        self.serving.run()
        self.assertGreater(self.serving.unread(self.client), 0)

    def test_slow_reader(self) -> None:
        """It is not given another answer after so long, but all of the one that it reads."""
        self.read_some()
        self.read_slowly(20)
        self.assertEqual(answers(self.client.received)[0].body, LARGE)

    def test_no_reader(self) -> None:
        """It is waited for as long as between requests, and as for a last answer."""
        self.assert_open_for(75 + SEND_TIMEOUT)


class KernelTests(Case):
    """Asking the kernel is a system call."""

    def test_not_for_an_answer_that_is_not_the_last(self) -> None:
        self.begin(Later(), GET)
        asked: list[object] = []
        self.patch(channel, "delivery", asked.append)
        self.root.answer(b"short")
        self.serving.run()
        self.assertEqual(asked, [])


class DeliveryTests(SynchronousTestCase):
    """Asking the kernel."""

    def test_real_socket(self) -> None:
        """The offsets are those of this kernel's structure; a pair on the loopback, never waited for."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        ours = socket.create_connection(listener.getsockname())
        self.addCleanup(ours.close)
        theirs = listener.accept()[0]
        self.addCleanup(theirs.close)

        class Transport:
            def getHandle(self) -> socket.socket:
                return ours

        ours.setblocking(False)
        before = delivery(Transport())
        assert before is not None
        self.assertTrue(before[1])
        total = 0
        for _ in range(1000):
            try:
                total += ours.send(b"x" * 65536)
            except BlockingIOError:
                break
        after = delivery(Transport())
        assert after is not None
        self.assertFalse(after[1])
        self.assertTrue(0 < after[0] - before[0] < total)

    def test_unknown(self) -> None:
        self.assertIsNone(delivery(object()))
