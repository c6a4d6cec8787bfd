"""Tests for `jairouter.filters.fallback`: when somebody answers in place of a model, and who."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.body import AnswerBody
from jairouter.errors import (
    BadRequest,
    ClientGone,
    DeadlineExceeded,
    GatewayError,
    InternalError,
    ModelNotFound,
    NoHealthyUpstream,
    NoRoom,
    PoolExhausted,
    RateLimited,
    ShuttingDown,
    UpstreamError,
    UpstreamRefusal,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from jairouter.exchange import Answer, Exchange, HeaderPairs
from jairouter.filters.fallback import Fallback
from jairouter.filters.fallback_plan import Plan
from jairouter.filters.memory import Memory
from jairouter.filters.static_answer import StaticAnswer
from jairouter.interfaces import IResponder
from jairouter.traffic.answer_cache import AnswerCache
from tests.filters.inner import Inner, Source, exchange, group, instance, request, run

BODY = b'{ "model":"gpt-4", "n":1.0 }'
MODELS = {"gpt-4": ("llama3", "phi")}
GROUPS = {name: group(instance(name=name)) for name in ("gpt-4", "llama3", "phi")}
NOBODY = (
    NoHealthyUpstream("nobody", retry_after=7),
    UpstreamError("bad"),
    UpstreamUnreachable("gone"),
    UpstreamTimeout("slow"),
    PoolExhausted("busy", retry_after=1),
    UpstreamRefusal("oh", status=503),
)


class Case(SynchronousTestCase):
    """A filter in front of models that the test plays."""

    def begin(self, plan: Plan | None = None, headers: HeaderPairs = (), **written: Any) -> None:
        self.inner = Inner()
        plans = {} if plan is None else {"chat": plan}
        self.filter = Fallback(self.inner, plans, self.group_of, lambda: 1000.0)
        self.exchange = exchange(request(body=BODY, headers=headers), "gpt-4")
        self.exchange.group = GROUPS["gpt-4"]
        self.asked: list[tuple[str, Any, Any]] = []
        self.inner.on_respond = self.note
        for name, value in written.items():
            setattr(self.exchange, name, value)
        self.work: Deferred[Answer] = run(self.filter, self.exchange)

    def group_of(self, _: object, model: str) -> Any:
        if model not in GROUPS:
            raise ModelNotFound("no such model")
        return GROUPS[model]

    def note(self, asked: Exchange) -> None:
        self.asked.append((asked.model, asked.group, asked.body.data))

    def answer(self, status: int = 200, data: bytes = b"{}", headers: HeaderPairs = ()) -> AnswerBody:
        body = AnswerBody.of(data)
        self.inner._works.pop(0).callback(Answer(status, headers, body))
        return body

    def fails_with(self, error: GatewayError) -> None:
        self.assertIs(self.failureResultOf(self.work).value, error)
        self.assertEqual((self.exchange.fallback, self.exchange.added), ("", ()))

    def assert_unchanged(self) -> None:
        asked = self.exchange
        self.assertEqual((asked.model, asked.group, asked.body.data), ("gpt-4", GROUPS["gpt-4"], BODY))


class NothingTests(Case):
    """Where nothing is configured, nor wrong."""

    def test_interface(self) -> None:
        verifyObject(IResponder, Fallback(Inner(), {}, self.group_of, lambda: 0.0))

    def test_no_plan(self) -> None:
        """The inner one's coroutine is passed on as it is."""
        self.begin()
        error = UpstreamError("bad")
        self.inner.fail(error)
        self.fails_with(error)
        coroutine = self.filter.respond(self.exchange)
        self.assertIn("Inner.respond", repr(coroutine))
        coroutine.close()

    def test_good_answers(self) -> None:
        """And those that are the client's fault."""
        for status in (200, 201, 400, 404, 428, 430, 499):
            self.begin(Plan(MODELS, static=StaticAnswer("sorry", 200)))
            body = self.answer(status)
            answer = self.successResultOf(self.work)
            self.assertIs(answer.body, body)
            self.assertEqual((len(self.asked), self.exchange.fallback), (1, ""))

    def test_errors_that_are_nobodys_fault_but_the_clients_or_ours(self) -> None:
        for error in (
            ClientGone("left"),
            ShuttingDown("stop"),
            BadRequest("bad"),
            NoRoom("full"),
            InternalError("oh"),
            UpstreamRefusal("too long", status=400),
        ):
            self.begin(Plan(MODELS, static=StaticAnswer("sorry", 200)))
            self.inner.fail(error)
            self.fails_with(error)

    def test_cancelled(self) -> None:
        self.begin(Plan(MODELS, static=StaticAnswer("sorry", 200)))
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual((self.inner.cancelled, len(self.asked)), (1, 1))

    def test_a_failure_that_nothing_replaces(self) -> None:
        """It reaches the client as it was."""
        self.begin(Plan({}))
        body = self.answer(500)
        self.assertIs(self.successResultOf(self.work).body, body)
        self.assertTrue(body.whole)
        for error in NOBODY:
            self.begin(Plan({}))
            self.inner.fail(error)
            self.fails_with(error)


class ModelTests(Case):
    """Other models."""

    def test_each_failure(self) -> None:
        for error in (*NOBODY, RateLimited("the instances' own", retry_after=1)):
            self.begin(Plan(MODELS))
            self.inner.fail(error)
            body = self.answer()
            answer = self.successResultOf(self.work)
            self.assertEqual((answer.status, answer.body), (200, body))
        for status in (429, 500, 503):
            self.begin(Plan(MODELS))
            self.answer(status)
            self.answer()
            self.assertEqual(self.successResultOf(self.work).status, 200)

    def test_what_it_is_asked(self) -> None:
        """Its own instances, with its own name, and nothing else changed."""
        self.begin(Plan(MODELS), key=b"of gpt-4")
        self.inner.fail(NOBODY[0])
        self.assertEqual(self.asked[1], ("llama3", GROUPS["llama3"], BODY.replace(b"gpt-4", b"llama3")))
        self.assertEqual(self.exchange.body.length, len(BODY) + 1)
        self.assertIsNone(self.exchange.key)

    def test_it_is_told(self) -> None:
        self.begin(Plan(MODELS), added=((b"X-RateLimit-Limit", b"5"),))
        self.inner.fail(NOBODY[0])
        self.answer()
        self.successResultOf(self.work)
        mark = (b"X-Jairouter-Fallback", b"model:llama3")
        self.assertEqual(self.exchange.added, ((b"X-RateLimit-Limit", b"5"), mark))
        self.assertEqual((self.exchange.fallback, self.exchange.model), ("model:llama3", "llama3"))

    def test_a_name_that_no_header_could_hold(self) -> None:
        self.patch(self, "group_of", lambda _, model: GROUPS["phi"])
        self.begin(Plan({"*": ("a b\n東%",)}))
        self.inner.fail(NOBODY[0])
        self.answer()
        self.successResultOf(self.work)
        self.assertEqual(self.exchange.added[0][1], b"model:a%20b%0A%E6%9D%B1%25")

    def test_in_their_order(self) -> None:
        """Whatever is wrong with one of them, if only that it refuses what the first one would take."""
        for failure in (503, 429, 400, 404, BadRequest("no"), UpstreamRefusal("no", status=400), *NOBODY):
            self.begin(Plan(MODELS))
            self.inner.fail(NOBODY[0])
            if isinstance(failure, int):
                body = self.answer(failure)
                self.assertFalse(body.whole)
            else:
                self.inner.fail(failure)
            self.answer()
            self.successResultOf(self.work)
            self.assertEqual([model for model, _, _ in self.asked], ["gpt-4", "llama3", "phi"])
            self.assertEqual(self.exchange.fallback, "model:phi")

    def test_what_is_added_belongs_to_who_answers(self) -> None:
        self.begin(Plan(MODELS))
        for name, end in ((b"X-A", self.inner.fail), (b"X-B", self.inner.fail), (b"X-C", None)):
            self.exchange.added = (*self.exchange.added, (name, b"1"))
            if end:
                end(NOBODY[0])
        self.answer()
        self.assertEqual([name for name, _ in self.exchange.added], [b"X-C", b"X-Jairouter-Fallback"])

    def test_all_of_them_fail(self) -> None:
        """The client hears what became of the model that it asked for."""
        self.begin(Plan(MODELS), key=b"of gpt-4")
        error = RateLimited("too many", retry_after=3)
        for each in (error, *NOBODY[:2]):
            self.inner.fail(each)
        self.fails_with(error)
        self.assert_unchanged()
        self.assertEqual(self.exchange.key, b"of gpt-4")

    def test_errors_of_ours_end_it(self) -> None:
        self.begin(Plan(MODELS))
        error = ShuttingDown("stop")
        self.inner.fail(NOBODY[0])
        self.inner.fail(error)
        self.assertIs(self.failureResultOf(self.work).value, error)
        self.assertEqual(len(self.asked), 2)

    def test_the_client_leaves_while_it_is_asked(self) -> None:
        self.begin(Plan(MODELS))
        self.inner.fail(NOBODY[0])
        self.work.cancel()
        self.failureResultOf(self.work, CancelledError)
        self.assertEqual((self.inner.cancelled, len(self.asked)), (1, 2))

    def test_no_time_is_left(self) -> None:
        for before in ((), (NOBODY[0],)):
            self.begin(Plan(MODELS))
            for error in (*before, DeadlineExceeded("over")):
                self.inner.fail(error)
            self.failureResultOf(self.work)
            self.assertEqual(len(self.asked), len(before) + 1)

    def test_which_models(self) -> None:
        for models, asked in (
            ({"*": ("gpt-4", "llama3", "llama3", "phi")}, ["llama3", "phi"]),
            ({"gpt-4": ("phi",), "*": ("llama3",)}, ["phi"]),
            ({"gpt-4": (), "*": ("llama3",)}, []),
            ({"gpt-4": ("unknown", "phi")}, ["phi"]),
            ({"gpt-4": ("unknown",)}, []),
            ({"other": ("llama3",)}, []),
        ):
            self.begin(Plan(models))
            for _ in range(3):
                if self.inner._works:
                    self.inner.fail(NOBODY[0])
            self.failureResultOf(self.work)
            self.assertEqual([model for model, _, _ in self.asked[1:]], asked, models)

    def test_bodies_that_cannot_name_another_model(self) -> None:
        """Forms, and those of which somebody has taken a digest."""
        for body, headers in ((None, ()), (b"--b\r\n", ()), (BODY, ((b"Content-Digest", b"sha-256=:x:"),))):
            self.begin(Plan(MODELS), headers)
            self.exchange.body.data = body
            self.inner.fail(NOBODY[0])
            self.fails_with(NOBODY[0])
            self.assertEqual(len(self.asked), 1)


class GivingUpTests(Case):
    """A failed answer holds an instance until it is given up, exactly once."""

    def told(self, body: AnswerBody) -> list[GatewayError | None]:
        told: list[GatewayError | None] = []
        body.on_done(told.append)
        return told

    def arriving(self, status: int, headers: HeaderPairs = ()) -> tuple[Source, list[GatewayError | None]]:
        source = Source()
        body = AnswerBody(source)
        told = self.told(body)
        self.inner._works.pop(0).callback(Answer(status, headers, body))
        return source, told

    def test_whole(self) -> None:
        """The attempt has had its whole answer, before the next one begins."""
        body = AnswerBody.of(b"{}")
        told = self.told(body)
        self.begin(Plan(MODELS))
        self.inner.on_respond = lambda _: self.assertEqual(told, [None])
        self.inner.answer(body, 503)
        self.assertEqual(len(self.inner.exchanges), 2)

    def test_not_whole(self) -> None:
        """The connection is closed, and the attempt ends with the status that it had."""
        for status in (429, 503):
            self.begin(Plan(MODELS))
            source, told = self.arriving(status)
            self.assertEqual(source.calls, ["abort"])
            (error,) = told
            assert isinstance(error, UpstreamRefusal)
            self.assertEqual((error.status, len(self.asked)), (status, 2))

    def test_a_whole_answer_that_nothing_replaces(self) -> None:
        """Status, headers and body are the same."""
        self.begin(Plan(MODELS))
        self.answer(503, b"oh", ((b"A", b"b"),))
        self.inner.fail(NOBODY[0])
        self.inner.fail(NOBODY[1])
        answer = self.successResultOf(self.work)
        self.assertEqual((answer.status, answer.headers, answer.body.take()), (503, ((b"A", b"b"),), b"oh"))

    def test_one_of_which_only_the_status_was_left(self) -> None:
        self.begin(Plan(MODELS))
        self.arriving(429, ((b"Retry-After", b"9"),))
        self.inner.fail(NOBODY[0])
        self.inner.fail(NOBODY[1])
        error = self.failureResultOf(self.work).value
        self.assertEqual(
            (error.status, error.code, error.type), (429, "rate_limit_exceeded", "rate_limit_error")
        )
        self.assertEqual(error.retry_after, 9)

    def test_for_another_kind_of_answer(self) -> None:
        for plan in (Plan({}, static=StaticAnswer("sorry", 200)), Plan({}, plainly=True)):
            self.begin(plan)
            source, told = self.arriving(503)
            self.assertEqual((source.calls, len(told)), (["abort"], 1))
            self.work.addErrback(lambda _: None)

    def test_nothing_is_given_up_for_nothing(self) -> None:
        self.begin(Plan({}))
        source, told = self.arriving(503)
        self.assertEqual((source.calls, told), ([], []))
        self.successResultOf(self.work)


class CacheTests(Case):
    """The last good answer."""

    def setUp(self) -> None:
        self.memory = Memory(AnswerCache(10, 60.0, 1000, 1_000_000), lambda: 5.0)

    def test_served_when_nobody_answers(self) -> None:
        for failure in (NOBODY[0], 503, 429, RateLimited("", retry_after=1), DeadlineExceeded("")):
            self.begin(Plan({}, self.memory))
            self.answer(200, b"good")
            self.assertEqual(self.successResultOf(self.work).body.take(), b"good")
            self.begin(Plan({}, self.memory))
            if isinstance(failure, int):
                self.answer(failure)
            else:
                self.inner.fail(failure)
            answer = self.successResultOf(self.work)
            self.assertEqual((answer.status, answer.body.take()), (200, b"good"))
            self.assertEqual(self.exchange.fallback, "cache")
            self.assertEqual(self.exchange.added, ((b"X-Jairouter-Fallback", b"cache"),))

    def test_after_the_other_models(self) -> None:
        """Whose answers are not taken for those of the model."""
        self.begin(Plan(MODELS, self.memory))
        self.answer(200, b"good")
        self.begin(Plan(MODELS, self.memory))
        self.inner.fail(NOBODY[0])
        self.answer(200, b"llama3's")
        self.begin(Plan(MODELS, self.memory))
        for _ in range(3):
            self.inner.fail(NOBODY[0])
        self.assertEqual(self.successResultOf(self.work).body.take(), b"good")
        self.assert_unchanged()

    def test_nothing_there(self) -> None:
        self.begin(Plan({}, self.memory))
        self.inner.fail(NOBODY[0])
        self.fails_with(NOBODY[0])


class StaticTests(Case):
    """What is said to everybody."""

    def test_served(self) -> None:
        for failure in (*NOBODY, DeadlineExceeded("")):
            self.begin(Plan({}, static=StaticAnswer("sorry", 200)))
            self.inner.fail(failure)
            self.assertEqual(self.successResultOf(self.work).body.take(), b"sorry")
            self.assertEqual(self.exchange.added, ((b"X-Jairouter-Fallback", b"static"),))

    def test_who_is_too_fast_is_told_so(self) -> None:
        error = RateLimited("too many", retry_after=1)
        self.begin(Plan({}, static=StaticAnswer("sorry", 200)))
        self.inner.fail(error)
        self.fails_with(error)

    def test_a_client_that_could_not_read_it(self) -> None:
        self.begin(Plan({}, static=StaticAnswer("sorry", 200)), stream=True)
        self.inner.fail(NOBODY[0])
        self.fails_with(NOBODY[0])

    def test_what_was_added_to_the_failure_is_not_said_of_it(self) -> None:
        self.begin(Plan({}, static=StaticAnswer("sorry", 200)), added=((b"X-A", b"1"),))
        self.exchange.added = (*self.exchange.added, (b"X-Should-Retry", b"false"))
        self.inner.fail(NOBODY[0])
        self.assertEqual([name for name, _ in self.exchange.added], [b"X-A", b"X-Jairouter-Fallback"])


class DefaultTests(Case):
    """A plain 503."""

    def error(self) -> GatewayError:
        error = self.failureResultOf(self.work, NoHealthyUpstream).value
        self.assertEqual(error.message, "no instance of the model 'gpt-4' could answer")
        self.assertEqual(self.exchange.fallback, "default")
        self.assertEqual(self.exchange.added, ((b"X-Jairouter-Fallback", b"default"),))
        assert isinstance(error, GatewayError)
        return error

    def test_errors(self) -> None:
        for error in (*NOBODY, DeadlineExceeded("")):
            self.begin(Plan({}, plainly=True))
            self.inner.fail(error)
            self.assertEqual(self.error().retry_after, error.retry_after)

    def test_answers(self) -> None:
        for value, wait in ((b"9", 9), (b"Thu, 01 Jan 1970 00:17:00 GMT", 20)):
            self.begin(Plan({}, plainly=True))
            self.answer(500, headers=((b"Retry-After", value),))
            self.assertEqual(self.error().retry_after, wait)

    def test_after_the_other_models(self) -> None:
        self.begin(Plan(MODELS, plainly=True))
        for error in NOBODY[:3]:
            self.inner.fail(error)
        self.assertEqual(self.error().retry_after, 7)

    def test_who_is_too_fast_is_told_so(self) -> None:
        self.begin(Plan({}, plainly=True))
        self.answer(429)
        self.assertEqual(self.successResultOf(self.work).status, 429)
