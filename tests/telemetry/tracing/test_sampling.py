"""Tests of jairouter.telemetry.tracing.sampling, .adaptive and jairouter.config.trace_conditions."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.forms import Unfit
from jairouter.config.settings.tracing import AdaptiveSamplingSettings, TraceSamplingSettings
from jairouter.config.trace_conditions import conditions_of
from jairouter.exchange import Request
from jairouter.routes import ROUTES
from jairouter.telemetry.tracing.adaptive import Adaptive
from jairouter.telemetry.tracing.sampling import Sampler
from tests.fuzz.examples import examples

_BY_PATH = {each.path: each for each in ROUTES}
HALF = 2**63


def request(path: str = "/v1/chat/completions", ip: str = "10.0.0.7", **fields: str) -> Request:
    """A request with some headers."""
    by_name = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
    body: Any = None
    return Request("id", _BY_PATH[path], b"", (), b"", body, ip, fields=by_name)


def sampler(**settings: Any) -> Sampler:
    """One that goes by these settings."""
    return Sampler(TraceSamplingSettings.model_validate(settings))


class Samples(SynchronousTestCase):
    """Asks samplers."""

    def wanted(
        self, one: Sampler, *asked: Request, number: int = 0, parent: bool | None = None
    ) -> list[bool]:
        """What is traced of these requests."""
        return [one.wants(each, number, parent, 0.0) for each in asked]


class RatioTests(Samples):
    """Shares of all requests, and of a service."""

    @examples(30)
    @given(st.floats(0, 1), st.integers(0, 2**64 - 1))
    def test_the_id_of_the_trace_decides(self, ratio: float, number: int) -> None:
        self.assertEqual(
            [number < round(ratio * 2**64)], self.wanted(sampler(ratio=ratio), request(), number=number)
        )

    def test_none_and_all(self) -> None:
        self.assertEqual([False], self.wanted(sampler(ratio=0), request(), number=0))
        self.assertEqual([True], self.wanted(sampler(ratio=1), request(), number=2**64 - 1))

    def test_a_service_may_have_a_share_of_its_own(self) -> None:
        one = sampler(ratio=0, service_ratios={"embeddings": 1})
        self.assertEqual([False, True], self.wanted(one, request(), request("/v1/embeddings"), number=HALF))


class ParentTests(Samples):
    """What callers have decided."""

    def test_it_counts_with_a_strategy_that_heeds_it(self) -> None:
        for strategy in ("parent_based_traceid_ratio", "parent-based-traceid-ratio", "rule", "adaptive"):
            one = sampler(strategy=strategy, ratio=0, adaptive={"min_ratio": 0, "max_ratio": 0})
            self.assertEqual([True], self.wanted(one, request(), parent=True), strategy)
        self.assertEqual([False], self.wanted(sampler(ratio=1), request(), parent=False))

    def test_it_does_not_with_others(self) -> None:
        for strategy, found in (
            ("traceid_ratio", False),
            ("ratio", False),
            ("always_on", True),
            ("always_off", False),
        ):
            one = sampler(strategy=strategy, ratio=0)
            self.assertEqual([found], self.wanted(one, request(), parent=not found), strategy)

    def test_of_all_or_none_unless_a_caller_says_so(self) -> None:
        on, off = (
            sampler(strategy="parent_based_always_on", ratio=0),
            sampler(strategy="parent_based_always_off"),
        )
        self.assertEqual([True, False], self.wanted(on, request()) + self.wanted(on, request(), parent=False))
        self.assertEqual(
            [False, True], self.wanted(off, request()) + self.wanted(off, request(), parent=True)
        )


class PathTests(Samples):
    """Paths that are always or never traced, whoever asks."""

    def test_never_comes_before_always_and_both_before_the_rest(self) -> None:
        one = sampler(ratio=0, always_sample=["/v1"], never_sample=["/v1/emb*"])
        asked = request(), request("/v1/embeddings")
        self.assertEqual([True, False], self.wanted(one, *asked, parent=False))
        self.assertEqual([True, False], self.wanted(one, *asked, parent=True))

    def test_a_path_is_no_prefix_of_a_word(self) -> None:
        self.assertEqual([False], self.wanted(sampler(ratio=0, always_sample=["/v1/chat/comp"]), request()))


class RuleTests(Samples):
    """Shares by condition."""

    def rule(self, condition: str, **more: Any) -> Sampler:
        """Trace what meets a condition, and nothing else."""
        return sampler(ratio=0, rules=[{"condition": condition, "ratio": 1}], **more)

    def test_by_path_service_address_and_header(self) -> None:
        good = request(x_tenant="acme")
        bad = request("/v1/embeddings", "10.1.0.7", x_tenant="other")
        for condition in (
            "path=/v1/chat*",
            "service=chat",
            "service=CHAT",
            "client-ip=10.0.*",
            "header.x-tenant=acme",
            "Header.X-Tenant = ac*",
            "path!=/v1/embeddings",
            "header.x-tenant!=other",
            "service=chat and header.x-tenant=acme && client-ip=10.*",
        ):
            self.assertEqual([True, False], self.wanted(self.rule(condition), good, bad), condition)

    def test_a_header_that_is_not_there_is_empty(self) -> None:
        self.assertEqual([False], self.wanted(self.rule("header.x-tenant=acme"), request()))

    def test_all_tests_have_to_hold(self) -> None:
        one = self.rule("service=chat and client-ip=1.1.1.1")
        self.assertEqual([False], self.wanted(one, request()))

    def test_the_first_rule_that_fits_counts_and_comes_before_the_service(self) -> None:
        rules = [{"condition": "header.a=1", "ratio": 0}, {"condition": "service=chat", "ratio": 1}]
        one = sampler(rules=rules, service_ratios={"chat": 0})
        self.assertEqual([False, True], self.wanted(one, request(a="1"), request(a="2")))

    def test_what_is_no_condition_is_refused(self) -> None:
        for bad in (
            "",
            "chat",
            "path",
            "path=",
            "=x",
            "weather=fine",
            "service=nothing",
            "path=/v1 and",
            "header.=x",
        ):
            with self.assertRaises(Unfit, msg=bad):
                conditions_of(bad)

    def test_other_signs_are_nothing_special(self) -> None:
        one = self.rule("header.a=[x]?(y)")
        self.assertEqual([True, False], self.wanted(one, request(a="[x]?(y)"), request(a="x(y)")))


class AdaptiveTests(SynchronousTestCase):
    """A share that follows the load."""

    def adaptive(self, **more: Any) -> Adaptive:
        settings = {"target_spans_per_second": 100, "min_ratio": 0.01, "max_ratio": 1, **more}
        return Adaptive(AdaptiveSamplingSettings.model_validate(settings), 0.5, 0.0)

    def test_it_is_right_after_one_interval(self) -> None:
        one = self.adaptive()
        one.made(30 * 400)
        self.assertEqual(0.5, one.ratio_at(29.9))
        self.assertAlmostEqual(0.125, one.ratio_at(30.0))

    def test_it_rises_when_there_is_less(self) -> None:
        one = self.adaptive()
        one.made(30 * 80)
        self.assertAlmostEqual(0.625, one.ratio_at(30.0))

    def test_it_stays_within_its_limits(self) -> None:
        one = self.adaptive()
        one.made(10**9)
        self.assertEqual(0.01, one.ratio_at(30))
        self.assertEqual(1, one.ratio_at(60))

    @examples(20)
    @given(st.lists(st.integers(0, 10**6), max_size=8))
    def test_whatever_happens_it_stays_within_them(self, made: list[int]) -> None:
        one = self.adaptive(min_ratio=0.2, max_ratio=0.8)
        for number, spans in enumerate(made, 1):
            one.made(spans)
            self.assertTrue(0.2 <= one.ratio_at(30.0 * number) <= 0.8)

    def test_a_sampler_goes_by_it(self) -> None:
        one = self.adaptive()
        asks = Sampler(TraceSamplingSettings(), one)
        self.assertTrue(asks.wants(request(), HALF - 1, None, 0.0))
        one.made(10**9)
        self.assertFalse(asks.wants(request(), HALF - 1, None, 30.0))
