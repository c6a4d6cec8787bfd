"""Names of backends: who shares a look-up, how many run at once, and what happens when DNS is down."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import DNSLookupError
from twisted.logger import capturedLogs, formatEvent

from jairouter.upstream.names import PATIENCE, Addresses, NameLimits
from tests.upstream.names_rig import NamesCase


class SharedTests(NamesCase):
    """Many want the same, and more want something else."""

    def test_one_look_up_for_all_who_want_it(self) -> None:
        answers = [self.look_up() for _ in range(3)]
        self.assertEqual(self.resolver.asked, ["a.test"])
        self.resolver.answer("10.0.0.1")
        self.assertEqual([self.successResultOf(each) for each in answers], [("10.0.0.1",)] * 3)

    def test_failure_for_all_who_want_it(self) -> None:
        answers = [self.look_up() for _ in range(2)]
        self.resolver.answer()
        for each in answers:
            self.fails(each)

    def test_one_who_leaves(self) -> None:
        """The others still get what they want."""
        first, second = self.look_up(), self.look_up()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.resolver.answer("10.0.0.1")
        self.successResultOf(second)

    def test_answer_that_nobody_waits_for(self) -> None:
        """A thread cannot be stopped; what it finds is kept."""
        answer = self.look_up()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.resolver.answer("10.0.0.1")
        self.successResultOf(self.look_up())

    def test_one_who_leaves_because_another_was_answered(self) -> None:
        answers: list[Deferred[Addresses]] = []

        def cancel_the_other(found: Addresses) -> Addresses:
            answers[1].cancel()
            return found

        answers += [self.look_up().addCallback(cancel_the_other), self.look_up()]
        self.resolver.answer("10.0.0.1")
        self.successResultOf(answers[0])
        self.failureResultOf(answers[1], CancelledError)

    def test_names_that_were_not_found_leave_room(self) -> None:
        """Half of the look-ups is enough for hosts that are gone, however often they are asked for."""
        for name in ("gone1", "gone2"):
            answer = self.look_up(name)
            self.resolver.answer()
            self.failureResultOf(answer, DNSLookupError)
        self.clock.advance(self.limits.negative_ttl)
        self.resolver.asked.clear()
        gone = [self.look_up("gone1"), self.look_up("gone2")]
        known = self.look_up()
        self.assertEqual(self.resolver.asked, ["gone1", "a.test"])
        self.resolver.answer("10.0.0.1", name="a.test")
        self.successResultOf(known)
        self.assertEqual(self.resolver.asked, ["gone1", "a.test"])
        self.resolver.answer("10.0.0.2")
        self.assertEqual(self.resolver.asked, ["gone1", "a.test", "gone2"])
        self.resolver.answer("10.0.0.3")
        self.assertEqual([self.successResultOf(each) for each in gone], [("10.0.0.2",), ("10.0.0.3",)])

    def test_so_many_at_once(self) -> None:
        """A dead DNS server must not take all threads."""
        answers = {name: self.look_up(name) for name in ("a", "b", "c", "d")}
        self.assertEqual(self.resolver.asked, ["a", "b"])
        self.resolver.answer("10.0.0.2", name="b")
        self.assertEqual(self.resolver.asked, ["a", "b", "c"])
        self.resolver.answer(name="a")
        self.assertEqual(self.resolver.asked, ["a", "b", "c", "d"])
        self.resolver.answer("10.0.0.3", name="c")
        self.resolver.answer("10.0.0.4", name="d")
        self.assertEqual(self.successResultOf(answers["d"]), ("10.0.0.4",))
        self.failureResultOf(answers["a"], DNSLookupError)

    def test_look_up_that_nobody_wants_any_more(self) -> None:
        """It has not begun, so it never does; whoever comes later begins a new one."""
        self.look_up("a"), self.look_up("b")
        given_up = self.look_up("c")
        given_up.cancel()
        self.failureResultOf(given_up, CancelledError)
        last = self.look_up("d")
        self.resolver.answer("10.0.0.1", name="a")
        self.assertEqual(self.resolver.asked, ["a", "b", "d"])
        late = self.look_up("c")
        self.resolver.answer("10.0.0.1", name="d")
        self.resolver.answer("10.0.0.3", name="c")
        self.successResultOf(last)
        self.assertEqual(self.successResultOf(late), ("10.0.0.3",))
        self.resolver.answer("10.0.0.1", name="b")

    def test_wanted_again_while_in_the_queue(self) -> None:
        self.look_up("a"), self.look_up("b")
        self.look_up("c").addErrback(lambda _: None).cancel()
        again = self.look_up("c")
        self.resolver.answer("10.0.0.1", name="a")
        self.assertEqual(self.resolver.asked, ["a", "b", "c"])
        self.resolver.answer("10.0.0.3", name="c")
        self.successResultOf(again)
        self.resolver.answer("10.0.0.1", name="b")


class StaleTests(NamesCase):
    """Old addresses are better than none, for some time."""

    def setUp(self) -> None:
        super().setUp()
        self.known("10.0.0.1")
        self.clock.advance(31)

    def test_while_the_name_cannot_be_looked_up(self) -> None:
        answer = self.look_up()
        with capturedLogs() as events:
            self.resolver.answer()
        self.assertEqual(self.successResultOf(answer), ("10.0.0.1",))
        told = "a.test cannot be looked up; its last known addresses are used"
        self.assertEqual([formatEvent(event) for event in events], [told])

    def test_not_asked_at_once_again(self) -> None:
        """Each of thousands of requests would have to wait for it."""
        answer = self.look_up()
        self.resolver.answer()
        self.successResultOf(answer)
        self.clock.advance(4)
        self.successResultOf(self.look_up())
        self.assertEqual(len(self.resolver.asked), 2)
        self.clock.advance(2)
        self.assertNoResult(answer := self.look_up())
        self.resolver.answer("10.0.0.2")
        self.assertEqual(self.successResultOf(answer), ("10.0.0.2",))

    def test_while_the_look_up_takes_too_long(self) -> None:
        """A DNS server that is dead does not say no, it says nothing."""
        answer = self.look_up()
        self.clock.advance(PATIENCE - 0.1)
        self.assertNoResult(answer)
        self.clock.advance(0.3)
        self.assertEqual(self.successResultOf(answer), ("10.0.0.1",))
        # Those who come now do not even wait so long
        self.assertEqual(self.successResultOf(self.look_up()), ("10.0.0.1",))
        self.assertEqual(len(self.resolver.asked), 2)
        self.resolver.answer("10.0.0.2")
        self.assertEqual(self.successResultOf(self.look_up()), ("10.0.0.2",))

    def test_asked_again_after_one_that_took_too_long(self) -> None:
        """Each look-up has its time; that one took too long says nothing about the next."""
        self.look_up()
        self.clock.advance(PATIENCE + 0.2)
        self.resolver.answer("10.0.0.2")
        self.clock.advance(31)
        answer = self.look_up()
        self.assertNoResult(answer)
        self.resolver.answer("10.0.0.3")
        self.assertEqual(self.successResultOf(answer), ("10.0.0.3",))

    def test_many_who_wait(self) -> None:
        """Each as long as the first one does."""
        first = self.look_up()
        self.clock.advance(PATIENCE / 2)
        second = self.look_up()
        self.clock.advance(PATIENCE / 2 + 0.2)
        self.assertEqual([self.successResultOf(each) for each in (first, second)], [("10.0.0.1",)] * 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.resolver.answer("10.0.0.2")

    def test_found_again_meanwhile(self) -> None:
        """What counts is when the addresses were found last."""
        self.known("10.0.0.2")
        self.clock.advance(329)
        answer = self.look_up()
        self.resolver.answer()
        self.assertEqual(self.successResultOf(answer), ("10.0.0.2",))

    def test_while_it_waits_in_the_queue(self) -> None:
        self.look_up("b"), self.look_up("c")
        answer = self.look_up()
        self.clock.advance(PATIENCE + 0.2)
        self.assertEqual(self.successResultOf(answer), ("10.0.0.1",))
        self.resolver.answer("10.0.0.1", name="b")
        self.resolver.answer("10.0.0.1", name="c")
        self.resolver.answer("10.0.0.2", name="a.test")
        self.assertEqual(self.successResultOf(self.look_up()), ("10.0.0.2",))

    def test_not_for_ever(self) -> None:
        self.clock.advance(300)
        answer = self.look_up()
        self.clock.advance(PATIENCE + 1)
        self.assertNoResult(answer)
        self.resolver.answer()
        self.fails(answer)

    def test_not_for_ever_although_it_was_used_meanwhile(self) -> None:
        """What counts is when the addresses were found."""
        while self.clock.seconds() < 330:
            answer = self.look_up()
            self.resolver.answer()
            self.successResultOf(answer)
            self.clock.advance(6)
        answer = self.look_up()
        self.resolver.answer()
        self.fails(answer)

    def test_one_who_leaves_takes_the_timer_along(self) -> None:
        answer = self.look_up()
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.resolver.answer("10.0.0.2")


class NoStaleTests(NamesCase):
    """When old addresses are not wanted."""

    limits = NameLimits(max_stale=0)

    def test_none(self) -> None:
        self.known("10.0.0.1")
        self.clock.advance(30)
        answer = self.look_up()
        self.clock.advance(PATIENCE + 1)
        self.resolver.answer()
        self.fails(answer)
