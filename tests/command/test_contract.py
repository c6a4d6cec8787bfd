"""Tests that the management API has what the commands for keys, users and tokens ask for."""

from __future__ import annotations

from typing import Any, cast

from jairouter.web.management import accounts, api_keys, tokens, whoami
from jairouter.web.management.checking import check
from jairouter.web.management.paths import Paths
from tests.command.running import CommandTestCase, FakeGateway


class _Nothing:
    """Stands for what endpoints work on, since none of them is asked to."""

    def __getattr__(self, name: str) -> Any:
        return None


NOTHING = cast("Any", _Nothing())
ENDPOINTS = (
    *api_keys.endpoints(NOTHING),
    *accounts.endpoints(NOTHING),
    *tokens.endpoints(NOTHING, NOTHING, NOTHING),
    *whoami.endpoints(),
)
QUESTIONS = (
    "keys list",
    "keys create front --permissions chat:read --description why --expires 2030-01-31",
    "keys create front --permissions chat:read",
    "keys enable front",
    "keys disable front",
    "keys rotate front",
    "keys rotate front --overlap 1.5s",
    "keys delete front",
    "accounts list",
    "accounts add anna --roles USER,config:read",
    "accounts password anna",
    "accounts enable anna",
    "accounts disable anna",
    "tokens revoke-all anna",
    "whoami",
)


class ContractTests(CommandTestCase):
    """One question for each way to ask."""

    def test_each_question_has_an_endpoint_that_takes_it(self) -> None:
        paths = Paths(ENDPOINTS)
        for question in QUESTIONS:
            gateway = FakeGateway(self)
            gateway.answers = _Anything()
            self.run_command(*question.split(), stdin=b"trombone glacier\n")
            [asked] = gateway.asked
            found = paths.find(asked.path.strip("/").encode().split(b"/"))
            assert found is not None, question
            endpoint = found.methods.get(asked.method)
            assert endpoint is not None, f"{question}: {asked.method} {asked.path}"
            if endpoint.body is None:
                self.assertFalse(asked.body, question)
            else:
                self.assertEqual(check(asked.json, endpoint.body), [], question)


class _Anything(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        return {}
