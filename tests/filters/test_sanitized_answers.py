"""What Sanitize does with answers that are here as a whole, or cannot be looked through."""

from __future__ import annotations

import gzip

from jairouter.body import AnswerBody
from jairouter.errors import InternalError, StreamCut
from jairouter.filters.looking_through import AT_ONCE
from tests.filters.inner import Sink, Source, exchange, request, run
from tests.filters.sanitizing import JSON, MASKED, PHONE, SanitizeCase


class AnswerTests(SanitizeCase):
    """On the way back."""

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
