"""Tests of jairouter.web.request_ids, and of where ids appear."""

from __future__ import annotations

import random

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from jairouter.web.request_ids import RequestIds
from tests.web.serving import GET, Serving, answers


class RequestIdsTests(SynchronousTestCase):
    """A client's id is taken over when it is fit for logs and headers."""

    def setUp(self) -> None:
        self.ids = RequestIds(random.Random(0))

    def test_sane(self) -> None:
        self.assertEqual(self.ids.id_for(b"a-B_1:2/3+4=.5"), "a-B_1:2/3+4=.5")

    def test_unfit(self) -> None:
        for given in (b"", b"a b", b"a" * 129, b"\xff", b'"', b"a\n", b"one, two"):
            self.assertRegex(self.ids.id_for(given), "^req_[0-9a-f]{32}$")

    def test_new_ones_differ(self) -> None:
        """However many are made; their randomness is drawn for many at once."""
        made = [self.ids.new() for _ in range(1000)]
        self.assertEqual(len(set(made)), 1000)
        self.assertEqual({len(each) for each in made}, {len("req_") + 32})

    def test_same_seed(self) -> None:
        """The same run has the same ids."""
        other = RequestIds(random.Random(0))
        self.assertEqual([self.ids.new() for _ in range(100)], [other.new() for _ in range(100)])


class EveryAnswerTests(SynchronousTestCase):
    """Every answer has one, also where no request was understood."""

    def headers(self, sent: bytes) -> dict[str, str]:
        client = Serving(Resource()).ask(sent)
        return dict(answers(client.received)[0].headers)

    def test_page(self) -> None:
        self.assertRegex(self.headers(GET)["x-request-id"], "^req_")

    def test_not_http(self) -> None:
        headers = self.headers(b"nonsense\r\n\r\n")
        self.assertRegex(headers["x-request-id"], "^req_")
        self.assertIn("date", headers)
