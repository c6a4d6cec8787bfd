"""What is sent, to whom in which order, and what counts as a failure."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.arrivals import schedule
from benchmarks.contestants import Contestant, request_body, take_turns
from benchmarks.processes import Failure, Process
from benchmarks.wrk import ERRORS, Load, read_result

GOOD = {"requests": 1000, "bytes": 900_000, "p50": 850, "p99": 2000, **dict.fromkeys(ERRORS, 0)}
LOAD = Load("small", b"{}", 64, answer_size=600)


def output(**changes: int) -> str:
    """What wrk prints at its end."""
    pairs = " ".join(f"{name}={value}" for name, value in {**GOOD, **changes}.items())
    return f"Running 2s test\n  64 connections\n\nRESULT {pairs}\n"


class WrkTests(SynchronousTestCase):
    """`read_result`."""

    def test_figures_are_read(self) -> None:
        """By their names."""
        self.assertEqual(read_result(0, output(), "gateway", LOAD), GOOD)

    def test_any_error_fails(self) -> None:
        """One refused connection, one 503, one answer that took too long."""
        for kind in ERRORS:
            with self.assertRaisesRegex(Failure, f"gateway.*'{kind}': 1"):
                read_result(0, output(**{kind: 1}), "gateway", LOAD)

    def test_short_answers_fail(self) -> None:
        """Something answered 200, but not the backend."""
        with self.assertRaisesRegex(Failure, "answers of 599 bytes"):
            read_result(0, output(bytes=599_000), "gateway", LOAD)

    def test_no_figures_fail_with_what_wrk_said(self) -> None:
        """Such as that it could not connect."""
        with self.assertRaisesRegex(Failure, "Connection refused"):
            read_result(1, "unable to connect: Connection refused", "gateway", LOAD)


class RequestTests(SynchronousTestCase):
    """`request_body`."""

    def test_has_exactly_the_size_that_is_asked_for(self) -> None:
        """And is what a gateway takes."""
        for size in (600, 64 * 1024):
            body = request_body("m", size)
            self.assertEqual((len(body), json.loads(body)["model"]), (size, "m"))


class _Running(Process):
    """Something that has not ended."""

    def __init__(self) -> None:
        pass

    def check(self) -> None:
        pass

    def forget_output(self) -> None:
        pass


class TurnsTests(SynchronousTestCase):
    """`take_turns`."""

    def test_all_are_measured_in_each_round_and_none_always_first(self) -> None:
        """What disturbs the machine for a while disturbs all of them."""
        order: list[str] = []
        contestants = [Contestant(name, _Running(), {}) for name in ("gateway", "nginx")]
        take_turns(contestants, 2, lambda each: order.append(each.name))
        self.assertEqual(order, ["gateway", "nginx", "nginx", "gateway"])

    def test_results_are_in_the_order_of_the_rounds(self) -> None:
        """So that they can be paired."""
        numbers = iter(range(4))
        contestants = [Contestant(name, _Running(), {}) for name in ("gateway", "nginx")]
        results = take_turns(contestants, 2, lambda _: next(numbers))
        self.assertEqual(results, {"gateway": [0, 3], "nginx": [1, 2]})


class ScheduleTests(SynchronousTestCase):
    """`schedule`."""

    def test_every_contestant_gets_the_same_moments(self) -> None:
        """Random, but the same."""
        self.assertEqual(schedule(1000, 1.0), schedule(1000, 1.0))

    def test_has_the_rate_that_is_asked_for(self) -> None:
        """Within a few standard deviations (100 of 10,000)."""
        moments = schedule(1000, 10.0)
        self.assertApproximates(len(moments), 10_000, 400)
        self.assertEqual(moments, sorted(moments))
        self.assertLess(moments[-1], 10.0)
