"""Certificates that change while the configuration stays: `Configuration.renew`, and who calls it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from jairouter.config.faults import Fault
from jairouter.refusals import InvalidConfiguration
from jairouter.reloading.following import Following
from jairouter.reloading.in_force import SIGHUP
from jairouter.reloading.looking import Looked, look
from tests.reloading.test_watch import FakeNotices
from tests.reloading.workbench import Workbench, capacity

FOLDER = "/etc/letsencrypt/live/gateway"
BROKEN = (Fault("is empty", None, "server.ssl.certificate"),)


class _Listener:
    """What a listener shows, out of one file."""

    files: tuple[str, ...] = (f"{FOLDER}/fullchain.pem",)
    differs = False

    def files_differ(self) -> bool:
        return self.differs


class CertificatesTests(Workbench):
    """A listener whose certificate is renewed."""

    def setUp(self) -> None:
        super().setUp()
        self.listener = _Listener()
        self.written = 0
        self.opened: list[FakeNotices] = []
        listener: Any = self.listener
        self.following = Following(
            self.configuration, None, self.clock, self.in_thread, self.open, lambda: listener
        )
        self.addCleanup(self.following.stop)
        self.following.start()
        self.clock.advance(0)

    def open(self, told: Callable[[bool], None]) -> FakeNotices:
        self.opened.append(FakeNotices(told, 100))
        return self.opened[-1]

    def in_thread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        if function is not look:
            return self.run_in_thread(function, *arguments)
        place = str(arguments[0][0]) if arguments[0] else ""
        state = self.written if place in self.listener.files else 0
        return self.run_in_thread(lambda: Looked(((place, 0, 0, 0, 0, state),), {place: (1, 1)}))

    def write(self, *, differs: bool = True) -> None:
        """Somebody writes the certificate's file."""
        self.written += 1
        self.listener.differs = differs
        for notices in self.opened:
            if not notices.closed and self.listener.files[0] in notices.watched:
                notices.tell(False)
        self.clock.advance(1)

    def test_nothing_at_the_start(self) -> None:
        self.assertEqual((self.swapped, self.configuration.counts.succeeded), ([], 1))

    def test_renewed(self) -> None:
        self.write()
        self.assertEqual(len(self.swapped), 1)
        self.assertEqual(self.configuration.standing.cause, "certificates changed")
        self.assertTrue(self.configuration.standing.good)

    def test_written_as_it_was(self) -> None:
        self.write(differs=False)
        self.assertEqual(self.swapped, [])

    def test_broken(self) -> None:
        """The old one stays, which stands until there is a good one; it is not tried again meanwhile."""
        self.faults = BROKEN
        self.write()
        standing = self.configuration.standing
        self.assertEqual((standing.good, standing.faults), (False, BROKEN))
        built = len(self.built)
        self.clock.pump([1.0] * 30)
        self.assertEqual((len(self.built), self.swapped), (built, []))
        self.faults = ()
        self.write()
        self.assertEqual((self.configuration.standing.good, len(self.swapped)), (True, 1))

    def test_old_one_is_put_back(self) -> None:
        """Which is the one in force; all the same it is told that all is well again."""
        self.faults = BROKEN
        self.write()
        self.faults = ()
        self.write(differs=False)
        self.assertTrue(self.configuration.standing.good)

    def test_sighup_puts_it_right(self) -> None:
        self.faults = BROKEN
        self.write()
        self.faults = ()
        self.successResultOf(self.configuration.reload(SIGHUP))
        self.assertTrue(self.configuration.standing.good)

    def test_change_puts_it_right(self) -> None:
        """Whatever it changes: all files are read for it."""
        self.faults = BROKEN
        self.write()
        self.faults = ()
        self.change(capacity(5))
        self.assertTrue(self.configuration.standing.good)

    def test_files_of_the_configuration_are_not_read(self) -> None:
        """Somebody may be in the middle of editing them; nor are they found good by the way."""
        self.text = "model: {services"
        self.failureResultOf(self.configuration.reload(SIGHUP), InvalidConfiguration)
        wrong = self.configuration.standing
        self.assertFalse(wrong.good)
        self.write()
        self.assertEqual(len(self.swapped), 1)
        self.assertEqual(self.configuration.standing, wrong)

    def test_watched_whatever_is_said_of_other_files(self) -> None:
        self.change({"config": {"reload": {"watch": False}}})
        self.swapped.clear()
        self.write()
        self.assertEqual(len(self.swapped), 1)

    def test_other_files(self) -> None:
        """A configuration that names others has them watched."""
        self.listener.files = ("/etc/ssl/other.pem",)
        self.change(capacity(5))
        self.clock.advance(1)
        self.swapped.clear()
        self.write()
        self.assertEqual(len(self.swapped), 1)

    def test_stopped(self) -> None:
        self.following.stop()
        self.assertTrue(all(notices.closed for notices in self.opened))

    def test_fault_of_ours(self) -> None:
        """It is logged, and tried again."""

        def fail() -> bool:
            raise ZeroDivisionError

        self.patch(self.listener, "files_differ", fail)
        self.write()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
