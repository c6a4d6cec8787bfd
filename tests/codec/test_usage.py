"""Tests for `jairouter.codec.usage`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.codec.usage import MAX_ESTIMATED, MOST, TAIL, StreamMeter, estimated, usage_in
from jairouter.usage import Usage


class UsageInTests(SynchronousTestCase):
    """An answer that is complete."""

    def test_chat(self) -> None:
        said = b'{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21},"x":null}'
        self.assertEqual(usage_in(said), Usage(9, 12))

    def test_details(self) -> None:
        said = (
            b'{"usage": {"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4, "audio": 0},'
            b' "completion_tokens": 12, "completion_tokens_details": {"reasoning_tokens": 7}}}'
        )
        self.assertEqual(usage_in(said), Usage(9, 12, 4, 7))

    def test_newer_names(self) -> None:
        said = b'{"usage":{"input_tokens":5,"input_tokens_details":{"cached_tokens":3},"output_tokens":6}}'
        self.assertEqual(usage_in(said), Usage(5, 6, 3))

    def test_embeddings(self) -> None:
        self.assertEqual(usage_in(b'{"usage":{"prompt_tokens":8,"total_tokens":8}}'), Usage(8, 0))

    def test_only_a_total(self) -> None:
        """As rerankers have it."""
        self.assertEqual(usage_in(b'{"usage":{"total_tokens":15}}'), Usage(15, 0))

    def test_cache_counted_apart(self) -> None:
        """Anthropic's input tokens are those that were neither read from the cache nor written to it."""
        said = (
            b'{"usage":{"input_tokens":10,"cache_creation_input_tokens":5,"cache_read_input_tokens":100,'
            b'"cache_creation":{"ephemeral_5m_input_tokens":5},"output_tokens":2}}'
        )
        self.assertEqual(usage_in(said), Usage(115, 2, 100))

    def test_unknown_is_none(self) -> None:
        for said in (
            b"",
            b"{}",
            b'{"usage":null}',
            b'{"usage":{}}',
            b'{"usage":{"type":"duration","seconds":3}}',
            b'{"usage":{"prompt_tokens":-1,"completion_tokens":-1,"total_tokens":-1}}',
            b'{"usage":{"prompt_tokens":"many"}}',
            b'{"usage":{"prompt_tokens":1',
            b'{"choices":[{"message":{"content":"\\"usage\\":{\\"prompt_tokens\\":3}"}}]}',
        ):
            self.assertIsNone(usage_in(said), said)

    def test_what_is_wrong_takes_nothing_with_it(self) -> None:
        for said, usage in (
            (b'"prompt_tokens":5.0,"completion_tokens":2', Usage(5, 2)),
            (b'"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":"none"', Usage(5, 2)),
            (b'"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":[]', Usage(5, 2)),
            (b'"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":"x"}', Usage(5, 0)),
            (b'"prompt_tokens":5.5,"completion_tokens":2', Usage(0, 2)),
            (b'"prompt_tokens":"5","completion_tokens":2,"total_tokens":true', Usage(0, 2)),
        ):
            self.assertEqual(usage_in(b'{"usage":{' + said + b"}}"), usage, said)

    def test_no_answer_has_that_many(self) -> None:
        """A backend's nonsense would stay in the sums, and a number that is no float would end the page."""
        most, nonsense = str(MOST).encode(), b"9" * 400
        self.assertEqual(usage_in(b'{"usage":{"prompt_tokens":' + most + b"}}"), Usage(MOST, 0))
        for said in (str(MOST + 1).encode(), nonsense, b"1e300", b"1e999"):
            for name in (b"prompt_tokens", b"total_tokens", b"cache_read_input_tokens"):
                found = usage_in(b'{"usage":{"completion_tokens":2,"' + name + b'":' + said + b"}}")
                self.assertIn(found, {None, Usage(0, 2)}, said)
            details = b'{"usage":{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":' + said + b"}}}"
            self.assertIn(usage_in(details), {None, Usage(1, 0)})

    def test_behind_a_long_answer(self) -> None:
        said = b'{"data":[' + b"0.25," * 20_000 + b'1],"usage":{"prompt_tokens":8}}'
        self.assertEqual(usage_in(said), Usage(8, 0))

    def test_only_the_end_is_searched(self) -> None:
        self.assertIsNone(usage_in(b'{"usage":{"prompt_tokens":8}}' + b" " * TAIL))

    @given(st.binary(max_size=200))
    def test_never_fails(self, junk: bytes) -> None:
        """Whatever a backend sends."""
        usage_in(b'{"usage":{' + junk)
        usage_in(junk)


class EstimateTests(SynchronousTestCase):
    """Where a backend says nothing."""

    def test_a_quarter_of_the_bytes(self) -> None:
        self.assertEqual(estimated(401, 7), Usage(101, 7, estimated=True))

    def test_long_requests_are_not_text(self) -> None:
        self.assertEqual(estimated(MAX_ESTIMATED + 1, 7), Usage(0, 7, estimated=True))

    def test_nothing_to_go_by(self) -> None:
        self.assertIsNone(estimated(None, 0))


def event(data: bytes) -> bytes:
    """One event of a stream."""
    return b"data: " + data + b"\n\n"


ROLE = event(b'{"choices":[{"delta":{"role":"assistant","content":""}}],"usage":null}')
WORD = event(b'{"choices":[{"delta":{"content":"Hi"}}],"usage":null}')


class StreamTests(SynchronousTestCase):
    """An event stream."""

    def setUp(self) -> None:
        self.meter = StreamMeter()

    def test_first_token_is_the_first_text(self) -> None:
        """OpenAI's first event only says who speaks."""
        self.meter.see(ROLE)
        self.assertFalse(self.meter.begun)
        self.meter.see(WORD)
        self.assertTrue(self.meter.begun)

    def test_what_is_a_token(self) -> None:
        for data in (
            b'{"choices":[{"delta":{"reasoning_content":"Hm"}}]}',
            b'{"choices":[{"text":"\\n"}]}',
            b'{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}}]}',
            b'{"type":"response.output_text.delta","delta":"In"}',
            b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"Hello"}}',
        ):
            meter = StreamMeter()
            meter.see(event(data))
            self.assertTrue(meter.begun, data)

    def test_what_is_none(self) -> None:
        for data in (
            b'{"choices":[{"delta":{"tool_calls":[]}}]}',
            b'{"choices":[{"delta":{},"finish_reason":"stop"}]}',
            b'{"type":"response.created","response":{"text":{"format":{"type":"text"}}}}',
        ):
            meter = StreamMeter()
            meter.see(event(data))
            self.assertFalse(meter.begun, data)

    def test_events_are_counted(self) -> None:
        self.meter.see(ROLE)
        self.meter.see(WORD + WORD)
        self.assertEqual(self.meter.events, 3)

    def test_the_end_is_no_token(self) -> None:
        for end in (b"data: [DONE]\n\n", b"data:[DONE]\n\n", b"data: [DONE]\r\n\r\n", b"data: [DONE]\n"):
            together, apart = StreamMeter(), StreamMeter()
            together.see(b'data: {"x":1}\n\n' + end)
            for each in (b'data: {"x":1}\n\n', end):
                apart.see(each)
            self.assertEqual([together.events, apart.events], [1, 1], end)

    def test_usage_in_the_last_event(self) -> None:
        self.meter.see(ROLE + WORD)
        self.assertIsNone(self.meter.usage)
        self.meter.see(event(b'{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1}}'))
        self.meter.see(event(b"[DONE]"))
        self.assertEqual(self.meter.usage, Usage(9, 1))

    def test_usage_with_every_event(self) -> None:
        """The last one counts."""
        for number in (1, 2, 3):
            self.meter.see(event(b'{"usage":{"prompt_tokens":9,"completion_tokens":%d}}' % number))
        self.assertEqual(self.meter.usage, Usage(9, 3))

    def test_usage_in_two_parts(self) -> None:
        """Anthropic tells of the request at the beginning, and of the answer at its end."""
        self.meter.see(
            event(b'{"type":"message_start","message":{"usage":{"input_tokens":25,"output_tokens":1}}}')
        )
        self.meter.see(event(b'{"type":"message_delta","delta":{},"usage":{"output_tokens":15}}'))
        self.assertEqual(self.meter.usage, Usage(25, 15))

    def test_usage_inside_a_response(self) -> None:
        self.meter.see(
            event(
                b'{"type":"response.completed","response":{"output":[{"text":"a"}],"usage":{"input_tokens":3,'
                b'"input_tokens_details":{"cached_tokens":0},"output_tokens":4}}}'
            )
        )
        self.assertEqual(self.meter.usage, Usage(3, 4))
