"""Tests for `jairouter.telemetry.audit.log`: what becomes of events, whatever happens."""

from __future__ import annotations

import errno
from typing import Any
from unittest import mock

from zope.interface.verify import verifyObject

from jairouter.auditing import Event, IAudit
from jairouter.dates import DAY
from jairouter.telemetry.audit.log import BATCH, SOON, AuditLog, Means, Policy
from jairouter.telemetry.audit.writer import ALWAYS, NEVER, Rules
from tests.telemetry.audit.recording import LOGIN, RecordTestCase, Threads

WRITE = "jairouter.telemetry.audit.current.os.write"
MADE = Event("API_KEY_CREATED", "ann", resource="key-1")


def full(*_: Any) -> Any:
    """What the system says when the disk is full."""
    raise OSError(errno.ENOSPC, "No space left on device")


class LogTestCase(RecordTestCase):
    """Has a log on a fake clock."""

    policy = Policy()

    def setUp(self) -> None:
        super().setUp()
        self.threads = Threads()
        self.log = self.begin()

    def begin(self, **policy: Any) -> AuditLog:
        """Another one, as after a restart."""
        wanted = self.policy._replace(**policy)
        writer = self.writer(self.rules._replace(fsync=wanted.fsync))
        means = Means(self.clock, self.threads.run, self.entry, self.clock.seconds)
        log = AuditLog(means, writer, self.place, wanted)
        log.start()
        return log

    def end(self) -> None:
        """Close it."""
        self.assertIsNone(self.successResultOf(self.log.close()))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def again(self, **policy: Any) -> None:
        """Close it, and begin another one."""
        self.end()
        self.log = self.begin(**policy)


class RecordingTests(LogTestCase):
    """All goes well."""

    def test_interface(self) -> None:
        verifyObject(IAudit, self.log)
        self.end()

    def test_events_are_written_soon(self) -> None:
        self.log.record(MADE)
        self.assertEqual(self.lines(), [])
        self.clock.advance(SOON)
        self.assertEqual(self.kinds(), [MADE.kind])
        self.end()

    def test_in_their_order(self) -> None:
        for each in range(3 * BATCH):
            self.log.record(MADE._replace(resource=str(each)))
        self.clock.advance(SOON)
        self.assertEqual(
            [each["resource"] for each in self.lines()], [str(each) for each in range(3 * BATCH)]
        )
        self.end()
        self.assert_intact(3 * BATCH)

    def test_those_that_come_while_others_are_written(self) -> None:
        self.threads.hold()
        self.log.record(MADE)
        self.clock.advance(SOON)
        self.log.record(LOGIN)
        self.threads.let_go()
        self.assertEqual(self.kinds(), [MADE.kind, LOGIN.kind])
        self.end()

    def test_none_is_lost_at_a_stop(self) -> None:
        self.log.record(MADE)
        self.end()
        self.assertEqual(self.kinds(), [MADE.kind])
        self.assert_intact(1)

    def test_a_stop_waits_for_what_is_under_way(self) -> None:
        self.threads.hold()
        self.log.record(MADE)
        self.clock.advance(SOON)
        self.log.record(LOGIN)
        closed = self.log.close()
        self.assertNoResult(closed)
        self.threads.let_go()
        self.successResultOf(closed)
        self.assertEqual(self.kinds(), [MADE.kind, LOGIN.kind])
        self.successResultOf(self.log.close())

    def test_after_a_stop_nothing_is_written(self) -> None:
        self.end()
        self.log.record(MADE)
        self.log.often(LOGIN)
        self.successResultOf(self.log.flush())
        self.assertEqual((self.clock.getDelayedCalls(), self.lines(), self.log.lost), ([], [], 2))
        self.flushLoggedErrors()

    def test_flush(self) -> None:
        self.threads.hold()
        self.log.record(MADE)
        flushed = self.log.flush()
        self.assertNoResult(flushed)
        self.threads.let_go()
        self.successResultOf(flushed)
        self.assertEqual(self.kinds(), [MADE.kind])
        self.successResultOf(self.log.flush())
        self.end()

    def test_how_it_stands(self) -> None:
        self.log.record(MADE)
        file = str(self.path)
        expected = {"file": file, "waiting": 1, "written": 0, "lost": 0}
        self.assertEqual(self.log.standing(), ("UP", expected))
        self.end()
        self.assertEqual(self.log.standing(), ("UP", {**expected, "waiting": 0, "written": 1}))

    def test_what_is_not_wanted(self) -> None:
        self.again(leave_out={"apikeycreated"}, wanted=lambda event: event.result != "failed")
        for each in (MADE, LOGIN._replace(result="failed"), LOGIN):
            self.log.record(each)
            self.log.often(each._replace(user="other"))
        self.end()
        self.assertEqual([each["result"] for each in self.lines()], ["denied", "denied"])

    def test_old_files_are_compressed(self) -> None:
        self.rules = Rules(max_size=1200)
        self.again()
        for _ in range(9):
            self.log.record(MADE)
        self.clock.advance(SOON)
        self.assertTrue(all(each.path.name.endswith(".gz") for each in self.place.files.old()))
        self.end()
        self.assert_intact(9)

    def test_compressing_that_fails_stops_nothing(self) -> None:
        with mock.patch.object(type(self.place.files), "compress", full):
            self.again()
        self.log.record(MADE)
        self.end()
        self.assertEqual(self.kinds(), [MADE.kind])

    def test_old_files_are_deleted_on_demand(self) -> None:
        self.log.record(MADE)
        self.clock.advance(SOON)
        self.place.files.put_aside(1, self.clock.seconds())
        self.clock.advance(2 * DAY)
        self.assertEqual(self.successResultOf(self.log.delete_older(DAY)), (1, 1))
        with mock.patch.object(type(self.place.files), "old", full):
            self.failureResultOf(self.log.delete_older(DAY), OSError)
        self.end()
        self.assertEqual(self.successResultOf(self.log.delete_older(DAY)), (0, 0))


class SyncTests(LogTestCase):
    """When what was written is forced to disk."""

    def syncs_after(self, seconds: float, **policy: Any) -> int:
        self.again(**policy)
        with mock.patch("jairouter.telemetry.audit.current.os.fsync") as fsync:
            self.log.record(MADE)
            self.clock.advance(seconds)
            self.addCleanup(self.log.close)
            # (Each time the file and the note of where it ends)
            return fsync.call_count // 2

    def test_at_once(self) -> None:
        self.assertEqual(self.syncs_after(0, fsync=ALWAYS), 1)

    def test_after_a_second(self) -> None:
        self.assertEqual(self.syncs_after(SOON), 0)
        with mock.patch("jairouter.telemetry.audit.current.os.fsync") as fsync:
            self.clock.advance(0.9)
            self.assertEqual(fsync.call_count, 0)
            self.clock.advance(0.1)
            self.assertEqual(fsync.call_count, 2)
            self.clock.advance(100)
            self.assertEqual(fsync.call_count, 2)

    def test_never(self) -> None:
        self.assertEqual(self.syncs_after(100, fsync=NEVER), 0)

    def test_it_fails_and_is_tried_again(self) -> None:
        self.log.record(MADE)
        with mock.patch("jairouter.telemetry.audit.current.os.fsync", full):
            self.clock.advance(SOON)
            self.clock.advance(1)
            self.assertEqual(self.log.standing().status, "DEGRADED")
        self.clock.advance(1)
        self.assertEqual(self.log.standing().status, "UP")
        self.end()
        self.assert_intact(1)

    def test_a_failure_at_once_is_made_good(self) -> None:
        self.again(fsync=ALWAYS)
        with mock.patch("jairouter.telemetry.audit.current.os.fsync", full):
            self.log.record(MADE)
            self.clock.advance(0)
        self.assertEqual(self.log.standing().status, "DEGRADED")
        self.clock.advance(1)
        self.assertEqual(self.log.standing().status, "UP")
        self.end()
        self.assert_intact(1)


class TroubleTests(LogTestCase):
    """Not all goes well; the gateway goes on."""

    policy = Policy(buffer=5)

    def test_events_wait_while_the_disk_is_full(self) -> None:
        self.log.record(MADE)
        with mock.patch(WRITE, full):
            self.clock.advance(SOON)
            for _ in range(60):
                self.clock.advance(1)
            status, details = self.log.standing()
            self.assertEqual(
                (status, details["reason"]), ("DEGRADED", f"{self.path}: no space left on device")
            )
        self.assertEqual(self.lines(), [])
        self.clock.advance(30)
        self.assertEqual((self.kinds(), self.log.standing().status), ([MADE.kind], "UP"))
        self.end()
        self.assert_intact(1)

    def test_those_beyond_are_counted(self) -> None:
        self.threads.hold()
        for each in range(12):
            self.log.record(MADE._replace(resource=str(each)))
        self.clock.advance(SOON)
        self.log.record(MADE)
        self.assertEqual(self.log.lost, 8)
        self.threads.let_go()
        self.clock.advance(SOON)
        lines = self.lines()
        self.assertEqual([each["event"] for each in lines], [MADE.kind] * 5 + ["AUDIT_EVENTS_LOST"])
        self.log.record(MADE)
        self.end()
        self.assertEqual(sum(each.get("details", {}).get("lost", 0) for each in self.lines()), 8)

    def test_that_is_told_although_nothing_else_comes(self) -> None:
        with mock.patch(WRITE, full):
            for _ in range(9):
                self.log.record(MADE)
            self.clock.advance(SOON)
        self.clock.advance(1)
        self.assertEqual(self.lines()[-1]["details"], {"lost": 4})
        self.end()

    def test_a_stop_with_a_full_disk(self) -> None:
        self.log.record(MADE)
        with mock.patch(WRITE, full):
            self.end()
        self.assertEqual(self.log.lost, 1)
        self.assertEqual(self.lines(), [])

    def test_a_flush_with_a_full_disk(self) -> None:
        """Whoever asks what was recorded gets an answer all the same."""
        self.log.record(MADE)
        with mock.patch(WRITE, full):
            self.successResultOf(self.log.flush())
        self.end()

    def test_a_fault_of_ours(self) -> None:
        self.threads.fault = RuntimeError("a fault")
        self.log.record(MADE)
        self.clock.advance(SOON)
        self.assertEqual(self.log.standing().status, "DEGRADED")
        self.threads.fault = None
        self.clock.advance(1)
        self.end()
        self.assertEqual(self.kinds(), [MADE.kind])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class OftenTests(LogTestCase):
    """Events that are alike."""

    def test_a_million_requests_of_one_key(self) -> None:
        """A thousand, by the same rule."""
        for _ in range(1000):
            self.log.often(LOGIN)
        self.clock.advance(SOON)
        self.assertEqual(len(self.lines()), 1)
        self.clock.advance(60)
        self.clock.advance(SOON)
        self.assertEqual([each.get("count") for each in self.lines()], [None, 999])
        self.end()

    def test_the_rest_at_a_stop(self) -> None:
        self.log.often(LOGIN)
        self.log.often(LOGIN)
        self.end()
        self.assertEqual([each.get("count") for each in self.lines()], [None, 1])
        self.assertEqual(self.lines()[1]["first"], self.lines()[1]["last"])

    def test_nothing_is_waited_for_when_nothing_comes(self) -> None:
        self.log.often(LOGIN)
        self.clock.advance(SOON)
        self.clock.advance(1)
        self.clock.advance(60)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.end()

    def test_a_day_that_is_set_back(self) -> None:
        """What is counted is told after a minute by the steady clock, whatever the date is."""
        today = [10.0**9]
        means = Means(self.clock, self.threads.run, self.entry, lambda: today[0])
        self.end()
        writer = self.writer()
        self.log = AuditLog(means, writer, self.place, self.policy)
        self.log.often(LOGIN)
        self.log.often(LOGIN)
        today[0] = 0.0
        self.clock.advance(60)
        self.clock.advance(SOON)
        self.assertEqual([each.get("count") for each in self.lines()], [None, 1])
        self.end()
