"""Everything that can go wrong, at the same time."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

from tests.integration.faulty import PACED, PLAIN, STREAM, FaultTestCase
from tests.integration.wire import Peer, post


class AllAtOnceTests(FaultTestCase):
    """Everything that can go wrong, at the same time, with clients that leave at any moment."""

    faults = (
        *(
            "",
            "",
            "",
            "refuse",
            "reset",
            "garbage",
            "truncate",
            "truncate-chunked",
            "wrong-length",
            "no-done",
        ),
        *("reset-mid-body", "error-event", "done-after-error", "429", "error;status=503", "interim"),
        *("close-delimited", "keep-alive-drop", "early-reset", "stall-before-headers", "stall-mid-body"),
        *("stall-after-headers", f"{PACED},error-event;after=3", f"{PACED},reset-mid-body;after=3"),
    )

    def one(self, seed: int) -> str:
        """One client, of which the seed decides all. Returns what is wrong with its answer."""
        chance = random.Random(seed)
        fault, stream = chance.choice(self.faults), chance.random() < 0.5
        peer = Peer.to(self.gateway.port)
        try:
            peer.say(post(STREAM if stream else PLAIN, "/v1/chat/completions", f"X-Simulate: {fault}"))
            if chance.random() < 0.4:
                time.sleep(chance.random() * 0.3)
                return ""
            try:
                head, body = peer.message()
            except (AssertionError, ConnectionError):
                return f"{fault}: a stream broke off without a word" if stream else ""
        finally:
            chance.choice((peer.close, peer.reset))()
        ends = (body.endswith(b"data: [DONE]\n\n"), b'"error":{' in body)
        if head.split()[1] == b"200" and stream and ends not in ((True, False), (False, True)):
            return f"{fault}: neither complete nor an error: {body!r}"
        return ""

    def test_nothing_is_left(self) -> None:
        """Each stream ends in one of two ways, the ledger is at rest, and the log knows of no accident."""
        with ThreadPoolExecutor(24) as threads:
            wrong = [each for each in threads.map(self.one, range(400)) if each]
        self.assertEqual(wrong, [])
        self.gateway.wait_at_rest()
        for accident in ("Traceback", "Unhandled", "AlreadySettled"):
            self.assertNotIn(accident, self.gateway.output)
