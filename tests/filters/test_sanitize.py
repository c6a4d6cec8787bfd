"""What Sanitize does with requests and answers that are here as a whole, or cannot be looked through."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from typing import Any

from prometheus_client import CollectorRegistry
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from jairouter.auditing import Event, IAudit
from jairouter.body import AnswerBody
from jairouter.caller import Caller, Kind
from jairouter.codec.json_strings import Places
from jairouter.codec.masking import Rule, Rules
from jairouter.codec.strategies import (
    mask,
)
from jairouter.config.networks import NetworkForm
from jairouter.errors import BadRequest, InternalError, StreamCut
from jairouter.exchange import Answer, Exchange, HeaderPairs
from jairouter.filters.looking_through import AT_ONCE, Masking
from jairouter.filters.sanitize import Sanitize, Tools
from jairouter.interfaces import IResponder
from jairouter.request_body.held import HeldBody
from jairouter.telemetry.masking_metrics import MaskingMetrics
from jairouter.timers import TimerWheel
from tests.filters.inner import Sink, Source, exchange, request, run

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


class SanitizeTests(SynchronousTestCase):
    """One filter, around one answer."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.inner, self.heard = Inner(), Heard()
        self.registry = CollectorRegistry()
        self.threads: list[tuple[Deferred[Any], Any]] = []
        metrics = MaskingMetrics(self.registry, {"env": "test"})
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

    # -- requests -----------------------------------------------------------

    def asked(self, data: bytes, headers: HeaderPairs = ()) -> Exchange:
        return exchange(request(body=data, headers=headers))

    def test_interfaces(self) -> None:
        verifyObject(IResponder, self.filter())
        verifyObject(IAudit, self.heard)

    def test_a_request_is_masked(self) -> None:
        digest = (b"Content-Digest", b"sha-256=:x:")
        asked = self.asked(PHONE, (digest, (b"X-Mine", b"1")))
        self.successResultOf(run(self.filter(self.masking()), asked))
        self.assertEqual(asked.body.data, MASKED)
        self.assertEqual(asked.request.headers, ((b"X-Mine", b"1"),))
        self.assertEqual(self.sample("operations", content_type="application/json", direction="request"), 1)
        self.assertEqual(self.sample("rule_matches", rule_id="phone", rule_type="PII_PATTERN"), 1)

    def test_what_is_told_says_not_what_was_masked(self) -> None:
        asked = self.asked(PHONE)
        asked.known = Caller("front", Kind.KEY, frozenset())
        self.successResultOf(run(self.filter(self.masking()), asked))
        self.assertEqual([each.kind for each in self.heard.events], ["REQUEST_SANITIZATION"])
        event = self.heard.events[0]
        self.assertEqual(
            (event.user, event.ip, event.details), ("front", "192.0.2.1", {"rules": {"phone": 1}})
        )
        self.assertNotIn("138", json.dumps(event))

    def test_nothing_is_told_if_nobody_wants_to_know(self) -> None:
        self.successResultOf(run(self.filter(self.masking(told=False)), self.asked(PHONE)))
        self.assertEqual(self.heard.events, [])

    def test_a_request_without_a_find_is_left_as_it_is(self) -> None:
        asked = self.asked(b'{"id":"13812345678","a":"b"}', ((b"Digest", b"x"),))
        before = asked.body, asked.request
        self.successResultOf(run(self.filter(self.masking()), asked))
        self.assertEqual((asked.body, asked.request), before)
        self.assertEqual(self.heard.events, [])

    def test_a_long_request_is_looked_through_in_a_thread(self) -> None:
        asked = self.asked(b'{"a":"13812345678","b":"' + b"x" * AT_ONCE + b'"}')
        done = run(self.filter(self.masking()), asked)
        self.assertNoResult(done)
        self.finish_thread()
        self.successResultOf(done)
        self.assertTrue((asked.body.data or b"").startswith(MASKED[:-1]))

    def test_a_slow_search_goes_on_in_a_thread(self) -> None:
        slow = json.dumps({"a": "a" * 60 + "b"}).encode()
        done = run(self.filter(self.masking("(a|aa)+$")), self.asked(slow))
        self.assertNoResult(done)
        done.cancel()
        self.failureResultOf(done)
        self.assertEqual(self.inner.exchanges, [])

    def test_a_request_that_cannot_be_looked_through_is_passed_on(self) -> None:
        asked = self.asked(b'{"a":"13812345678"')
        self.successResultOf(run(self.filter(self.masking()), asked))
        self.assertEqual(self.inner.exchanges, [asked])
        self.assertEqual(self.sample("unreadable", direction="request", reason="json"), 1)

    def test_unless_that_is_not_wanted(self) -> None:
        done = run(self.filter(self.masking(strict=True)), self.asked(b'{"a":"13812345678"'))
        self.assertEqual(self.failureResultOf(done, BadRequest).value.status, 400)
        self.assertEqual(self.inner.exchanges, [])

    # -- who is spared ------------------------------------------------------

    def test_callers_may_be_spared(self) -> None:
        asked = self.asked(PHONE)
        asked.known = Caller("front", Kind.KEY, frozenset())
        self.successResultOf(run(self.filter(self.masking(users=frozenset({"front"}))), asked))
        self.assertEqual(asked.body.data, PHONE)

    def test_addresses_may_be_spared(self) -> None:
        for network, spared in (("192.0.2.0/24", True), ("198.51.100.0/24", False), ("2001:db8::/32", False)):
            asked = self.asked(PHONE)
            masking = self.masking(networks=(NetworkForm().parse(network),))
            self.successResultOf(run(self.filter(masking), asked))
            self.assertEqual(asked.body.data == PHONE, spared, network)

    # -- answers ------------------------------------------------------------

    def test_an_answer_is_masked(self) -> None:
        self.answers(PHONE, JSON, (b"ETag", b"x"))
        answer = self.answered(self.masking())
        self.assertEqual(answer.body.take(), MASKED)
        self.assertEqual(answer.headers, (JSON,))
        self.assertEqual([each.kind for each in self.heard.events], ["RESPONSE_SANITIZATION"])

    def test_nobody_is_asked_for_a_compressed_answer(self) -> None:
        asked = exchange(request(headers=((b"accept-Encoding", b"gzip"), (b"A", b"b"))))
        self.answered(self.masking(), asked)
        self.assertEqual(asked.request.headers, ((b"A", b"b"), (b"Accept-Encoding", b"identity")))

    def test_a_text_is_masked(self) -> None:
        self.answers(b"call 13812345678", (b"content-type", b"text/plain"))
        self.assertEqual(self.answered(self.masking()).body.take(), b"call ***********")

    def test_what_says_not_what_it_is(self) -> None:
        for data, expected in ((PHONE, MASKED), (b"call 13812345678", b"call ***********")):
            self.answers(data)
            self.assertEqual(self.answered(self.masking()).body.take(), expected)

    def test_sounds_are_left_alone(self) -> None:
        body = AnswerBody(Source())
        self.answers(body, (b"Content-Type", b"audio/mpeg"))
        self.assertIs(self.answered(self.masking()).body, body)

    def test_an_answer_that_is_still_arriving_is_waited_for(self) -> None:
        body = AnswerBody(Source())
        self.answers(body, JSON)
        done = run(self.filter(response=self.masking()), exchange())
        body.chunk(PHONE[:9])
        self.assertNoResult(done)
        body.chunk(PHONE[9:])
        body.end()
        self.assertEqual(self.successResultOf(done).body.take(), MASKED)

    def test_an_answer_that_breaks_off_is_an_error(self) -> None:
        body = AnswerBody(Source())
        self.answers(body, JSON)
        done = run(self.filter(response=self.masking()), exchange())
        body.chunk(PHONE[:9])
        body.broke(StreamCut("cut"))
        self.failureResultOf(done, StreamCut)

    def test_a_client_may_leave_while_it_is_waited_for(self) -> None:
        source = Source()
        body = AnswerBody(source)
        self.answers(body, JSON)
        done = run(self.filter(response=self.masking()), exchange())
        done.cancel()
        self.failureResultOf(done)
        self.assertEqual(source.calls, ["resume", "abort"])

    def test_a_client_may_leave_while_a_thread_is_at_work(self) -> None:
        over: list[object] = []
        body = AnswerBody.of(b'{"a":"' + b"x" * AT_ONCE + b'"}')
        body.on_done(over.append)
        self.answers(body, JSON)
        done = run(self.filter(response=self.masking()), exchange())
        done.cancel()
        self.failureResultOf(done)
        self.assertEqual(len(over), 1)

    def unreadable(self, reason: str, *headers: tuple[bytes, bytes], data: bytes = PHONE) -> None:
        """Such an answer is passed on as it is, or is an error, as is wanted."""
        self.answers(data, *headers)
        self.assertEqual(self.answered(self.masking()).body.take(), data)
        self.assertEqual(self.sample("unreadable", direction="response", reason=reason), 1)
        over: list[object] = []
        self.answers(data, *headers)
        self.inner.answer.body.on_done(over.append)
        done = self.done(self.masking(strict=True))
        self.assertEqual(self.failureResultOf(done, InternalError).value.status, 500)
        self.assertEqual(len(over), 1)

    def test_an_answer_that_is_compressed(self) -> None:
        self.unreadable("encoding", JSON, (b"Content-Encoding", b"gzip"))

    def test_an_answer_that_was_not_to_be_compressed_is_unpacked(self) -> None:
        coding = (b"Content-Encoding", b"gzip")
        self.answers(gzip.compress(PHONE), JSON, coding)
        answer = self.answered(self.masking())
        self.assertEqual((answer.body.take(), answer.headers), (MASKED, (JSON,)))
        plain = gzip.compress(b'{"a":"b"}')
        self.answers(plain, JSON, coding)
        answer = self.answered(self.masking())
        self.assertEqual((answer.body.take(), answer.headers), (plain, (JSON, coding)))

    def test_of_one_that_is_much_longer_then_not_all_is_unpacked(self) -> None:
        self.unreadable("size", JSON, (b"Content-Encoding", b"x-gzip"), data=gzip.compress(b" " * 100_001))

    def test_an_answer_that_is_cut_or_followed_by_something(self) -> None:
        coding, packed = (b"Content-Encoding", b"gzip"), gzip.compress(PHONE)
        for given in (packed[:-1], packed + b"x", packed + packed):
            self.answers(given, JSON, coding)
            self.assertEqual(self.answered(self.masking()).body.take(), given)
        self.assertEqual(self.sample("unreadable", direction="response", reason="encoding"), 3)

    def test_an_answer_in_another_coding(self) -> None:
        self.unreadable("encoding", JSON, (b"Content-Encoding", b"br"))

    def test_a_stream_that_is_compressed(self) -> None:
        self.unreadable("type", (b"Content-Type", b"text/event-stream"), (b"Content-Encoding", b"gzip"))

    def test_an_answer_of_many_documents(self) -> None:
        self.unreadable("type", (b"Content-Type", b"application/x-ndjson"))

    def test_an_answer_that_is_no_json(self) -> None:
        self.unreadable("json", JSON, data=b"{")

    def test_an_answer_that_is_no_utf_8(self) -> None:
        self.unreadable("utf-8", JSON, data=b'"\xff"')

    def test_an_answer_that_is_too_long_is_passed_on_as_it_comes(self) -> None:
        source, sink = Source(), Sink()
        body = AnswerBody(source)
        self.answers(body, JSON)
        done = run(self.filter(response=self.masking()), exchange())
        body.chunk(b"x" * 99_999)
        self.assertNoResult(done)
        body.chunk(b"yz")
        answer = self.successResultOf(done)
        self.assertEqual(source.calls, ["resume", "pause"])
        answer.body.deliver(sink)
        self.assertEqual(source.calls[-1], "resume")
        body.chunk(b"!")
        body.end()
        self.assertEqual((sink.data, sink.ends), (b"x" * 99_999 + b"yz!", ["end"]))

    def test_of_one_that_says_so_nothing_is_held(self) -> None:
        body = AnswerBody(Source())
        self.answers(body, JSON, length=100_001)
        self.assertIs(self.answered(self.masking()).body, body)
        done = run(self.filter(response=self.masking(strict=True)), exchange())
        self.failureResultOf(done, InternalError)

    def test_a_form_is_passed_on(self) -> None:
        asked = self.asked(b"")
        form: Any = HeldBody(b"")
        form.data = None
        asked.body = form
        self.successResultOf(run(self.filter(self.masking(strict=True)), asked))
        self.assertIs(asked.body, form)

    def test_series_are_few(self) -> None:
        metrics = self.tools.metrics
        for number in range(1000):
            metrics.masked("request", "other", Counter({Rule(str(number), "X", "a", str, 1): 1}))
        samples = [each for family in metrics.collect() for each in family.samples]
        self.assertLess(len(samples), 210)
