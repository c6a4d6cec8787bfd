"""The filter Sanitize, around one answer."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.auditing import Event, IAudit
from jairouter.body import AnswerBody
from jairouter.codec.json_strings import Places
from jairouter.codec.masking import Rule, Rules
from jairouter.codec.strategies import (
    mask,
)
from jairouter.exchange import Answer, Exchange
from jairouter.filters.looking_through import Masking
from jairouter.filters.sanitize import Sanitize, Tools
from jairouter.interfaces import IResponder
from jairouter.telemetry.masking_metrics import MaskingMetrics
from jairouter.telemetry.metrics.families import Families
from jairouter.timers import TimerWheel
from tests.filters.inner import exchange, run

PHONE = b'{"a":"13812345678"}'
MASKED = b'{"a":"***********"}'
JSON = (b"Content-Type", b"application/json; charset=utf-8")


@implementer(IAudit)
class Heard:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        raise AssertionError("a body that was masked is one of many")

    def often(self, event: Event) -> None:
        self.events.append(event)


@implementer(IResponder)
class Inner:
    """Answers at once."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.answer = Answer(200, (JSON,), AnswerBody.of(PHONE))

    async def respond(self, exchange: Exchange) -> Answer:
        self.exchanges.append(exchange)
        return self.answer


class SanitizeCase(SynchronousTestCase):
    """One filter, around one answer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.inner, self.heard = Inner(), Heard()
        self.registry = CollectorRegistry()
        self.threads: list[tuple[Deferred[Any], Any]] = []
        metrics = MaskingMetrics(self.registry, Families({"env": "test"}))
        wheel = TimerWheel(self.clock)
        self.tools = Tools(wheel, self.run_in_thread, metrics, self.heard, 100_000)

    def run_in_thread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.threads.append((done, lambda: function(*arguments)))
        return done

    def finish_thread(self) -> None:
        done, work = self.threads.pop()
        try:
            done.callback(work())
        except Exception as error:
            done.errback(error)

    def masking(self, pattern: str = r"\d{11}", **made: Any) -> Masking:
        rules = Rules([Rule("phone", "PII_PATTERN", pattern, mask("*"), 1)])
        return Masking(rules, Places(["id"]), **made)

    def filter(self, request: Masking | None = None, response: Masking | None = None) -> Sanitize:
        return Sanitize(self.inner, request, response, self.tools)

    def sample(self, name: str, **labels: str) -> float | None:
        full = f"jairouter_security_sanitization_{name}_total"
        return self.registry.get_sample_value(full, {"env": "test", **labels})

    def answered(self, response: Masking, asked: Exchange | None = None) -> Answer:
        return self.successResultOf(self.done(response, asked))

    def done(self, response: Masking, asked: Exchange | None = None) -> Deferred[Answer]:
        """As far as it goes without the backend."""
        done = run(self.filter(response=response), asked or exchange())
        while self.threads:
            self.finish_thread()
        return done

    def answers(
        self, data: bytes | AnswerBody, *headers: tuple[bytes, bytes], length: int | None = None
    ) -> None:
        body = data if isinstance(data, AnswerBody) else AnswerBody.of(data)
        self.inner.answer = Answer(200, headers, body, length=length)
