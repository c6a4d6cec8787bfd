"""Tests of what a simulator remembers, of its pace, and of raw answers."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator.answer import Answer
from jairouter.simulator.record import Seen
from jairouter.simulator.simulator import Simulator
from jairouter.simulator.text import payload, payload_sha256
from tests.simulator.support import Bench, Peer, chat

PATH = "/v1/chat/completions"


class RecordTests(SynchronousTestCase):
    """What a test can learn afterwards."""

    def test_a_request_is_recorded_byte_for_byte(self) -> None:
        bench = Bench()
        body = b'{"messages":[{"content":"x"}],  "a":1.0e2}'
        bench.peer.request("POST", f"{PATH}?q=1", body, {"X-A": "b", "x-a": "c"})
        seen = bench.simulator.seen[0]
        self.assertEqual((seen.method, seen.path), ("POST", f"{PATH}?q=1"))
        self.assertEqual((seen.body, seen.length), (body, len(body)))
        self.assertEqual(seen.sha256, hashlib.sha256(body).hexdigest())
        self.assertEqual((seen.time, seen.connection, seen.complete), (1000, 1, True))
        self.assertEqual(seen.header(b"X-a"), b"c")
        self.assertEqual(seen.json(), json.loads(body))

    def test_a_large_body_is_counted_but_not_kept(self) -> None:
        bench = Bench(body_limit=10)
        bench.peer.request("POST", PATH, b"[" + b" " * 20)
        seen = bench.simulator.seen[0]
        self.assertEqual((seen.length, seen.body), (21, None))
        self.assertRaises(ValueError, seen.json)

    def test_only_the_latest_requests_are_kept(self) -> None:
        bench = Bench(remember=2)
        for number in range(3):
            bench.get(f"/{number}")
        self.assertEqual([seen.path for seen in bench.simulator.seen], ["/1", "/2"])
        forgetful = Bench(remember=0)
        forgetful.get("/")
        self.assertEqual(forgetful.simulator.seen, [])

    def test_connections_and_requests_are_counted(self) -> None:
        bench = Bench(latency=1.0)
        second = Peer(bench.simulator)
        bench.begin(PATH, chat())
        second.request("POST", PATH, json.dumps(chat()).encode())
        simulator = bench.simulator
        self.assertEqual((simulator.open_connections, len(simulator.in_flight)), (2, 2))
        bench.settle()
        second.leave()
        self.assertEqual((simulator.connections, simulator.open_connections), (2, 1))
        self.assertEqual((len(simulator.in_flight), simulator.most_in_flight), (0, 2))
        self.assertEqual(simulator.disconnects, [])

    def test_an_observer_is_told_of_each_request(self) -> None:
        told: list[tuple[Seen, Answer]] = []
        bench = Bench()
        bench.simulator._observer = lambda seen, answer: told.append((seen, answer))
        bench.get("/health")
        self.assertEqual([(seen.path, answer.status) for seen, answer in told], [("/health", 200)])


class DisconnectTests(SynchronousTestCase):
    """A client that leaves ends the work at once, and the phase is known."""

    def left(self, bench: Bench, phase: str) -> None:
        bench.peer.leave()
        self.assertEqual([one.phase for one in bench.simulator.disconnects], [phase])
        self.assertEqual(bench.simulator.in_flight, set())
        self.assertEqual(bench.clock.getDelayedCalls(), [])

    def test_while_the_request_arrives(self) -> None:
        bench = Bench()
        bench.peer.send(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")
        self.left(bench, "reading-request")
        self.assertEqual((bench.simulator.seen[0].length, bench.simulator.seen[0].complete), (2, False))

    def test_before_the_headers(self) -> None:
        bench = Bench(latency=5.0)
        bench.begin(PATH, chat())
        bench.clock.advance(1)
        self.left(bench, "before-headers")
        self.assertEqual(bench.simulator.disconnects[0].time, 1001)

    def test_in_the_middle_of_a_stream(self) -> None:
        bench = Bench(tokens_per_second=10.0)
        bench.begin(PATH, chat(stream=True))
        bench.clock.advance(0.5)
        self.left(bench, "mid-body")

    def test_while_headers_dribble(self) -> None:
        bench = Bench()
        bench.begin(PATH, chat(), x_simulate="slow-headers")
        bench.clock.advance(0.3)
        self.left(bench, "before-headers")

    def test_a_connection_that_idles_is_nobody_leaving(self) -> None:
        bench = Bench()
        bench.chat()
        bench.peer.leave()
        self.assertEqual(bench.simulator.disconnects, [])


class PaceTests(SynchronousTestCase):
    """Latency and tokens per second."""

    def test_the_first_byte_comes_after_the_latency(self) -> None:
        bench = Bench(latency=2.0)
        bench.begin(PATH, chat())
        bench.clock.advance(1.9)
        self.assertEqual(bench.peer.take(), b"")
        bench.clock.advance(0.2)
        self.assertEqual(bench.peer.answer().status, 200)

    def test_tokens_come_at_their_pace_however_late_the_clock_is(self) -> None:
        bench = Bench(tokens_per_second=10.0, tokens=100)
        bench.begin(PATH, chat(stream=True))
        for _ in range(7):
            bench.clock.advance(0.137)
        events = bench.peer.transport.value().count(b"data: ")
        # 7 * 0.137 s is 0.96 s: the event at 0 s, and nine more.
        self.assertIn(events, (7, 8, 9, 10))
        bench.clock.pump([0.01] * 10)
        self.assertEqual(bench.peer.transport.value().count(b"data: "), 11)

    def test_a_slow_peer_holds_the_stream_up(self) -> None:
        bench = Bench(tokens_per_second=10.0)
        bench.begin(PATH, chat(stream=True))
        bench.peer.take()
        bench.peer.channel.pauseProducing()
        bench.clock.advance(5)
        self.assertEqual(bench.peer.take(), b"")
        bench.peer.channel.resumeProducing()
        self.assertIn(b"data: ", bench.peer.take())

    def test_idle_connections_are_closed_in_time(self) -> None:
        bench = Bench(idle_timeout=5.0)
        bench.get("/health")
        bench.clock.advance(6)
        self.assertTrue(bench.peer.transport.disconnecting)

    def test_the_same_seed_gives_the_same_answers(self) -> None:
        first, second = Bench(error_rate=0.3), Bench(error_rate=0.3)
        self.assertEqual([first.chat().body for _ in range(20)], [second.chat().body for _ in range(20)])


class RawTests(SynchronousTestCase):
    """Answers for tests of bytes."""

    def test_any_number_of_bytes(self) -> None:
        answer = Bench().post(PATH, {}, x_simulate_size="200000")
        self.assertEqual(answer.body, b"".join(payload(200_000)))
        self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
        self.assertEqual(answer.headers["Content-Length"], "200000")
        digest = hashlib.sha256(Bench().get("/raw/bytes?size=70000").body).hexdigest()
        self.assertEqual(digest, payload_sha256(70_000))
        self.assertEqual(Bench().get("/raw/bytes?size=x").status, 400)

    def test_the_request_may_hold_any_bytes(self) -> None:
        bench = Bench()
        bench.peer.request("POST", PATH, b"\x00[{", {"X-Simulate-Size": "3"})
        self.assertEqual(len(bench.peer.answer().body), 3)

    def test_the_bytes_wait_for_the_peer(self) -> None:
        bench = Bench()
        channel = bench.peer.channel
        bench.begin(PATH, {}, x_simulate_size=str(10**12))
        channel.pauseProducing()
        before = len(bench.peer.take())
        bench.clock.advance(1)
        self.assertEqual(bench.peer.take(), b"")
        self.assertLess(before, 5_000_000)
        bench.peer.leave()
        self.assertEqual(bench.clock.getDelayedCalls(), [])

    def test_exactly_what_was_sent(self) -> None:
        for path, echo in ((PATH, "1"), ("/raw/echo", "")):
            for body in (b"", bytes(range(256)) * 10_000):
                bench = Bench()
                headers = {"Content-Type": "image/x-test; a=1", "X-Simulate-Echo": echo}
                bench.peer.request("POST", path, body, headers)
                bench.settle()
                answer = bench.peer.answer()
                self.assertEqual(answer.body, body)
                self.assertEqual(answer.headers["Content-Type"], "image/x-test; a=1")

    def test_without_a_length_when_asked(self) -> None:
        answer = Bench().post(PATH, {}, x_simulate_size="100000", x_simulate_chunked="1")
        self.assertEqual(answer.headers["Transfer-Encoding"], "chunked")
        self.assertEqual(len(answer.body), 100_000)

    def test_pieces_are_written_in_turns_of_their_own(self) -> None:
        bench = Bench()
        bench.begin(PATH, {}, x_simulate_size="10", x_simulate_pieces="1,2,3")
        written = [bench.peer.take().partition(b"\r\n\r\n")[2]]
        self.patch(bench.peer.transport, "write", written.append)
        bench.settle()
        self.assertEqual([len(piece) for piece in written], [1, 2, 3, 4])
        self.assertEqual(Bench().post(PATH, chat(), x_simulate_pieces="0").status, 400)

    def test_a_stream_cut_into_bytes_is_the_same_stream(self) -> None:
        cut = Bench().post(PATH, chat(stream=True, max_tokens=1), x_simulate_pieces="1*")
        self.assertEqual(cut.body, Bench().chat(stream=True, max_tokens=1).body)

    def test_faults_apply_to_raw_answers_too(self) -> None:
        headers: dict[str, Any] = {"x_simulate_size": "100000", "x_simulate": "error"}
        self.assertEqual(Bench().post(PATH, {}, **headers).status, 500)


class OptionTests(SynchronousTestCase):
    """Settings."""

    def test_an_unknown_fault_is_refused_at_once(self) -> None:
        bench = Bench()
        self.assertRaises(ValueError, setattr, bench.simulator, "fault", "nosuch")
        self.assertRaises(ValueError, bench.simulator.enqueue, "", "nosuch")
        self.assertEqual(bench.chat().status, 200)

    def test_the_site_serves_many_connections_of_one_simulator(self) -> None:
        simulator: Simulator = Bench().simulator
        self.assertIsNot(simulator.site().buildProtocol(None), simulator.site().buildProtocol(None))
