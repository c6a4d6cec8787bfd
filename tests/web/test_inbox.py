"""Tests for `jairouter.web.inbox`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from jairouter.errors import RequestTimeout
from jairouter.web.inbox import ENOUGH, Inbox
from jairouter.web.request_parser import END, Event, Head, HeadLimits
from tests.codec.properties import PROPERTY, split_at
from tests.web.serving import GET, chunked, post
from tests.web.test_request_parser import NOT_HTTP, joined

SMALLEST = b"GET / HTTP/1.1\r\nHost:\r\n\r\n"
TEXT = b"line\r\n\r\n" * 500
MIXED = post(TEXT) + GET * 200 + chunked(TEXT, b"b") + post(b"c" * 2000) + GET


class InboxTests(SynchronousTestCase):
    """Bytes in, events out, one by one."""

    def setUp(self) -> None:
        self.inbox = Inbox(HeadLimits())

    def take_all(self) -> list[Event]:
        events: list[Event] = []
        while (event := self.inbox.take()) is not None:
            events.append(event)
        return events

    def test_request(self) -> None:
        self.inbox.put(post(b"body"))
        events = self.take_all()
        self.assertIsInstance(events[0], Head)
        self.assertEqual(events[1:], [b"body", END])
        self.assertFalse(self.inbox.waiting)

    @PROPERTY
    @given(st.lists(st.integers(0, len(MIXED)), max_size=6), st.booleans())
    def test_any_split(self, cuts: list[int], eager: bool) -> None:
        """However the bytes come, and whenever events are taken, they are the same."""
        whole, inbox = Inbox(HeadLimits()), Inbox(HeadLimits())
        whole.put(MIXED)
        self.inbox = whole
        expected = joined(self.take_all())
        self.inbox = inbox
        events = []
        for piece in split_at(MIXED, cuts):
            inbox.put(piece)
            first = inbox.take()
            events += [] if first is None else [first]
            events += self.take_all() if eager else []
        self.assertEqual(joined(events + self.take_all()), expected)
        self.assertEqual(expected.count(END), 204)

    def test_little_is_parsed_ahead(self) -> None:
        """Of thousands of requests in one read only a few become objects before their turn."""
        self.inbox.put(SMALLEST * 2600)
        self.inbox.take()
        self.assertLess(len(self.inbox._events), 80)  # two events a request
        self.assertTrue(self.inbox.full)
        self.assertEqual(len(self.take_all()), 2 * 2600 - 1)

    def test_little_is_parsed_ahead_behind_a_body(self) -> None:
        self.inbox.put(post(b"x" * 5000) + SMALLEST * 3000)
        self.inbox.take()
        self.assertLess(len(self.inbox._events), 80)

    def test_body_in_one_piece(self) -> None:
        """What needs no limit is not cut up."""
        self.inbox.put(post(b"x" * 60_000))
        self.assertEqual(len(self.take_all()), 3)

    def test_full(self) -> None:
        """Until enough of it was taken."""
        requests = GET * (ENOUGH // len(GET) + 1)
        self.inbox.put(requests[: ENOUGH - 1])
        self.assertFalse(self.inbox.full)
        self.inbox.put(requests[ENOUGH - 1 :])
        self.assertTrue(self.inbox.full)
        while self.inbox.full:
            self.inbox.take()
        self.assertTrue(self.inbox.waiting)

    def test_error(self) -> None:
        """What came before it is handed out, what comes behind it is dropped."""
        self.inbox.put(post(b"good") + NOT_HTTP["garbage"])
        events = self.take_all()
        self.assertEqual(events[1:], [b"good", END])
        self.assertIsNotNone(self.inbox.error)
        self.inbox.put(GET * 5000)
        self.assertFalse(self.inbox.full)
        self.assertEqual(self.take_all(), [])
        self.assertTrue(self.inbox.waiting)

    def test_error_behind_many(self) -> None:
        """It is found when its turn comes."""
        self.inbox.put(GET * 100 + NOT_HTTP["garbage"] + GET * 5000)
        self.inbox.take()
        self.assertIsNone(self.inbox.error)
        self.assertEqual(self.take_all().count(END), 100)
        self.assertIsNotNone(self.inbox.error)
        self.assertFalse(self.inbox.full)

    def test_fail(self) -> None:
        """The first error counts."""
        error = RequestTimeout("late")
        self.inbox.put(GET[:10])
        self.inbox.take()
        self.assertTrue(self.inbox.in_head)
        self.inbox.fail(error)
        self.inbox.fail(RequestTimeout("later"))
        self.assertIs(self.inbox.error, error)

    def test_close(self) -> None:
        self.inbox.put(GET * 3)
        self.inbox.take()
        self.inbox.close()
        self.assertEqual(self.take_all(), [])


class WholeBodyTests(SynchronousTestCase):
    """A body that came with its head is taken at once, together with its end."""

    def begin(self, data: bytes) -> Inbox:
        """An inbox of which the first head was taken."""
        inbox = Inbox(HeadLimits())
        inbox.put(data)
        self.assertIsInstance(inbox.take(), Head)
        return inbox

    def assert_not_whole(self, data: bytes, *events: Event | None) -> None:
        """Nothing is lost by asking."""
        inbox = self.begin(data)
        self.assertIsNone(inbox.whole_body())
        self.assertEqual([inbox.take() for _ in events], list(events))

    def test_taken(self) -> None:
        for data, body in (
            (post(b"body"), b"body"),
            (chunked(b"body"), b"body"),
            (post(b""), b""),
            (GET, b""),
        ):
            inbox = self.begin(data + post(b"next"))
            self.assertEqual(inbox.whole_body(), body)
            head = inbox.take()
            assert isinstance(head, Head)
            self.assertEqual((head.method, inbox.whole_body(), inbox.waiting), (b"POST", b"next", False))

    def test_not_all_here(self) -> None:
        self.assert_not_whole(post(b"body")[:-1], b"bod", None)
        self.assert_not_whole(post(b"body")[:-4], None)
        self.assert_not_whole(chunked(b"body")[:-2], b"body", None)

    def test_in_pieces(self) -> None:
        """Large ones are not put together here, in case somebody wants them one by one."""
        one, two = b"1" * 5000, b"2" * 5000
        self.assert_not_whole(chunked(one, two), one, two, END, None)

    def test_broken(self) -> None:
        """What came before the fault is no body."""
        broken = chunked(b"body")[:-5] + b"nonsense\r\n"
        self.assert_not_whole(broken, b"body", None)

    def test_nothing_of_the_next(self) -> None:
        """The body of another request is none of this one's."""
        inbox = self.begin(post(b"") + post(b"next"))
        self.assertEqual(inbox.whole_body(), b"")
        self.assertIsNone(inbox.whole_body())
