"""Tests for `jairouter.telemetry.metrics.requests`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass, verifyObject

from jairouter.errors import RateLimited
from jairouter.exchange import Exchange
from jairouter.interfaces import IRecorder, Quota
from jairouter.request_body.held import HeldBody
from jairouter.telemetry.metrics.families import Families
from jairouter.telemetry.metrics.http import HttpMetrics
from jairouter.telemetry.metrics.requests import RequestMetrics
from jairouter.traffic.limiters.concurrency import Concurrency
from tests.filters.inner import exchange, instance, request
from tests.telemetry.metrics.shown import Values, over, refused_early

SERVICE = ("service", "token-bucket")
ADDRESS = ("client-ip", "sliding-window")


class Recorded(SynchronousTestCase):
    """Records exchanges, and looks at what is shown of them."""

    def setUp(self) -> None:
        self.value = Values()
        http = HttpMetrics(Families())
        self.metrics = RequestMetrics(http, lambda: 3.0, Families())
        self.value.registry.register(http)
        self.value.registry.register(self.metrics)

    def record(self, what: Exchange, status: int = 200, error: RateLimited | None = None) -> None:
        self.metrics.record(what, status, 0, error)


class RequestTests(Recorded):
    """Requests for models."""

    def test_interface(self) -> None:
        verifyClass(IRecorder, RequestMetrics)
        verifyObject(IRecorder, self.metrics)

    def test_models(self) -> None:
        for status in (200, 200, 502):
            self.record(over(), status)
        labels = {"service": "chat", "model": "m"}
        self.assertEqual(self.value("jairouter_model_requests_total", status="200", **labels), 2)
        self.assertEqual(self.value("jairouter_model_requests_total", status="502", **labels), 1)

    def test_counted_by_path_too(self) -> None:
        self.record(over())
        labels = {"method": "POST", "uri": "/v1/chat/completions", "status": "200"}
        self.assertEqual(self.value("http_server_requests_total", **labels), 1)
        self.assertEqual(self.value("http_server_requests_seconds_sum", **labels), 3.0)

    def test_names_come_from_the_configuration(self) -> None:
        """Whatever models clients ask for, there are no more series."""
        for number in range(50):
            self.record(exchange(model=f"made-up-{number}"), 404)
        self.assertEqual(self.value("jairouter_model_requests_total", model="", status="404"), 50)

    def test_sizes(self) -> None:
        self.metrics.record(exchange(request(body=b"x" * 700)), 200, 120, None)
        for name, size, below, above in (
            ("jairouter_request_size_bytes", 700, "500.0", "1000.0"),
            ("jairouter_response_size_bytes", 120, "100.0", "500.0"),
        ):
            self.assertEqual(self.value(f"{name}_sum", service="chat"), size)
            self.assertEqual(self.value(f"{name}_bucket", le=below), 0)
            self.assertEqual(self.value(f"{name}_bucket", le=above), 1)

    def test_a_body_of_unknown_length(self) -> None:
        """It is known when it was read; else it is none that could be counted."""
        unread, read = exchange(request(body=HeldBody(b"x"))), exchange(request(body=HeldBody(b"x")))
        unread.request.body.length = read.request.body.length = None
        self.record(unread)
        self.assertEqual(self.value("jairouter_request_size_bytes_count"), 0)
        read.body = HeldBody(b"x" * 700)
        self.record(read)
        self.assertEqual(self.value("jairouter_request_size_bytes_sum"), 700)

    def test_nothing_is_lost_by_other_settings(self) -> None:
        for _ in range(2):
            self.record(over())
            self.metrics.configure({}, [("chat", "m")])
        self.assertEqual(self.value("jairouter_model_requests_total"), 2)

    def test_models_that_are_gone_are_forgotten(self) -> None:
        """But not what was asked for under names that are no model's."""
        self.record(over())
        self.record(exchange(model="made-up"), 404)
        for models, left in (([("chat", "m")], 1), ([], 1), ([], None)):
            self.metrics.configure({}, models)
            self.assertEqual(self.value("jairouter_model_requests_total", model="m"), left)
        self.assertEqual(self.value("jairouter_model_requests_total", model=""), 1)


class LimitTests(Recorded):
    """What limits have said."""

    def events(self, scope: str, result: str) -> float | None:
        return self.value("jairouter_rate_limit_events_total", scope=scope, result=result)

    def rates(self, service: str = "chat") -> tuple[float | None, float | None]:
        names = ("requests", "rejected")
        found = [self.value(f"jairouter_ratelimit_{each}_total", service=service) for each in names]
        return found[0], found[1]

    def test_all_series_are_there_from_the_start(self) -> None:
        """The guide divides one by the other, which takes both."""
        self.metrics.configure({"chat": (SERVICE,), "tts": ()})
        self.assertEqual([self.rates(), self.rates("tts")], [(0, 0), (0, 0)])
        self.assertEqual([self.events("service", each) for each in ("allowed", "rejected")], [0, 0])

    def test_allowed(self) -> None:
        """By each limit that it stood under."""
        what = over()
        what.passed = (SERVICE, ADDRESS)
        self.record(what)
        self.assertEqual(self.rates(), (1, 0))
        self.assertEqual((self.events("service", "allowed"), self.events("client-ip", "allowed")), (1, 1))
        labels = {"algorithm": "sliding-window", "scope": "client-ip", "result": "allowed", "service": "chat"}
        self.assertEqual(self.value("jairouter_rate_limit_events_total", **labels), 1)

    def test_rejected(self) -> None:
        """By the one that refused; the others have not counted it."""
        self.record(refused_early(), 429, RateLimited("no", limit=SERVICE))
        self.assertEqual(self.rates(), (1, 1))
        self.assertEqual((self.events("service", "rejected"), self.events("service", "allowed")), (1, None))

    def test_throttled_by_backends(self) -> None:
        """No limit of ours has refused it."""
        self.record(refused_early(), 429, RateLimited("they throttle"))
        self.assertEqual(self.rates(), (0, 0))

    def test_no_limits(self) -> None:
        self.record(over())
        self.assertEqual(self.rates(), (0, 0))

    def test_limits_of_a_key_and_of_instances(self) -> None:
        """They were asked, too."""
        by_key = over()
        by_key.quota = Quota(5, 4, 1.0)
        limited = instance()
        limited.live.limiter = Concurrency(1, 0.0)
        by_instance = exchange(None, "m", limited)
        self.record(over())
        self.record(by_key)
        self.metrics.configure({})  # (whose instances may have a limit that they had not before)
        self.record(by_instance)
        self.assertEqual(self.rates(), (2, 0))
