"""What Sanitize does with requests, and for whom."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from zope.interface.verify import verifyObject

from jairouter.auditing import IAudit
from jairouter.caller import Caller, Kind
from jairouter.codec.masking import Rule
from jairouter.config.networks import NetworkForm
from jairouter.errors import BadRequest
from jairouter.exchange import Exchange, HeaderPairs
from jairouter.filters.looking_through import AT_ONCE
from jairouter.interfaces import IResponder
from jairouter.request_body.held import HeldBody
from tests.filters.inner import exchange, request, run
from tests.filters.sanitizing import MASKED, PHONE, SanitizeCase


class SanitizeTests(SanitizeCase):
    """On the way to a backend."""

    def asked(self, data: bytes, headers: HeaderPairs = ()) -> Exchange:
        return exchange(request(body=data, headers=headers))

    def test_interfaces(self) -> None:
        verifyObject(IResponder, self.filter())
        verifyObject(IAudit, self.heard)

    def test_a_request_is_masked(self) -> None:
        digest = (b"Content-Digest", b"sha-256=:x:")
        asked = self.asked(PHONE, (digest, (b"X-Mine", b"1")))
        self.successResultOf(run(self.filter(self.masking()), asked))
        self.assertEqual(asked.body.data, MASKED)
        self.assertEqual(asked.request.headers, ((b"X-Mine", b"1"),))
        self.assertEqual(self.sample("operations", content_type="application/json", direction="request"), 1)
        self.assertEqual(self.sample("rule_matches", rule_id="phone", rule_type="PII_PATTERN"), 1)

    def test_what_is_told_says_not_what_was_masked(self) -> None:
        asked = self.asked(PHONE)
        asked.known = Caller("front", Kind.KEY, frozenset())
        self.successResultOf(run(self.filter(self.masking()), asked))
        self.assertEqual([each.kind for each in self.heard.events], ["REQUEST_SANITIZATION"])
        event = self.heard.events[0]
        self.assertEqual(
            (event.user, event.ip, event.details), ("front", "192.0.2.1", {"rules": {"phone": 1}})
        )
        self.assertNotIn("138", json.dumps(event))

    def test_nothing_is_told_if_nobody_wants_to_know(self) -> None:
        self.successResultOf(run(self.filter(self.masking(told=False)), self.asked(PHONE)))
        self.assertEqual(self.heard.events, [])

    def test_a_request_without_a_find_is_left_as_it_is(self) -> None:
        asked = self.asked(b'{"id":"13812345678","a":"b"}', ((b"Digest", b"x"),))
        before = asked.body, asked.request
        self.successResultOf(run(self.filter(self.masking()), asked))
        self.assertEqual((asked.body, asked.request), before)
        self.assertEqual(self.heard.events, [])

    def test_a_long_request_is_looked_through_in_a_thread(self) -> None:
        asked = self.asked(b'{"a":"13812345678","b":"' + b"x" * AT_ONCE + b'"}')
        done = run(self.filter(self.masking()), asked)
        self.assertNoResult(done)
        self.finish_thread()
        self.successResultOf(done)
        self.assertTrue((asked.body.data or b"").startswith(MASKED[:-1]))

    def test_a_slow_search_goes_on_in_a_thread(self) -> None:
        slow = json.dumps({"a": "a" * 60 + "b"}).encode()
        done = run(self.filter(self.masking("(a|aa)+$")), self.asked(slow))
        self.assertNoResult(done)
        done.cancel()
        self.failureResultOf(done)
        self.assertEqual(self.inner.exchanges, [])

    def test_a_request_that_cannot_be_looked_through_is_passed_on(self) -> None:
        asked = self.asked(b'{"a":"13812345678"')
        self.successResultOf(run(self.filter(self.masking()), asked))
        self.assertEqual(self.inner.exchanges, [asked])
        self.assertEqual(self.sample("unreadable", direction="request", reason="json"), 1)

    def test_unless_that_is_not_wanted(self) -> None:
        done = run(self.filter(self.masking(strict=True)), self.asked(b'{"a":"13812345678"'))
        self.assertEqual(self.failureResultOf(done, BadRequest).value.status, 400)
        self.assertEqual(self.inner.exchanges, [])

    # -- who is spared ------------------------------------------------------

    def test_callers_may_be_spared(self) -> None:
        asked = self.asked(PHONE)
        asked.known = Caller("front", Kind.KEY, frozenset())
        self.successResultOf(run(self.filter(self.masking(users=frozenset({"front"}))), asked))
        self.assertEqual(asked.body.data, PHONE)

    def test_addresses_may_be_spared(self) -> None:
        for network, spared in (("192.0.2.0/24", True), ("198.51.100.0/24", False), ("2001:db8::/32", False)):
            asked = self.asked(PHONE)
            masking = self.masking(networks=(NetworkForm().parse(network),))
            self.successResultOf(run(self.filter(masking), asked))
            self.assertEqual(asked.body.data == PHONE, spared, network)

    def test_a_form_is_passed_on(self) -> None:
        asked = self.asked(b"")
        form: Any = HeldBody(b"")
        form.data = None
        asked.body = form
        self.successResultOf(run(self.filter(self.masking(strict=True)), asked))
        self.assertIs(asked.body, form)
        self.assertEqual(self.sample("unreadable", direction="request", reason="form"), 1)

    def test_series_are_few(self) -> None:
        metrics = self.tools.metrics
        for number in range(1000):
            metrics.masked("request", "other", Counter({Rule(str(number), "X", "a", str, 1): 1}))
        samples = [each for family in metrics.collect() for each in family.samples]
        self.assertLess(len(samples), 210)
