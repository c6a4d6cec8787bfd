"""Tests for what the management API has recorded: who was kept out, and what was done."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from twisted.trial.unittest import SynchronousTestCase

from jairouter.auditing import Event
from jairouter.errors import PermissionDenied
from jairouter.web.management.endpoint import Call, Endpoint, Reply
from tests.reloading.test_audited import Kept
from tests.web.management.examples import Api, all_of_them


class Frequent(Kept):
    """Remembers those as well that come often."""

    def often(self, event: Event) -> None:
        self.record(event)


class RecordedTests(SynchronousTestCase):
    """What is not recorded where it is done, or because of who asks."""

    def setUp(self) -> None:
        self.audit = Frequent()

    def api(self, *endpoints: Endpoint, allow: str = "127.0.0.0/8") -> Api:
        return Api(*endpoints, allow=(allow,), security=SimpleNamespace(gate=None, audit=self.audit))

    def test_who_asks_from_elsewhere(self) -> None:
        self.api(*all_of_them(), allow="10.0.0.0/8").ask("/api/config/version/7")
        (event,) = self.audit.events
        self.assertEqual(
            event[:7],
            (
                "AUTHORIZATION_FAILURE",
                "",
                "127.0.0.1",
                "/api/config/version/{version}",
                "denied",
                "GET",
                "FORBIDDEN",
            ),
        )

    def test_a_page_of_another_site(self) -> None:
        self.api(*all_of_them()).ask("/api/config/version/7", origin="http://evil.example")
        self.assertEqual([each.reason for each in self.audit.events], ["FORBIDDEN"])

    def test_what_is_done(self) -> None:
        """With who did it, from where, and to what."""
        (one,) = (each for each in all_of_them() if each.path == "/api/config/version/{version}")
        self.api(replace(one, event="VERSION_READ")).ask("/api/config/version/7")
        (event,) = self.audit.events
        self.assertEqual((event.kind, event.user, event.ip), ("VERSION_READ", "127.0.0.1", "127.0.0.1"))
        self.assertEqual((event.resource, event.result), ("/api/config/version/{version}", "allowed"))
        self.assertEqual(event.details["version"], 7)

    def test_what_the_caller_lacks_a_permission_for_only_then(self) -> None:
        """Who may change accounts may not make one that may more than they do."""

        def denied(call: Call) -> Reply:
            raise PermissionDenied("it needs security:write")

        (one,) = (each for each in all_of_them() if each.path == "/api/config/version/{version}")
        api = self.api(replace(one, event="VERSION_READ", answer=denied))
        self.assertEqual(api.ask("/api/config/version/7").status, 403)
        (event,) = self.audit.events
        self.assertEqual(
            (event.kind, event.user, event.result), ("AUTHORIZATION_FAILURE", "127.0.0.1", "denied")
        )

    def test_the_query_of_an_address_is_no_name(self) -> None:
        """It may have a key in it."""
        (one,) = (each for each in all_of_them() if each.name == "getInstance")
        path = "/api/config/instance/chat/a@http:%2F%2Fb%2Fv1%3Fkey=planted"
        self.api(replace(one, event="READ")).ask(path)
        self.assertEqual(self.audit.events[0].details["instanceId"], "a@http://b/v1")

    def test_what_is_not_done(self) -> None:
        (one,) = (each for each in all_of_them() if each.path == "/api/config/version/{version}")
        self.api(replace(one, event="VERSION_READ")).ask("/api/config/version/x")
        self.assertEqual(self.audit.events, [])
