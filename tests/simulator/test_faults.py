"""Tests of the ways to misbehave, as the client sees them."""

from __future__ import annotations

import json
from http.client import BadStatusLine, IncompleteRead

from twisted.trial.unittest import SynchronousTestCase

from jairouter.simulator import faults
from jairouter.simulator.fault import UnknownFault
from jairouter.simulator.text import reply_text
from tests.simulator.support import Bench, chat

PATH = "/v1/chat/completions"


class SpecificationTests(SynchronousTestCase):
    """How faults are asked for."""

    def test_names_and_parameters(self) -> None:
        first, second = faults.parse("interim, stall-mid-body;after=3;for=0.5")
        self.assertEqual((first.name, second.name), ("interim", "stall-mid-body"))
        self.assertEqual(second.whole_number("after", 0), 3)
        self.assertEqual(second.number("for", 0), 0.5)
        self.assertEqual(faults.parse(""), ())

    def test_unknown_names_are_refused_with_the_known_ones(self) -> None:
        error = self.assertRaises(UnknownFault, faults.parse, "reset,nosuch")
        self.assertIn("nosuch", str(error))
        self.assertIn("stall-mid-body", str(error))
        self.assertRaises(UnknownFault, faults.parse, "error;status=x")

    def test_header_model_name_option_and_queue_all_reach_a_request(self) -> None:
        self.assertEqual(Bench().post(PATH, chat(), x_simulate="error;status=501").status, 501)
        self.assertEqual(Bench().chat("m!error;status=502").status, 502)
        bench = Bench(fault="error;status=503")
        self.assertEqual(bench.chat().status, 503)
        bench.simulator.fault = ""
        bench.simulator.enqueue("error;status=504", "")
        self.assertEqual([bench.chat().status for _ in range(3)], [504, 200, 200])

    def test_probes_do_not_use_up_the_queue(self) -> None:
        bench = Bench()
        bench.simulator.enqueue("error")
        self.assertEqual((bench.get("/health").status, bench.chat().status), (200, 500))

    def test_an_unknown_fault_is_answered_with_400(self) -> None:
        for answer in (Bench().post(PATH, chat(), x_simulate="nosuch"), Bench().chat("m!nosuch")):
            self.assertEqual(answer.status, 400)
            self.assertIn("known are: 429, ", answer.json()["error"]["message"])

    def test_a_fault_may_strike_only_some_paths_and_some_times(self) -> None:
        bench = Bench(fault="error;only=/v1/emb")
        self.assertEqual(bench.chat().status, 200)
        self.assertEqual(bench.post("/v1/embeddings", {"input": "a"}).status, 500)
        bench.simulator.fault = "error;rate=0.5"
        statuses = [bench.chat().status for _ in range(100)]
        self.assertTrue(30 < statuses.count(500) < 70)

    def test_the_error_rate_strikes_model_requests_only(self) -> None:
        bench = Bench(error_rate=1.0)
        self.assertEqual((bench.chat().status, bench.get("/health").status), (500, 200))


class AnswerFaultTests(SynchronousTestCase):
    """Faults that leave HTTP intact."""

    def test_errors(self) -> None:
        error = Bench().chat("m!error").json()["error"]
        self.assertEqual(set(error), {"message", "type", "param", "code"})
        self.assertEqual((error["type"], error["code"]), ("api_error", "simulated"))

    def test_throttling_says_when_to_come_back(self) -> None:
        answer = Bench().chat("m!429;retry-after=7")
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (429, "7"))
        self.assertEqual(Bench().chat("m!429").headers["Retry-After"], "1")

    def test_a_garbage_body_is_no_json(self) -> None:
        answer = Bench().chat("m!garbage-body")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, "application/json"))
        self.assertRaises(ValueError, answer.json)

    def test_an_error_in_a_stream(self) -> None:
        events = Bench().chat("m!error-event;after=3", stream=True).events()
        self.assertEqual(len(events), 4)
        self.assertIn("error", events[-1])
        first = Bench().chat("m!error-event;after=0", stream=True).events()
        self.assertEqual(list(first[0]), ["error"])
        self.assertEqual(Bench().chat("m!error-event").status, 500)

    def test_done_after_an_error(self) -> None:
        events = Bench().chat("m!done-after-error", stream=True).events()
        self.assertIn("error", events[-2])
        self.assertEqual(events[-1], "[DONE]")

    def test_a_stream_without_its_end(self) -> None:
        events = Bench().chat("m!no-done", stream=True).events()
        self.assertEqual(len(events), 33)
        self.assertTrue(all(event["choices"][0]["finish_reason"] is None for event in events))

    def test_no_dialect_shows_an_end_then(self) -> None:
        for path, ending in (("/api/chat", '"done":true'), ("/v1/messages", "message_stop")):
            body = chat("m!no-done", stream=True, max_tokens=5)
            self.assertNotIn(ending, Bench().post(path, body).body.decode())

    def test_a_huge_event(self) -> None:
        events = Bench().chat("m!huge-event;size=100000", stream=True).events()
        sizes = [len(json.dumps(event)) for event in events]
        self.assertGreater(sizes[1], 100_000)
        self.assertEqual(events[-1], "[DONE]")

    def test_interim_answers_come_first(self) -> None:
        bench = Bench()
        bench.begin(PATH, chat(), x_simulate="interim")
        written = bench.peer.take()
        heads = [head.split(b"\r\n")[0] for head in written.split(b"\r\n\r\n")[:3]]
        statuses = [head.split()[1] for head in heads]
        self.assertEqual(statuses, [b"100", b"103", b"200"])

    def test_an_answer_that_ends_with_the_connection(self) -> None:
        for stream in (False, True):
            bench = Bench()
            answer = bench.chat("m!close-delimited", stream=stream)
            self.assertNotIn("Content-Length", answer.headers)
            self.assertNotIn("Transfer-Encoding", answer.headers)
            self.assertIn(b"You ", answer.body)
            self.assertTrue(bench.peer.transport.disconnecting)

    def test_headers_that_dribble(self) -> None:
        for stream in (False, True):
            bench = Bench()
            bench.begin(PATH, chat(stream=stream), x_simulate="slow-headers;every=1")
            bench.clock.pump([1] * 9)
            self.assertEqual(bench.peer.transport.value(), b"HTTP/1.1 2")
            bench.settle()
            self.assertEqual(bench.peer.answer().status, 200)

    def test_pace_changes_one_request(self) -> None:
        bench = Bench(latency=5.0)
        bench.begin(PATH, chat(), x_simulate="pace;latency=0;tokens=2")
        answer = bench.peer.answer().json()
        self.assertEqual(answer["choices"][0]["message"]["content"], reply_text("Good day", 2))


class ConnectionFaultTests(SynchronousTestCase):
    """Faults that break HTTP."""

    def test_closed_without_an_answer(self) -> None:
        bench = Bench()
        bench.begin(PATH, chat("m!refuse"))
        self.assertEqual(bench.peer.take(), b"")
        self.assertTrue(bench.peer.transport.disconnecting)

    def test_reset_before_any_byte(self) -> None:
        bench = Bench()
        bench.begin(PATH, chat("m!reset"))
        self.assertEqual(bench.peer.take(), b"")
        self.assertTrue(bench.peer.transport.disconnected)

    def test_garbage(self) -> None:
        bench = Bench()
        bench.begin(PATH, chat("m!garbage"))
        self.assertRaises(BadStatusLine, bench.peer.answer)

    def test_reset_in_the_middle(self) -> None:
        for stream in (False, True):
            bench = Bench()
            bench.begin(PATH, chat("m!reset-mid-body", stream=stream))
            self.assertFalse(bench.peer.transport.disconnected)
            bench.settle()
            self.assertTrue(bench.peer.transport.disconnected)
            self.assertRaises(IncompleteRead, bench.peer.answer)

    def test_cut_short(self) -> None:
        for fault, stream in (
            ("truncate", False),
            ("truncate", True),
            ("truncate-chunked", False),
            ("truncate-chunked", True),
        ):
            bench = Bench()
            self.assertRaises(IncompleteRead, bench.chat, f"m!{fault}", stream=stream)
            self.assertTrue(bench.peer.transport.disconnecting)

    def test_how_much_is_sent_can_be_chosen(self) -> None:
        error = self.assertRaises(IncompleteRead, Bench().chat, "m!truncate;after=10")
        self.assertEqual(len(error.partial), 10)
        body = chat("m!truncate-chunked;after=1", stream=True)
        error = self.assertRaises(IncompleteRead, Bench().post, PATH, body)
        self.assertEqual(error.partial.count(b"data: "), 1)

    def test_more_than_promised(self) -> None:
        bench = Bench()
        bench.begin(PATH, chat("m!wrong-length"))
        head, _, body = bench.peer.take().partition(b"\r\n\r\n")
        promised = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
        self.assertGreater(len(body), promised)

    def test_stalls_last_until_the_client_leaves(self) -> None:
        for fault, phase in (
            ("stall-before-headers", "before-headers"),
            ("stall-after-headers", "before-body"),
            ("stall-mid-body", "mid-body"),
        ):
            for stream in (False, True):
                bench = Bench()
                bench.begin(PATH, chat(f"m!{fault}", stream=stream))
                bench.clock.advance(1000)
                self.assertEqual(len(bench.simulator.in_flight), 1)
                bench.peer.leave()
                self.assertEqual(bench.simulator.disconnects[0].phase, phase)
                self.assertEqual(bench.clock.getDelayedCalls(), [])

    def test_stalls_may_end(self) -> None:
        for fault in ("stall-before-headers", "stall-after-headers", "stall-mid-body"):
            for stream in (False, True):
                bench = Bench()
                started = bench.clock.seconds()
                answer = bench.chat(f"m!{fault};for=15", stream=stream)
                self.assertEqual(bench.clock.seconds() - started, 15)
                self.assertIn(b"You ", answer.body)

    def test_a_kept_alive_connection_is_dropped_at_the_next_request(self) -> None:
        bench = Bench()
        self.assertEqual(bench.chat("m!keep-alive-drop").status, 200)
        self.assertFalse(bench.peer.transport.disconnecting)
        bench.begin(PATH, chat())
        self.assertEqual(bench.peer.take(), b"")
        self.assertTrue(bench.peer.transport.disconnecting)
        self.assertEqual((bench.simulator.dropped, len(bench.simulator.seen)), (1, 1))

    def test_no_broken_answer_counts_as_a_client_that_left(self) -> None:
        for fault in ("refuse", "reset", "reset-mid-body", "truncate", "garbage", "early-reset"):
            bench = Bench()
            bench.begin(PATH, chat(), x_simulate=fault)
            bench.settle()
            bench.peer.leave()
            self.assertEqual((bench.simulator.disconnects, bench.simulator.in_flight), ([], set()))
            self.assertEqual(bench.clock.getDelayedCalls(), [])


class ReadingFaultTests(SynchronousTestCase):
    """Faults that strike while the request arrives."""

    head = b"POST /v1/chat/completions HTTP/1.1\r\nX-Simulate: %b\r\nContent-Length: 4000\r\n\r\n"

    def test_slow_reading_pauses_after_each_portion(self) -> None:
        bench = Bench()
        transport = bench.peer.transport
        bench.peer.send(self.head % b"slow-reading;every=2")
        self.assertEqual(transport.producerState, "paused")
        bench.clock.advance(2)
        self.assertEqual(transport.producerState, "producing")
        bench.peer.send(bytes(1000))
        self.assertEqual(transport.producerState, "paused")
        bench.peer.send(bytes(3000))
        self.assertEqual(transport.producerState, "producing")
        self.assertTrue(bench.simulator.seen[0].complete)
        self.assertEqual(bench.clock.getDelayedCalls(), [])

    def test_reading_may_stop_for_ever(self) -> None:
        bench = Bench()
        bench.peer.send(self.head % b"slow-reading;every=0")
        self.assertEqual(bench.clock.getDelayedCalls(), [])
        self.assertEqual(bench.peer.transport.producerState, "paused")

    def test_an_error_before_the_body(self) -> None:
        bench = Bench()
        bench.peer.send(self.head % b"early-error;status=413")
        answer = bench.peer.answer()
        self.assertEqual((answer.status, answer.headers["Connection"]), (413, "close"))
        bench.peer.send(bytes(4000))
        self.assertEqual(bench.peer.take(), b"")

    def test_a_reset_before_the_body(self) -> None:
        bench = Bench()
        bench.peer.send(self.head % b"early-reset")
        self.assertTrue(bench.peer.transport.disconnected)
