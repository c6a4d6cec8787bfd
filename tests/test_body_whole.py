"""The answer's body: all of it is here, and goes on in one piece."""

from __future__ import annotations

from jairouter.body import AnswerBody
from jairouter.errors import ClientGone, GatewayError
from tests.test_body import CUT, TOLD, BodyCase


class WholeTests(BodyCase):
    """When all bytes are here and none was passed on."""

    def test_not_while_it_is_arriving(self) -> None:
        self.assertFalse(self.body.whole)
        self.body.chunk(b"a")
        self.assertFalse(self.body.whole)

    def test_when_it_has_ended(self) -> None:
        self.body.chunk(b"a")
        self.body.end()
        self.assertTrue(self.body.whole)

    def test_from_the_start(self) -> None:
        self.assertTrue(AnswerBody.of(b"a").whole)
        self.assertTrue(AnswerBody.of(b"").whole)

    def test_not_when_it_broke(self) -> None:
        self.body.chunk(b"a")
        self.body.broke(CUT)
        self.assertFalse(self.body.whole)

    def test_not_when_it_tells_of_a_failure_itself(self) -> None:
        """Watchers must hear of that: `take` would tell them that all is well."""
        self.body.chunk(b"error event")
        self.body.end(told=TOLD)
        self.assertFalse(self.body.whole)

    def test_not_when_it_was_cut_or_abandoned(self) -> None:
        for end in (self.body.abandon, lambda: self.body.cut(CUT)):
            self.setUp()
            self.body.chunk(b"a")
            end()
            self.assertFalse(self.body.whole)

    def test_not_when_it_is_delivered(self) -> None:
        """Though the client has not read it yet."""
        self.body.deliver(self.sink)
        self.body.pause()
        self.body.chunk(b"a")
        self.body.end()
        self.assertFalse(self.body.whole)


class TakeTests(BodyCase):
    """All of it in one piece."""

    def test_one_piece(self) -> None:
        """The very bytes: nothing is copied."""
        data = b"the whole answer"
        self.body.chunk(data)
        self.body.end()
        self.assertIs(self.body.take(), data)

    def test_several_pieces(self) -> None:
        for data in (b"a", b"bc", b"d"):
            self.body.chunk(data)
        self.body.end()
        self.assertEqual(self.body.take(), b"abcd")

    def test_nothing(self) -> None:
        self.body.end()
        self.assertEqual(self.body.take(), b"")
        self.assertEqual(AnswerBody.of(b"").take(), b"")

    def test_complete_from_the_start(self) -> None:
        body = AnswerBody.of(b"all")
        body.on_done(self.done.append)
        self.assertEqual((body.take(), self.done), (b"all", [None]))

    def test_counted(self) -> None:
        """Whoever hears of the end finds it counted."""
        counts: list[int] = []
        self.body.on_done(lambda _: counts.append(self.body.passed_on))
        for data in (b"ab", b"c"):
            self.body.chunk(data)
        self.body.end()
        self.assertEqual(self.body.passed_on, 0)
        self.body.take()
        self.assertEqual(counts, [3])

    def test_it_is_over(self) -> None:
        """Once, and whatever comes after that."""
        self.body.chunk(b"a")
        self.body.end()
        self.assertEqual(self.done, [])
        self.body.take()
        self.body.end()
        self.body.broke(CUT)
        self.body.cut(CUT)
        self.body.abandon()
        self.body.chunk(b"b")
        self.assertEqual((self.done, self.source.calls), ([None], []))
        self.assertFalse(self.body.whole)

    def test_nothing_is_left_to_deliver(self) -> None:
        self.body.chunk(b"a")
        self.body.end()
        self.body.take()
        self.body.deliver(self.sink)
        self.assertEqual((self.sink.data, self.sink.ends), ([], []))

    def test_who_comes_late_hears_of_it(self) -> None:
        self.body.end()
        self.body.take()
        late: list[GatewayError | None] = []
        self.body.on_done(late.append)
        self.assertEqual(late, [None])

    def test_a_watcher_that_fails_does_not_keep_the_others_from_hearing_of_it(self) -> None:
        def fail(_: GatewayError | None) -> None:
            raise ValueError("broken watcher")

        self.body.on_done(fail)
        self.body.on_done(self.done.append)
        self.body.end()
        self.assertRaises(ValueError, self.body.take)
        self.assertEqual(self.done, [None, None])

    def test_abandoned_instead(self) -> None:
        """Whole, but the client left before it was taken."""
        self.body.chunk(b"a")
        self.body.end()
        self.body.abandon()
        self.assertEqual([type(error) for error in self.done], [ClientGone])
        self.assertEqual((self.body.passed_on, self.body.whole), (0, False))
