"""Tests for `jairouter.upstream.webhook`."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IBodyProducer
from zope.interface.verify import verifyObject

from jairouter.config.settings.monitoring import AlertNotificationSettings
from jairouter.timers import TimerWheel
from jairouter.upstream.webhook import AT_ONCE, TIMEOUT, Webhook
from tests.config.reading import read

TEXT = """
monitoring.slow-query-alert.notification:
  enable-webhook: true
  webhook-url: https://hooks.test/PLANTED
  webhook-headers: {X-Key: PLANTEDkey}
"""


class Response:
    """An answer with nothing in it."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.delivered = False

    def deliverBody(self, protocol: Any) -> None:
        self.delivered = True


class WebhookTests(SynchronousTestCase):
    """Alerts are posted; nobody waits for that."""

    def setUp(self) -> None:
        self.clock, self.asked = Clock(), list[tuple[Any, ...]]()
        self.answers: list[Deferred[Any]] = []
        self.webhook = Webhook(self.request, TimerWheel(self.clock))
        self.webhook.settings = self.settings(TEXT)

    def settings(self, text: str) -> AlertNotificationSettings:
        return read(text).settings.monitoring.slow_query_alert.notification

    def request(self, *arguments: Any) -> Deferred[Any]:
        self.asked.append(arguments)
        self.answers.append(Deferred())
        return self.answers[-1]

    def said(self, what: Any) -> list[str]:
        """What the log says of an answer, or of an error."""
        with capturedLogs() as events:
            self.webhook.post({"a": 1})
            self.answers[-1].callback(what) if isinstance(what, Response) else self.answers[-1].errback(what)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertNotIn("PLANTED", repr(events))
        return [str(formatEvent(event)) for event in events]

    def test_posts(self) -> None:
        self.assertEqual(self.said(Response(204)), [])
        [(method, address, headers, body)] = self.asked
        self.assertEqual((method, address), (b"POST", b"https://hooks.test/PLANTED"))
        self.assertEqual(headers.getRawHeaders("X-Key"), ["PLANTEDkey"])
        verifyObject(IBodyProducer, body)
        written: list[bytes] = []
        self.successResultOf(body.startProducing(type("Consumer", (), {"write": written.append})))
        self.assertEqual(json.loads(b"".join(written)), {"a": 1})
        self.assertEqual(body.length, len(b"".join(written)))

    def test_failures_are_said_once(self) -> None:
        """Without the address, which may hold a key."""
        told = ["alerts cannot be posted to the webhook: ConnectionRefusedError"]
        self.assertEqual(self.said(ConnectionRefusedError("to https://hooks.test/PLANTED")), told)
        self.assertEqual(self.said(Response(500)), [])
        self.assertEqual(self.said(Response(200)), ["alerts can be posted to the webhook again"])
        told = ["alerts cannot be posted to the webhook: it answered with status 302"]
        self.assertEqual(self.said(Response(302)), told)

    def test_answers_are_read(self) -> None:
        """Or their connection could never be used again."""
        response = Response(500)
        self.said(response)
        self.assertTrue(response.delivered)

    def test_too_slow(self) -> None:
        with capturedLogs() as events:
            self.webhook.post({})
            self.clock.pump([TIMEOUT, 1])
        self.assertEqual(len(self.webhook._under_way), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        told = "alerts cannot be posted to the webhook: there was no answer within 10 seconds"
        self.assertEqual([formatEvent(event) for event in events], [told])

    def test_the_end_is_no_failure(self) -> None:
        with capturedLogs() as events:
            self.webhook.post({})
            self.webhook.close()
        self.assertEqual(events, [])

    def test_not_too_many(self) -> None:
        for _ in range(10):
            self.webhook.post({})
        self.assertEqual(len(self.asked), AT_ONCE)
        self.webhook.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nowhere(self) -> None:
        self.webhook.settings = self.settings("")
        self.webhook.post({})
        self.assertEqual(self.asked, [])
