"""Tests of jairouter.telemetry.tracing.context."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.tracing.context import Parent, parent_of, state_of, traceparent_of
from tests.fuzz.examples import examples

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01".encode()

_HEX = "0123456789abcdef"
_trace_ids = st.text(_HEX, min_size=32, max_size=32).filter(lambda text: text.strip("0"))
_span_ids = st.text(_HEX, min_size=16, max_size=16).filter(lambda text: text.strip("0"))


class TraceparentTests(SynchronousTestCase):
    """Section 3.2 of the specification."""

    def test_the_example_of_the_specification(self) -> None:
        self.assertEqual(Parent(TRACE, SPAN, sampled=True), parent_of(GOOD))

    def test_only_the_last_bit_of_the_flags_says_whether_it_is_sampled(self) -> None:
        flags = {b"00": False, b"01": True, b"02": False, b"ff": True, b"fe": False}
        read = {each: parent_of(GOOD[:-2] + each) for each in flags}
        self.assertEqual(
            flags, {each: parent is not None and parent.sampled for each, parent in read.items()}
        )

    def test_what_is_not_valid_begins_a_new_trace(self) -> None:
        for bad in (
            b"",
            GOOD[:-1],
            GOOD + b"0",
            GOOD + b"-more",
            GOOD + b"\n",
            b" " + GOOD,
            GOOD.upper(),
            GOOD.replace(b"-", b"_"),
            b"ff" + GOOD[2:],
            b"0x" + GOOD[2:],
            GOOD.replace(TRACE.encode(), b"0" * 32),
            GOOD.replace(SPAN.encode(), b"0" * 16),
            GOOD.replace(b"a", b"g"),
            GOOD + b", " + GOOD,
        ):
            self.assertIsNone(parent_of(bad), bad)

    def test_of_a_later_version_the_first_parts_are_read(self) -> None:
        """Section 4: a receiver tries to read what it knows."""
        for later in (
            b"01" + GOOD[2:],
            b"cc" + GOOD[2:] + b"-what-the-future-will-be-like",
            b"cc" + GOOD[2:] + b"-",
        ):
            self.assertEqual(Parent(TRACE, SPAN, sampled=True), parent_of(later), later)

    def test_what_follows_in_a_later_version_has_to_follow_a_dash(self) -> None:
        self.assertIsNone(parent_of(b"cc" + GOOD[2:] + b".more"))

    @examples(40)
    @given(_trace_ids, _span_ids, st.booleans())
    def test_what_is_written_is_read_the_same(self, trace_id: str, span_id: str, sampled: bool) -> None:
        written = traceparent_of(trace_id, span_id, sampled)
        self.assertEqual(Parent(trace_id, span_id, sampled), parent_of(written))

    @examples(40)
    @given(st.binary(max_size=60) | st.text("0123456789abcdefABF-", max_size=60).map(str.encode))
    def test_whatever_comes_is_read_or_refused(self, given: bytes) -> None:
        parent = parent_of(given)
        if parent is not None:
            self.assertEqual((32, 16), (len(parent.trace_id), len(parent.span_id)))


class TracestateTests(SynchronousTestCase):
    """Section 3.3 of the specification."""

    def test_members_stay_in_their_order(self) -> None:
        self.assertEqual(b"rojo=00f067aa0ba902b7,congo=t61", state_of(b"rojo=00f067aa0ba902b7,congo=t61"))

    def test_several_lines_and_empty_members_are_joined(self) -> None:
        self.assertEqual(b"a=1,b=2,c=3", state_of(b"a=1 , ,b=2, \tc=3,"))

    def test_keys_may_name_a_tenant_and_a_system(self) -> None:
        self.assertEqual(b"0tenant@sys=1,a-_*/=2", state_of(b"0tenant@sys=1,a-_*/=2"))

    def test_what_is_not_valid_is_not_passed_on_at_all(self) -> None:
        for bad in (
            b"a",
            b"a=",
            b"=1",
            b"A=1",
            b"a=1,a=2",
            b"a=b=c",
            b"a =1",
            b"0=1",
            b"a@0=1",
            b"a=\x7f",
            b"a=\xc3\xa9",
            b"k" * 257 + b"=1",
            b"a=" + b"v" * 257,
        ):
            self.assertEqual(b"", state_of(b"good=1," + bad), bad)

    def test_of_32_members_all_are_kept_and_of_33_none(self) -> None:
        members = [b"k%d=v" % number for number in range(33)]
        self.assertEqual(b",".join(members[:32]), state_of(b",".join(members[:32])))
        self.assertEqual(b"", state_of(b",".join(members)))

    def test_long_members_go_first_where_there_is_too_much(self) -> None:
        short = [b"k%d=" % number + b"v" * 40 for number in range(9)]
        state = state_of(b",".join([short[0], b"long=" + b"v" * 200, *short[1:]]))
        self.assertEqual(b",".join(short), state)

    def test_then_others_from_the_end(self) -> None:
        members = [b"k%02d=" % number + b"v" * 96 for number in range(6)]
        self.assertEqual(b",".join(members[:5]), state_of(b",".join(members)))

    @examples(40)
    @given(st.lists(st.from_regex(rb"\A[a-z][a-z0-9]{0,9}=[!-+.-<>-~]{1,256}\Z"), max_size=40))
    def test_what_is_passed_on_fits_and_is_part_of_what_came(self, members: list[bytes]) -> None:
        state = state_of(b",".join(members))
        kept = state.split(b",") if state else []
        self.assertLessEqual(len(state), 512)
        self.assertLessEqual(len(kept), 32)
        self.assertEqual(kept, [each for each in members if each in kept])
