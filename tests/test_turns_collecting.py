"""Tests for `jairouter.turns`: what is collected in a turn, and what is used of Twisted's reactors."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

from twisted.internet import epollreactor, posixbase
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from jairouter import turns
from jairouter.eager import COLLECTED
from jairouter.turns import shorten_turns
from tests.test_turns import TurnCase
from tests.transports import WINDOW, MemorySocket


class CollectingTests(TurnCase):
    """When what is written in a turn goes out."""

    def test_one_socket_alone_is_written_to_at_once(self) -> None:
        seen: list[bytes] = []
        one, its_peer = self.connect()
        self.connect()  # has nothing to say

        def answer(data: bytes) -> None:
            one.write(b"answer")
            seen.append(its_peer.unread)

        one.reads = answer
        its_peer.send(b"x")
        self.turn()
        self.assertEqual(seen, [b"answer"])

    def test_two_wait_for_each_other(self) -> None:
        seen: list[bytes] = []
        one, its_peer = self.connect()
        one.reads = one.write
        _, peer_of_two = self.connect(lambda data: seen.append(its_peer.unread))
        its_peer.send(b"x")
        peer_of_two.send(b"x")
        self.turn()
        self.assertEqual((seen, its_peer.unread), ([b""], b"x"))

    def test_several_are_written_to_a_few_at_a_time(self) -> None:
        """Sixteen together, and the rest at the end of the turn."""
        seen: list[int] = []
        peers: list[MemorySocket] = []

        def answering() -> None:
            protocol, peer = self.connect()

            def answer(data: bytes) -> None:
                protocol.write(b"answer")
                seen.append(sum(bool(each.unread) for each in peers))

            protocol.reads = answer
            peer.send(b"x")
            peers.append(peer)

        for _ in range(2 * COLLECTED + 2):
            answering()
        self.turn()
        self.assertEqual(seen, [0] * COLLECTED + [COLLECTED] * COLLECTED + [2 * COLLECTED] * 2)
        self.assertEqual([peer.unread for peer in peers], [b"answer"] * len(peers))

    def test_the_reactor_is_asked_for_nothing(self) -> None:
        asked: list[Any] = []
        for _ in range(2):
            protocol, peer = self.connect()
            protocol.reads = protocol.write
            peer.send(b"x")
        self.patch(self.reactor, "addWriter", asked.append)
        self.turn()
        self.assertEqual(asked, [])

    def test_between_turns_it_goes_out_at_once(self) -> None:
        """Timers and threads run then, and nobody would flush soon."""
        one, its_peer = self.connect()
        _, peer_of_two = self.connect()
        its_peer.send(b"x")
        peer_of_two.send(b"x")
        self.turn()
        one.write(b"now")
        self.assertEqual(its_peer.unread, b"now")

    def test_written_and_closed_in_the_same_turn(self) -> None:
        """All of it goes out before the end."""
        one, its_peer = self.connect()
        transport: Any = one.transport

        def answer(data: bytes) -> None:
            one.write(b"answer")
            transport.loseConnection()

        one.reads = answer
        _, peer_of_two = self.connect()
        its_peer.send(b"x")
        peer_of_two.send(b"x")
        self.turn()
        self.turn()
        self.assertEqual((its_peer.recv(100), its_peer.recv(100)), (b"answer", b""))

    def test_what_the_socket_does_not_take_goes_out_in_a_later_turn(self) -> None:
        one, its_peer = self.connect()
        one.write(b"." * WINDOW)
        one.reads = one.write
        _, peer_of_two = self.connect()
        its_peer.send(b"answer")
        peer_of_two.send(b"x")
        self.turn()
        self.assertEqual(its_peer.recv(2 * WINDOW), b"." * WINDOW)
        self.turn()
        self.assertEqual(its_peer.recv(100), b"answer")
        self.assertEqual(self.reactor.getWriters(), [])

    def test_one_that_was_paused_by_one_before_it_is_left_alone(self) -> None:
        one, its_peer = self.connect()
        two, peer_of_two = self.connect()
        paused: Any = two.transport
        one.reads = lambda data: paused.pauseProducing()
        its_peer.send(b"x")
        peer_of_two.send(b"x")
        self.turn()
        self.assertEqual(two.read, [])


class OtherReactorTests(SynchronousTestCase):
    """All but the epoll reactor itself stay as they are."""

    def test_another_kind(self) -> None:
        reactor = MemoryReactorClock()
        before = dict(vars(reactor))
        shorten_turns(reactor)
        self.assertEqual(vars(reactor), before)

    def test_one_that_is_built_on_it(self) -> None:
        """It may have a turn of its own, or other names for what we look at."""

        class Other(EPollReactor):
            def __init__(self) -> None:
                """Nothing of the kernel's is wanted."""

        reactor = Other()
        shorten_turns(reactor)
        self.assertEqual(vars(reactor), {})


class PrivateTests(TurnCase):
    """What is used of Twisted's reactor is nobody's promise; each release may change it."""

    shortened = False

    def test_all_attributes_exist(self) -> None:
        used = {
            node.attr
            for node in ast.walk(ast.parse(inspect.getsource(turns)))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("reactor", "epoll")
        }
        self.assertEqual(used, {"_poller", "_selectables", "_doReadOrWrite", "doPoll", "doIteration"})
        self.assertEqual([name for name in sorted(used) if not hasattr(self.reactor, name)], [])

    def test_the_poller_and_the_sockets_are_made_once(self) -> None:
        """They are looked up when the turns are shortened, not in every turn."""
        for name in ("_poller", "_selectables"):
            made = [
                node
                for module in (epollreactor, posixbase)
                for node in ast.walk(ast.parse(inspect.getsource(module)))
                if isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store)
            ]
            self.assertEqual(len(made), 1, name)

    def test_the_turn_is_the_one_we_copied(self) -> None:
        """If this fails, see what became of it and whether `do_poll` has to follow."""
        tree: Any = ast.parse(textwrap.dedent(inspect.getsource(EPollReactor.doPoll)))
        del tree.body[0].body[0]  # the docstring
        self.assertEqual(
            ast.unparse(tree),
            textwrap.dedent("""\
                def doPoll(self, timeout):
                    if timeout is None:
                        timeout = -1
                    try:
                        l = self._poller.poll(timeout, len(self._selectables))
                    except OSError as err:
                        if err.errno == errno.EINTR:
                            return
                        raise
                    _drdw = self._doReadOrWrite
                    for fd, event in l:
                        try:
                            selectable = self._selectables[fd]
                        except KeyError:
                            pass
                        else:
                            log.callWithLogger(selectable, _drdw, selectable, fd, event)"""),
        )

    def test_the_loop_calls_what_we_replace(self) -> None:
        called: list[float] = []
        self.reactor.doIteration = called.append
        self.reactor.iterate(0)
        self.assertEqual(called, [0])
