"""A gateway that is killed while it writes the audit log, again and again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from jairouter.telemetry.audit.opening import place_of
from jairouter.telemetry.audit.verifying import verify
from tests.config.reading import read

CHILD = """
import sys, time
from random import SystemRandom
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from jairouter.auditing import Event
from jairouter.config.loader import Text, load
from jairouter.telemetry.audit.opening import open_audit

settings = load([Text("a.yml", sys.argv[1].encode())]).settings
log = open_audit(settings, reactor, deferToThread, time.time, SystemRandom())
number = 0

def write():
    global number
    for _ in range(50):
        number += 1
        log.record(Event("API_KEY_CREATED", "ann", resource=f"key-{number}"))
    if number == 500:
        print("busy", flush=True)
    reactor.callLater(0.001, write)

reactor.callWhenRunning(write)
reactor.run()
"""


class KilledTests(SynchronousTestCase):
    """SIGKILL takes nothing that was written, and tears no chain."""

    def test_killed_again_and_again(self) -> None:
        path = Path(self.mktemp()).resolve() / "audit.log"
        text = (
            f"logging.audit: {{enabled: true, file: {path}}}\n"
            "security.audit: {chain-key: a-chain-key-of-some-length, fsync-interval: 100ms}\n"
            "security.audit.storage.rotation: {max-file-size: 100KB, max-files: 1000}"
        )
        place, last = place_of(read(text).settings), 0
        for _ in range(4):
            child = subprocess.Popen([sys.executable, "-c", CHILD, text], stdout=subprocess.PIPE)
            assert child.stdout is not None
            with child, child.stdout:
                try:
                    self.assertEqual(child.stdout.readline(), b"busy\n")
                    verified = verify(place)  # while it is written
                    self.assertEqual(verified.fault, "")
                finally:
                    child.kill()
            verified = verify(place)
            self.assertEqual(verified.fault, "")
            self.assertGreater(verified.last, last)
            self.assertEqual(verified.lines, verified.last)
            last = verified.last
