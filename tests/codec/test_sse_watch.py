"""Tests of `jairouter.codec.sse_watch`."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.sse_watch import Dialect, StreamedError, Watch, parse_error
from tests.codec.properties import PROPERTY

NO_MESSAGE = "the backend reported an error without a message"


def data(value: Any, *, name: str = "") -> bytes:
    """Render an event as most backends do."""
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(value)}\n\n".encode()


def chunk(content: str, finish_reason: str | None = None) -> bytes:
    """Render a chat completion chunk."""
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}
    return data({"object": "chat.completion.chunk", "choices": [choice]})


class ChatWatchTests(SynchronousTestCase):
    """What is seen in chat completions."""

    def setUp(self) -> None:
        self.watch = Watch(Dialect.CHAT)

    def test_nothing_seen(self) -> None:
        """At first nothing is known."""
        watch = self.watch
        self.assertEqual((watch.seen_event, watch.ended, watch.error), (False, False, None))

    def test_content(self) -> None:
        """An event with text is an event, and no end."""
        self.assertIsNone(self.watch.see(chunk("hello")))
        self.assertTrue(self.watch.seen_event)
        self.assertFalse(self.watch.ended)
        self.assertFalse(self.watch.seen_finish_reason)

    def test_comments_are_no_events(self) -> None:
        """Neither are empty lines and fields that announce nothing."""
        self.watch.see(b": data: keep-alive\n\n\r\nretry: 3\n\n")
        self.assertFalse(self.watch.seen_event)
        self.watch.see(b": x\n\nevent: ping\n\n")
        self.assertTrue(self.watch.seen_event)

    def test_byte_order_mark(self) -> None:
        """An event after a byte order mark is one."""
        self.watch.see(b"\xef\xbb\xbfdata: {}\n\n")
        self.assertTrue(self.watch.seen_event)

    def test_done(self) -> None:
        """[DONE] ends the stream, with or without a space, in any place of a piece."""
        for piece in (
            b"data: [DONE]\n\n",
            b"data:[DONE]\r\n\r\n",
            b"data: {}\n\ndata: [DONE]\n\n",
            b"data: {}\r\rdata: [DONE]\r\r",
            b"data: [DONE]",
        ):
            watch = Watch(Dialect.CHAT)
            watch.see(piece)
            self.assertTrue(watch.seen_done and watch.ended, piece)

    def test_done_in_the_text(self) -> None:
        """A text about the protocol is no end."""
        self.watch.see(chunk("\ndata: [DONE]\n"))
        self.watch.see(b": data: [DONE]\n\n")
        self.assertFalse(self.watch.ended)

    def test_finish_reason(self) -> None:
        """It ends the stream, however it is spaced, in any event of a piece."""
        for piece in (
            chunk("", "stop"),
            chunk("a") + chunk("", "length"),
            b'data: {"choices":[{"finish_reason":"stop"}]}\n\n',
            b'data: {"choices":[{"finish_reason" : "stop"}]}\n\n',
        ):
            watch = Watch(Dialect.CHAT)
            watch.see(piece)
            self.assertTrue(watch.seen_finish_reason and watch.ended, piece)
            self.assertFalse(watch.seen_done)

    def test_finish_reason_in_the_text(self) -> None:
        """A text about the protocol is no end."""
        self.watch.see(chunk('{"finish_reason": "stop"}'))
        self.assertFalse(self.watch.ended)

    def test_responses_mark_is_none_here(self) -> None:
        """Each dialect has its own marks."""
        self.watch.see(data({"type": "response.completed"}, name="response.completed"))
        self.assertFalse(self.watch.ended)

    def test_error_in_the_first_event(self) -> None:
        """What vLLM sends under status 200."""
        error = self.watch.see(data({"error": {"message": "m", "type": "t", "code": 400}}))
        self.assertEqual(error, StreamedError("m", "t", 400, 400))
        self.assertEqual(self.watch.error, error)
        self.assertTrue(self.watch.seen_event)
        self.assertFalse(self.watch.ended)

    def test_error_after_content_in_one_piece(self) -> None:
        """All events of a piece are looked at."""
        error = self.watch.see(chunk("an error") + data({"error": "boom"}) + b"data: [DONE]\n\n")
        self.assertEqual(error, StreamedError("boom"))

    def test_the_first_error_stays(self) -> None:
        """The cause comes first."""
        self.watch.see(data({"error": "one"}))
        self.assertEqual(self.watch.see(data({"error": "two"})), StreamedError("two"))
        self.assertIsNone(self.watch.see(chunk("x")))
        self.assertEqual(self.watch.error, StreamedError("one"))

    def test_error_in_the_text(self) -> None:
        """The word, quoted JSON and quoted events in a generated text are no error."""
        for text in ("error", '"error"', '{"error": {"message": "x"}}', "\nevent: error\n"):
            self.assertIsNone(self.watch.see(chunk(text)), text)
        self.assertIsNone(self.watch.see(b": event: error\n\n"))
        self.assertIsNone(self.watch.error)

    def test_error_in_a_nested_object(self) -> None:
        """Only the top level counts."""
        self.assertIsNone(self.watch.see(data({"choices": [{"error": {"message": "x"}}]})))

    def test_error_of_no_weight(self) -> None:
        """Backends that always send the member send null."""
        values: tuple[Any, ...] = (None, False, "", {}, [])
        for value in values:
            self.assertIsNone(self.watch.see(data({"error": value, "choices": []})), value)


class ResponsesWatchTests(SynchronousTestCase):
    """What is seen in the Responses API."""

    def setUp(self) -> None:
        self.watch = Watch(Dialect.RESPONSES)

    def test_marks(self) -> None:
        """Each of the three last events ends the stream, by its name or its type."""
        for mark in ("response.completed", "response.incomplete", "response.failed"):
            pieces = [
                data({"type": mark}, name=mark),
                data({"type": mark}),
                data({}, name=mark),
                f'data: {{"type":"{mark}"}}\r\n\r\n'.encode(),
                data({"type": "response.in_progress"}) + data({"type": mark}),
                f"event: {mark}\ndata: {{...".encode(),
            ]
            for piece in pieces:
                watch = Watch(Dialect.RESPONSES)
                watch.see(piece)
                self.assertTrue(watch.ended, piece)

    def test_other_events(self) -> None:
        """None of them ends the stream; a response that has no error carries null."""
        for kind in ("response.created", "response.completed_not", "response.output_text.delta"):
            piece = data({"type": kind, "response": {"error": None}}, name=kind)
            self.assertIsNone(self.watch.see(piece))
        self.assertFalse(self.watch.ended)

    def test_mark_in_the_text(self) -> None:
        """A text about the protocol is no end."""
        delta = '\nevent: response.completed\ndata: {"type": "response.failed"}'
        piece = data({"type": "response.output_text.delta", "delta": delta})
        self.assertIsNone(self.watch.see(piece))
        self.assertFalse(self.watch.ended)

    def test_failed(self) -> None:
        """A failed response is an error."""
        error = {"code": "server_error", "message": "m"}
        piece = data({"type": "response.failed", "response": {"status": "failed", "error": error}})
        self.assertEqual(self.watch.see(piece), StreamedError("m", code="server_error"))

    def test_failed_without_a_cause(self) -> None:
        """It is an error even then."""
        for response in ({"response": {"error": None}}, {"response": 3}, {}):
            piece = data({"type": "response.failed", **response})
            self.assertEqual(self.watch.see(piece), StreamedError(NO_MESSAGE))

    def test_error_event(self) -> None:
        """The members stand in the event itself."""
        piece = data({"type": "error", "code": "c", "message": "m", "param": None}, name="error")
        self.assertEqual(self.watch.see(piece), StreamedError("m", code="c"))


class OtherWatchTests(SynchronousTestCase):
    """What is seen where no mark is known."""

    def test_ended_from_the_start(self) -> None:
        """The end of the bytes is as good as any."""
        self.assertTrue(Watch(Dialect.OTHER).ended)

    def test_errors_are_seen(self) -> None:
        """Anthropic's form."""
        error = {"type": "overloaded_error", "message": "Overloaded"}
        piece = data({"type": "error", "error": error}, name="error")
        expected = StreamedError("Overloaded", "overloaded_error")
        self.assertEqual(Watch(Dialect.OTHER).see(piece), expected)


class ParseErrorTests(SynchronousTestCase):
    """What an error event says."""

    def test_no_error(self) -> None:
        """Whatever is not an error event."""
        for events in (b"", b": x\n\n", b"data: [DONE]\n\n", b"data: 3\n\n", chunk("x")):
            self.assertIsNone(parse_error(events), events)

    def test_message_only(self) -> None:
        """An error may be a mere text."""
        self.assertEqual(parse_error(data({"error": "boom"})), StreamedError("boom"))

    def test_older_vllm(self) -> None:
        """The error is the object itself."""
        told = {"object": "error", "message": "m", "type": "BadRequestError", "code": 400}
        self.assertEqual(parse_error(data(told)), StreamedError("m", "BadRequestError", 400, 400))

    def test_event_named_error(self) -> None:
        """Data of any form, or none, is an error then."""
        cases = {
            b"event: error\ndata: plain text\n\n": "plain text",
            b"event: error\ndata: [1]\n\n": "[1]",
            b"event:error\ndata: \xff\n\n": "\ufffd",
            b'event: error\ndata: {"message": "m"}\n\n': "m",
            b'event: error\ndata: {"detail": "m"}\n\n': NO_MESSAGE,
            b"event: error\n\n": NO_MESSAGE,
            b"event: error": NO_MESSAGE,
        }
        for events, message in cases.items():
            self.assertEqual(parse_error(events), StreamedError(message), events)
            self.assertEqual(Watch(Dialect.CHAT).see(events), StreamedError(message), events)

    def test_members_of_odd_types(self) -> None:
        """They are left out, never turned into text."""
        odd = {"message": 3, "type": ["t"], "code": True}
        self.assertEqual(parse_error(data({"error": odd})), StreamedError(NO_MESSAGE))
        self.assertEqual(parse_error(data({"error": [3]})), StreamedError(NO_MESSAGE))
        self.assertEqual(parse_error(data({"error": {"code": 4.5}})), StreamedError(NO_MESSAGE))
        self.assertEqual(parse_error(data({"error": " "})), StreamedError(NO_MESSAGE))

    def test_status(self) -> None:
        """An HTTP status is taken from code, from status, or from beside the error."""
        cases: list[tuple[dict[str, Any], int | None]] = [
            ({"error": {"code": 429}}, 429),
            ({"error": {"code": 50001, "status": 503}}, 503),
            ({"error": {"code": "x", "status": "UNAVAILABLE"}, "status": 503}, 503),
            ({"error": "x", "status": 503}, 503),
            ({"error": {"code": 200}}, None),
            ({"error": {"code": "429"}}, None),
            ({"error": {"code": True}}, None),
            ({"error": {"code": 600}}, None),
        ]
        for told, status in cases:
            error = parse_error(data(told))
            assert error is not None
            self.assertEqual(error.status, status, told)

    def test_invalid_utf8(self) -> None:
        """A message in another encoding is still an error."""
        error = parse_error(b'data: {"error":{"message":"\xe9t\xe9"}}\n\n')
        self.assertEqual(error, StreamedError("\ufffdt\ufffd"))

    def test_depth_bomb(self) -> None:
        """Deep nesting is no error event, and does not crash."""
        deep = b"[" * 100_000
        self.assertIsNone(parse_error(b'data: {"error":' + deep + b"\n\n"))
        self.assertIsNone(parse_error(b'data: {"type":"response.failed","response":' + deep))

    def test_data_over_many_lines(self) -> None:
        """Data is joined before it is read."""
        self.assertEqual(parse_error(b'data: {"error":\ndata: "x"}\n\n'), StreamedError("x"))

    @PROPERTY
    @given(
        st.lists(
            st.one_of(
                st.sampled_from([b"data: ", b"event: error", b"\n", b"\r\n", b": "]),
                st.sampled_from([b'{"error":', b'{"type":"response.failed"', b',"response":']),
                st.sampled_from([b'{"type":"error"', b"}", b'"x"', b"{"]),
                st.binary(max_size=3),
            ),
            max_size=15,
        )
    )
    def test_any_bytes(self, pieces: list[bytes]) -> None:
        """Whatever comes, nothing is raised; what see() reports is what parse_error() finds."""
        events = b"".join(pieces)
        for dialect in Dialect:
            error = Watch(dialect).see(events)
            self.assertIn(error, (None, parse_error(events)))
