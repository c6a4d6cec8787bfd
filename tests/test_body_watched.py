"""The answer's body: a sink that calls back while it is given a piece, and those who only look on."""

from __future__ import annotations

from collections.abc import Callable

from jairouter.errors import GatewayError
from tests.test_body import CUT, BodyCase


class ReentrantTests(BodyCase):
    """The sink does something while it is given a piece."""

    def deliver(self, on_chunk: Callable[[bytes], None], *held: bytes) -> None:
        for data in held:
            self.body.chunk(data)
        self.sink.on_chunk = on_chunk
        self.body.deliver(self.sink)

    def test_pauses(self) -> None:
        self.deliver(lambda _: self.body.pause(), b"a", b"b")
        self.assertEqual((self.sink.data, self.source.calls), ([b"a"], ["pause"]))
        self.body.resume()
        self.assertEqual(self.sink.data, [b"a", b"b"])

    def test_pauses_and_resumes(self) -> None:
        def both(_: bytes) -> None:
            self.body.pause()
            self.body.resume()

        self.deliver(both, b"a", b"b", b"c")
        self.assertEqual(self.sink.data, [b"a", b"b", b"c"])

    def test_abandons(self) -> None:
        self.deliver(lambda _: self.body.abandon(), b"a", b"b")
        self.assertEqual((self.sink.data, self.sink.ends, len(self.done)), ([b"a"], [], 1))
        self.assertEqual(self.source.calls, ["abort"])

    def test_abandons_on_resume(self) -> None:
        """The source is not told to go on after it was aborted."""
        self.deliver(lambda _: None)
        self.body.pause()
        self.body.chunk(b"a")
        self.source.calls.clear()
        self.sink.on_chunk = lambda _: self.body.abandon()
        self.body.resume()
        self.assertEqual(self.source.calls, ["abort"])

    def test_is_given_more_before_what_was_held(self) -> None:
        """A source that answers at once does not overtake what is still held."""
        self.deliver(lambda data: self.body.chunk(b"c") if data == b"a" else None, b"a", b"b")
        self.assertEqual(self.sink.data, [b"a", b"b", b"c"])

    def test_the_source_ends_meanwhile(self) -> None:
        self.deliver(lambda data: self.body.end() if data == b"a" else None, b"a", b"b")
        self.assertEqual((self.sink.data, self.sink.ends, self.done), ([b"a", b"b"], [None], [None]))


class WatcherTests(BodyCase):
    """Those who only look on."""

    def test_every_piece_is_counted_before_the_sink_gets_it(self) -> None:
        """And none that is held."""
        seen: list[int] = []
        self.sink.on_chunk = lambda _: seen.append(self.body.passed_on)
        self.body.chunk(b"abc")
        self.assertEqual(self.body.passed_on, 0)
        self.body.deliver(self.sink)
        self.body.chunk(b"de")
        self.assertEqual(seen, [3, 5])

    def test_what_is_held_and_dropped_is_not_counted(self) -> None:
        for end in (self.body.abandon, lambda: self.body.cut(CUT)):
            self.setUp()
            self.body.deliver(self.sink)
            self.body.chunk(b"abc")
            self.body.pause()
            self.body.chunk(b"de")
            end()
            self.assertEqual(self.body.passed_on, 3)

    def test_flow(self) -> None:
        seen: list[bool] = []
        self.body.on_flow(seen.append)
        self.body.deliver(self.sink)
        self.body.pause()
        self.body.resume()
        self.assertEqual(seen, [False, True])

    def test_done_before_the_client_sees_the_end(self) -> None:
        """Else a client that waits for its answer could find its own slot still taken."""
        order: list[str] = []
        self.body.on_done(lambda _: order.append(f"done, sink told {len(self.sink.ends)} times"))
        self.body.deliver(self.sink)
        self.body.end()
        self.assertEqual(order, ["done, sink told 0 times"])

    def test_done_is_told_to_whoever_comes_late(self) -> None:
        self.body.abandon(CUT)
        late: list[GatewayError | None] = []
        self.body.on_done(late.append)
        self.assertEqual(late, [CUT])

    def test_done_of_one_fails_and_the_others_hear_of_it_all_the_same(self) -> None:
        """Each of them has something of its own to settle."""

        def fail(_: GatewayError | None) -> None:
            raise ValueError("broken watcher")

        self.body.on_done(fail)
        self.body.on_done(self.done.append)
        self.body.deliver(self.sink)
        self.assertRaises(ValueError, self.body.end)
        self.assertEqual((self.done, self.sink.ends), ([None, None], [None]))

    def test_source_is_aborted_though_a_watcher_fails(self) -> None:
        def fail(_: GatewayError | None) -> None:
            raise ValueError("broken watcher")

        self.body.on_done(fail)
        self.assertRaises(ValueError, self.body.abandon)
        self.assertEqual(self.source.calls, ["abort"])

    def test_mid_event_is_about_what_was_passed_on(self) -> None:
        """Not about what is held: an error event must not be glued to half an event."""
        self.body.deliver(self.sink)
        self.body.chunk(b"data: half", mid_event=True)
        self.assertTrue(self.body.mid_event)
        self.body.pause()
        self.body.chunk(b" and half\n\n")
        self.assertTrue(self.body.mid_event)
        self.body.resume()
        self.assertFalse(self.body.mid_event)
