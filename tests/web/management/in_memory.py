"""A configuration that is changed as the real one is, but in memory and at once; and endpoints over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from jairouter.config.faults import ConfigurationFaults
from jairouter.config.loader import Loaded, Stored, Text, build, read
from jairouter.control import Changed, Changes, Edit, IConfiguration, Plan, Standing, Told, UndoRule
from jairouter.filters.resolve import Services
from jairouter.refusals import InvalidConfiguration, Refusal, VersionConflict
from jairouter.traffic.instance import Identity
from jairouter.traffic.live import Live
from jairouter.upstream.prober import Prober
from jairouter.web.management.checking import check
from jairouter.web.management.endpoint import Call, Endpoint, Reply, made
from jairouter.web.management.parts import Parts

TODAY = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""

YAML = """
server: {port: 8080}
model:
  load-balance: {type: least-connections}
  services:
    chat:
      load-balance: {type: round-robin}
      instances:
        - name: gpt-4
          base-url: https://api.openai.com
          path: /v1/chat/completions
          weight: 2
          headers: {Authorization: "Bearer ${OPENAI_API_KEY}"}
        - {name: llama, base-url: "http://ollama:11434", headers: {X-Key: plain-secret}}
    embedding:
      instances: [{name: e5, base-url: "http://localhost:9000"}]
"""
ENVIRON = {"OPENAI_API_KEY": "resolved-secret", "SECURITY_CHANGES_VARIABLES": "OPENAI_API_KEY"}


@implementer(IConfiguration)
class InMemory:
    """The configuration in force, without files, store or checks of what cannot be known from the text.

    Attributes:
        made: The told and the undo rule of each version.
        reloads: The causes of reloads.
    """

    def __init__(self, text: str = YAML, environ: Mapping[str, str] | None = None) -> None:
        self._environ = ENVIRON if environ is None else environ
        self._sources = read([Text("a.yml", text.encode())], (), self._environ)
        self.loaded: Loaded = build(self._sources, self._environ)
        self.changes: Changes = {}
        self.version = 0
        self.standing = Standing(TODAY, "start")
        self.store: Any = None
        self.made: list[tuple[Told, UndoRule | None]] = []
        self.reloads: list[str] = []
        self.in_force: Callable[[Loaded], None] = lambda loaded: None

    def change(
        self, edit: Edit, told: Told, parent: int | None = None, undo: UndoRule | None = None
    ) -> Deferred[Changed]:
        if parent is not None and parent != self.version:
            return fail(VersionConflict(f"version {parent} is not the current one"))
        try:
            changes = edit(self.loaded, self.changes)
            loaded = build(self._sources, self._environ, Stored(self.version + 1, changes))
        except ConfigurationFaults as faults:
            return fail(InvalidConfiguration(str(faults), faults.faults))
        except Refusal as refusal:
            return fail(refusal)
        if changes == self.changes:
            return succeed(Changed(self.version, self.loaded, changed=False))
        self.loaded, self.changes, self.version = loaded, changes, self.version + 1
        self.made.append((told, undo))
        self.in_force(loaded)
        return succeed(Changed(self.version, loaded, changed=True, notices=loaded.notices))

    def apply(
        self, number: int, told: Told, parent: int | None = None, undo: UndoRule | None = None
    ) -> Deferred[Changed]:
        raise NotImplementedError

    def reload(self, cause: str) -> Deferred[Changed]:
        self.reloads.append(cause)
        return succeed(Changed(self.version, self.loaded, changed=False))

    def plan(self, edit: Edit | None, number: int | None = None) -> Deferred[Plan]:
        raise NotImplementedError

    def at(self, number: int) -> Deferred[Loaded]:
        raise NotImplementedError


@dataclass
class NoTraffic:
    """Nobody asks for anything."""

    services: Services = field(default_factory=dict)
    limits: Any = None
    lives: Mapping[Identity, Live] = field(default_factory=dict)


class Asking(SynchronousTestCase):
    """Asks endpoints over a configuration in memory, and checks that each says what it promises to."""

    text = YAML

    def endpoints(self, parts: Parts) -> Iterable[Endpoint]:
        """Those that are tested."""
        raise NotImplementedError

    def setUp(self) -> None:
        self.configuration = InMemory(self.text)
        self.clock = Clock()
        self.traffic: Any = NoTraffic()
        self.prober = Prober(self.clock, Random(0), lambda settings: self.fail("nothing is to be checked"))
        self.setUpEndpoints()

    def setUpEndpoints(self) -> None:
        """Make the endpoints, of the configuration that there is now."""
        self.parts = self.make_parts()
        self._endpoints = {each.name: each for each in self.endpoints(self.parts)}

    def make_parts(self) -> Parts:
        """What the endpoints work on."""
        return Parts(
            self.configuration,
            lambda: self.traffic,
            self.prober,
            None,
            self.clock.seconds,
            lambda: TODAY + self.clock.seconds(),
        )

    def ask(self, name: str, *path: str, body: Any = None, parent: int | None = None, **query: Any) -> Reply:
        """The reply of an endpoint.

        Args:
            name: Of the endpoint.
            path: The parts of the path that are parameters.
            body: As JSON values.
            parent: The version that was seen.
            query: What the query says.
        """
        endpoint = self._endpoints[name]
        reply: Reply = self.successResultOf(self._answer(endpoint, path, body, parent, query))
        self.assertEqual([], list(map(str, check(reply.data, endpoint.data))))
        self.assertEqual(endpoint.status, reply.status)
        return reply

    def refusal(
        self, name: str, *path: str, body: Any = None, parent: int | None = None, **query: Any
    ) -> Refusal:
        """How an endpoint refuses."""
        endpoint = self._endpoints[name]
        before = self.configuration.version, self.configuration.changes
        failure = self.failureResultOf(self._answer(endpoint, path, body, parent, query), Refusal)
        refusal: Refusal = failure.value
        self.assertIn(refusal.code, ("INVALID_REQUEST", *endpoint.refusals))
        self.assertEqual(before, (self.configuration.version, self.configuration.changes))
        return refusal

    def _answer(
        self, endpoint: Endpoint, path: tuple[str, ...], body: Any, parent: int | None, query: dict[str, Any]
    ) -> Deferred[Reply]:
        known = {each.name: each.default for each in endpoint.in_query}
        self.assertLessEqual(set(query), set(known))
        if body is not None:
            assert endpoint.body is not None
            self.assertEqual([], list(map(str, check(body, endpoint.body))))
        names = [each.name for each in endpoint.in_path]
        call = Call(dict(zip(names, path, strict=True)), {**known, **query}, body, parent, "tester")

        async def answering() -> Reply:
            reply = endpoint.answer(call)
            return made(reply if isinstance(reply, Reply) else await reply)

        return ensureDeferred(answering())
