"""Tests for `jairouter.reloading.watch`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from jairouter.reloading.looking import Looked
from jairouter.reloading.notices import CannotTell
from jairouter.reloading.watch import PATIENCE, Watch

PLACES = {"/etc/jairouter": (1, 1)}


class FakeNotices:
    """Notices that the test sends.

    Attributes:
        watched: Directories.
        closed: Whether nothing is told any more.
    """

    def __init__(self, told: Callable[[bool], None], most: int) -> None:
        self.tell = told
        self.watched: list[str] = []
        self.closed = False
        self._most = most

    def watch(self, directory: str) -> None:
        if len(self.watched) == self._most:
            raise CannotTell("no space left on device")
        self.watched.append(directory)

    def close(self) -> None:
        self.closed = True


class Watching(SynchronousTestCase):
    """A watch over files that the test makes up.

    Attributes:
        file: What the files are like.
        places: Which directories tell of changes.
        told: When changes were told of, in seconds from the start.
        looks: How often it was looked.
        most: So many directories can be watched at once.
        held: If there is a list, looks take until the test says so.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.file = 1
        self.places = dict(PLACES)
        self.told: list[float] = []
        self.looks = 0
        self.most = 100
        self.opened: list[FakeNotices] = []
        self.held: list[Callable[[], Any]] | None = None
        self.outcome: Callable[[], Deferred[bool]] = lambda: succeed(True)
        self.watch = Watch(
            ["/etc/jairouter"], bool, self.changed, self.clock, self.run_in_thread, self.open, 1.0, 10.0
        )
        self.addCleanup(self.nothing_is_left)

    def nothing_is_left(self) -> None:
        self.watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertTrue(all(notices.closed for notices in self.opened))

    def changed(self) -> Deferred[bool]:
        self.told.append(self.clock.seconds())
        return self.outcome()

    def look(self) -> Looked:
        self.looks += 1
        return Looked((("a.yml", 0, 0, 0, 0, self.file),), dict(self.places))

    def run_in_thread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        looked = maybeDeferred(self.look)
        if self.held is None:
            return looked
        done: Deferred[Any] = Deferred()
        self.held.append(lambda: looked.chainDeferred(done))
        return done

    def open(self, told: Callable[[bool], None]) -> FakeNotices:
        if self.most == 0:
            raise CannotTell("too many open files")
        self.opened.append(FakeNotices(told, self.most))
        return self.opened[-1]

    def start(self) -> None:
        """Start it, and forget that it told of the start."""
        self.watch.start()
        self.told.clear()
        self.looks = 0

    def write(self, *, gone: bool = False) -> None:
        """Somebody writes a file."""
        self.file += 1
        self.tell(gone=gone)

    def tell(self, *, gone: bool = False) -> None:
        """The kernel tells that something has happened."""
        self.opened[-1].tell(gone)

    def pass_time(self, seconds: float) -> None:
        self.clock.pump([0.125] * int(seconds * 8))


class WatchTests(Watching):
    """When changes are told of."""

    def test_at_the_start(self) -> None:
        """Nobody knows what has happened since the files were read."""
        self.watch.start()
        self.assertEqual(self.told, [0.0])
        self.pass_time(60)
        self.assertEqual(self.told, [0.0])

    def test_written(self) -> None:
        self.start()
        self.write()
        self.assertEqual(self.told, [])
        self.pass_time(5)
        self.assertEqual(self.told, [1.0])

    def test_left_alone(self) -> None:
        """An editor writes in pieces, and renames."""
        self.start()
        for _ in range(4):
            self.write()
            self.pass_time(0.5)
        self.pass_time(5)
        self.assertEqual(self.told, [2.5])

    def test_never_left_alone(self) -> None:
        """As beside a log file in the same directory."""
        self.start()
        self.write()
        for _ in range(200):
            self.tell()
            self.pass_time(0.25)
        self.assertEqual(len(self.told), 1)
        self.assertLessEqual(self.told[0], PATIENCE * 1.0 + 1)

    def test_other_files(self) -> None:
        """Something happened in the directory, but not to ours."""
        self.start()
        self.tell()
        self.pass_time(5)
        self.assertEqual((self.told, self.looks), ([], 1))

    def test_written_while_it_is_looked(self) -> None:
        """What was seen may be half of it."""
        self.start()
        self.held = []
        self.write()
        self.pass_time(1)
        self.write()
        self.held.pop()()
        self.assertEqual(self.told, [])
        self.held = None
        self.pass_time(5)
        self.assertEqual(self.told, [2.0])

    def test_in_turn(self) -> None:
        """Where the system does not tell: found at the next look, told when it is left alone."""
        self.start()
        self.file += 1
        self.pass_time(15)
        self.assertEqual(self.told, [11.0])

    def test_is_to_be_told_again(self) -> None:
        self.start()
        self.outcome = lambda: succeed(False)
        self.write()
        self.pass_time(1)
        self.outcome = lambda: succeed(True)
        self.pass_time(60)
        self.assertEqual(self.told, [1.0, 11.0])

    def test_telling_fails(self) -> None:
        def fail() -> Deferred[bool]:
            raise ZeroDivisionError

        self.start()
        self.outcome = fail
        self.write()
        self.pass_time(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.write()
        self.pass_time(1)
        self.assertEqual(self.told, [1.0, 2.0])
        self.flushLoggedErrors(ZeroDivisionError)

    def test_looking_fails(self) -> None:
        self.start()
        look, self.look = self.look, lambda: 1 // 0  # type: ignore[method-assign, assignment, return-value]
        self.write()
        self.pass_time(1)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.look = look  # type: ignore[method-assign]
        self.pass_time(30)
        self.assertEqual(len(self.told), 1)


class ArmingTests(Watching):
    """Which directories the kernel tells of."""

    def test_watched(self) -> None:
        self.places["/etc/jairouter/..data"] = (1, 2)
        self.watch.start()
        self.assertEqual(self.opened[-1].watched, ["/etc/jairouter", "/etc/jairouter/..data"])

    def test_looked_at_again_once_it_is_watched(self) -> None:
        """Something may have happened between the look and the watch."""
        self.watch.start()
        self.assertEqual(self.looks, 2)
        self.assertEqual(len(self.opened), 1)

    def test_changed_before_it_was_watched(self) -> None:
        look = self.look

        def late() -> Looked:
            looked = look()
            if self.looks == 1:
                self.file += 1
            return looked

        self.look = late  # type: ignore[method-assign]
        self.watch.start()
        self.pass_time(5)
        self.assertEqual(self.told, [0.0, 1.0])

    def test_other_places(self) -> None:
        """A volume of Kubernetes has been exchanged: another directory is behind the link."""
        self.start()
        self.places["/etc/jairouter/..new"] = (1, 7)
        self.write()
        self.pass_time(1)
        self.assertEqual([notices.closed for notices in self.opened], [True, False])
        self.assertEqual(self.opened[-1].watched, ["/etc/jairouter", "/etc/jairouter/..new"])

    def test_gone_and_back(self) -> None:
        """A directory of the same name is not the same one."""
        self.start()
        self.write(gone=True)
        self.assertTrue(self.opened[0].closed)
        self.pass_time(1)
        self.assertEqual((len(self.opened), self.told), (2, [1.0]))
        self.write()
        self.pass_time(1)
        self.assertEqual(len(self.told), 2)

    def test_gone(self) -> None:
        """The directory above it tells when it is back."""
        self.start()
        self.places = {"/etc": (1, 0)}
        self.write(gone=True)
        self.pass_time(1)
        self.assertEqual(self.opened[-1].watched, ["/etc"])

    def test_cannot_be_had(self) -> None:
        """As when the system has given all of them to others."""
        self.most = 0
        self.start()
        self.file += 1
        self.pass_time(15)
        self.assertEqual(self.told, [11.0])

    def test_not_for_all(self) -> None:
        """Half of it would not be worth the trouble of two ways."""
        self.places["/srv"] = (1, 5)
        self.most = 1
        self.start()
        self.assertTrue(all(notices.closed for notices in self.opened))
        self.file += 1
        self.pass_time(15)
        self.assertEqual(self.told, [11.0])

    def test_can_be_had_again(self) -> None:
        self.most = 0
        self.start()
        self.most = 100
        self.pass_time(10)
        self.write()
        self.pass_time(1)
        self.assertEqual(self.told, [11.0])


class AdaptingTests(Watching):
    """Other paths and times; and an end."""

    def test_debounce(self) -> None:
        self.start()
        self.watch.adapt(["/etc/jairouter"], 3.0, 10.0)
        self.write()
        self.pass_time(5)
        self.assertEqual(self.told, [3.0])

    def test_interval(self) -> None:
        self.start()
        self.watch.adapt(["/etc/jairouter"], 1.0, 2.0)
        self.file += 1
        self.pass_time(5)
        self.assertEqual(self.told, [3.0])

    def test_no_interval(self) -> None:
        self.start()
        self.watch.adapt(["/etc/jairouter"], 1.0, 0.0)
        self.file += 1
        self.pass_time(60)
        self.assertEqual(self.told, [])

    def test_paths(self) -> None:
        """They are looked at."""
        self.start()
        self.watch.adapt(["/srv"], 1.0, 10.0)
        self.file += 1
        self.pass_time(2)
        self.assertEqual(self.told, [1.0])

    def test_the_same(self) -> None:
        self.start()
        self.watch.adapt(["/etc/jairouter"], 1.0, 10.0)
        self.pass_time(5)
        self.assertEqual(self.looks, 0)

    def test_stopped(self) -> None:
        self.start()
        self.write()
        self.watch.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.tell()
        self.pass_time(30)
        self.assertEqual((self.told, self.looks), ([], 0))

    def test_stopped_while_it_is_looked(self) -> None:
        self.start()
        self.held = []
        self.write()
        self.pass_time(1)
        self.watch.stop()
        self.held.pop()()
        self.pass_time(30)
        self.assertEqual((self.told, len(self.opened)), ([], 1))
