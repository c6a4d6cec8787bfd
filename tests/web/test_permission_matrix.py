"""Every route, asked by every kind of caller: who is let in, who has to say who they are, who may not.

What is expected is the table in docs/security.md, which is what operators give permissions by.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from jairouter.assembly import assemble
from jairouter.auth.acting import By
from jairouter.auth.permissions import ALL, SERVICES, granted, granted_to_roles
from jairouter.config.files import Text
from jairouter.control_plane import ControlPlane
from jairouter.reloading.reading import Reading
from jairouter.route_page import split
from jairouter.web.management.endpoint import KNOWN, PUBLIC
from jairouter.web.resources import Page
from jairouter.web.root import put
from jairouter.web.route_table import ANY_MODEL, Line, in_markdown, of_markdown, route_table
from tests.fakes import Client, Network

BEGAN: Final = 1_767_225_600.0
"""2026-01-01T00:00:00Z."""
PAGE: Final = Path(__file__).parents[2] / "docs" / "security.md"
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")
SINGLE: Final = sorted(
    each for each in ALL if each.endswith(":read") or each.startswith(("config:", "security:", "monitoring:"))
)
"""Of each of these there is a key that has it, and what it implies, and nothing more."""

CONFIGURATION: Final = """
server: {address: 127.0.0.1, port: 8080}
store: {type: memory}
config: {reload: {watch: false}}
logging: {access: {enabled: false}}
management: {endpoints: {web: {exposure: {include: "*"}}}}
model: {services: {chat: {instances: [{name: m, base-url: "http://10.0.0.1:9000"}]}}}
security:
  jwt:
    enabled: true
    secret: qL9v2RkX8sWz4TnB7mHc3YdF6gJp1ZtA5eUo0iKx
    accounts:
      - {username: anna, password: "HASH", roles: [USER]}
      - {username: root, password: "HASH", roles: [ADMIN]}
  api-key:
    enabled: true
    keys:
      - {name: off, value: sk-off-1, permissions: [admin], enabled: false}
      - {name: old, value: sk-old-1, permissions: [admin], expires-at: "2025-12-31T00:00:00Z"}
      - {name: elsewhere, value: sk-elsewhere-1, permissions: [admin], allow-from: [192.0.2.0/24]}
      - {name: nothing, value: sk-nothing-1, permissions: []}
""".replace("HASH", "$2b$10$1KzSulG.oHZuHtCWpiS9L.wnAzUHgxPfjm8/.9KH.IJ1/mRD6c4kG")


def _key(permission: str) -> str:
    return "sk-" + permission.replace(":", "-") + "-1"


class Rig:
    """A gateway with security on, in memory, and a connection to it that stays."""

    def __init__(self) -> None:
        keys = "".join(
            f'      - {{name: "{each.replace(":", "-")}", value: {_key(each)}, permissions: ["{each}"]}}\n'
            for each in SINGLE
        )
        self.network = network = Network()
        network.advance(BEGAN)
        thread = network.run_in_thread
        text = Text("a.yml", (CONFIGURATION + keys).encode())
        reading = Reading([text], (), {}, network.seconds)
        beginning = reading.begin()
        loaded = beginning.loaded
        self.gateway = assemble(
            loaded.settings, network, random.Random(0), thread, signing=getattr(loaded, "signing", None)
        )
        self.plane = ControlPlane(self.gateway, reading, beginning, network, thread, network.seconds)
        self.gateway.listener.open()
        self.client: Client | None = None

    def close(self) -> None:
        """Stop the gateway."""
        self.gateway.close()

    def token(self, user: str, role: str) -> str:
        """A token of a new login."""
        assert self.gateway.security.tokens is not None
        issued: list[str] = []
        given = self.gateway.security.tokens.issue(user, [role], By(user, "127.0.0.1"))
        given.addCallback(lambda made: issued.append(made.access))
        return issued[0]

    def ask(self, method: str, path: str, fields: str = "") -> int:
        """The status of the answer to a request without a body."""
        if self.client is None or self.client.closed:
            self.client = self.network.connect("127.0.0.1", 8080)
        client, head = self.client, f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
        client.received.clear()
        client.send(f"{head}{fields}\r\n".encode())
        self.network.run()
        return _status(client.received)


def _status(received: bytes | bytearray) -> int:
    return int(received.split(b" ", 2)[1])


class Kind(NamedTuple):
    """A kind of caller.

    Attributes:
        fields: What it sends to say who it is.
        permissions: What it may; None if nobody knows it.
        refused: Whether it is known, and may not call from there.
    """

    fields: str
    permissions: frozenset[str] | None = None
    refused: bool = False


def _bearer(token: str) -> str:
    return f"Authorization: Bearer {token}\r\n"


def kinds(rig: Rig) -> Iterator[tuple[str, Kind]]:
    """Every kind of caller, by name; tokens are new, since one route revokes them."""
    yield "nobody", Kind("")
    yield "with a password", Kind("Authorization: Basic cm9vdDpyb290\r\n")
    for name in ("bad", "off", "old"):
        yield f"key {name}", Kind(f"X-API-Key: sk-{name}-1\r\n")
    yield "key elsewhere", Kind("X-API-Key: sk-elsewhere-1\r\n", ALL, refused=True)
    yield "key nothing", Kind("X-API-Key: sk-nothing-1\r\n", frozenset())
    yield "token bad", Kind(_bearer("a.b.c"))
    yield "token expired", Kind(_bearer(expired(rig)))
    yield "token revoked", Kind(_bearer(revoked(rig)))
    yield "USER", Kind(_bearer(rig.token("anna", "USER")), granted_to_roles(["USER"]))
    yield "ADMIN", Kind(f"Jairouter_Token: {rig.token('root', 'ADMIN')}\r\n", ALL)
    for each in SINGLE:
        yield f"key {each}", Kind(f"X-API-Key: {_key(each)}\r\n", granted([each]))


def expired(rig: Rig) -> str:
    """A token that was valid once."""
    return _spoilt(rig)[0]


def revoked(rig: Rig) -> str:
    """A token that is revoked."""
    return _spoilt(rig)[1]


@cache
def _spoilt(rig: Rig) -> tuple[str, str]:
    old = rig.token("root", "ADMIN")
    rig.network.advance(2 * 3600)
    rig.network.run()
    gone = rig.token("root", "ADMIN")
    assert rig.ask("POST", "/api/auth/jwt/logout", _bearer(gone)) == 200
    return old, gone


def expected(needs: str, kind: Kind) -> int | None:
    """What a caller is answered, where somebody needs that: 401, 403, or something else (None)."""
    if needs == PUBLIC:
        return None
    if kind.permissions is None:
        return 401
    if kind.refused:
        return 403
    if needs == KNOWN:
        return None
    wanted = {f"{each}:read" for each in SERVICES} if needs == ANY_MODEL else {needs}
    return None if wanted & kind.permissions else 403


def documented() -> tuple[Line, ...]:
    """The table that operators read."""
    return of_markdown(split(PAGE.read_text("utf-8"))[1])


def _at(path: str) -> str:
    """An address at which there is what the path says."""
    for name, value in (("{serviceType}", "chat"), ("{version}", "1"), ("{first}", "1"), ("{second}", "1")):
        path = path.replace(name, value)
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + "not-there" + rest.partition("}")[2]
    return path


class MatrixTests(SynchronousTestCase):
    """Every route x every kind of caller."""

    def setUp(self) -> None:
        self.rig = Rig()
        self.addCleanup(self.rig.close)

    def check(self, method: str, path: str, needs: str) -> list[str]:
        """Ask as everybody; what was answered otherwise than it has to be."""
        wrong = []
        for name, kind in kinds(self.rig):
            status, wanted = self.rig.ask(method, _at(path), kind.fields), expected(needs, kind)
            if status != wanted if wanted else status in {401, 403}:
                wrong.append(f"{method} {path} of {name}: {status} instead of {wanted}")
        return wrong

    def test_every_route(self) -> None:
        """As the documentation says it."""
        wrong = [each for line in documented() for each in self.check(*line)]
        self.assertEqual(wrong, [])

    def test_the_head_of_what_can_be_had(self) -> None:
        """It needs what GET needs."""
        gets = [
            line for line in documented() if line.method == "GET" and line.path.startswith(("/api/", "/v1"))
        ]
        few = {line.permission: line for line in gets}.values()
        self.assertGreater(len(few), 3)
        wrong = [each for line in few for each in self.check("HEAD", line.path, line.permission)]
        self.assertEqual(wrong, [])

    def test_nobody_learns_which_endpoints_there_are(self) -> None:
        """A method or a path below ``/api`` that there is not, needs somebody who is known."""
        there = {(line.method, line.path) for line in documented()}
        paths = ("/api/config", "/api/auth/api-keys", "/api/auth/jwt/login", "/api/security/audit/logs")
        asked = [(method, path) for path in paths for method in METHODS if (method, path) not in there]
        asked = [each for each in asked if each[0] != "HEAD" or ("GET", each[1]) not in there]
        asked += [
            (method, path)
            for path in ("/api", "/api/", "/api/nothing", "/api/config/")
            for method in ("PUT",)
        ]
        wrong = [each for method, path in asked for each in self.check(method, path, KNOWN)]
        self.assertEqual(wrong, [])

    def test_other_spellings_of_a_path(self) -> None:
        """None of them leads round the check."""
        spellings = ("/api/config/", "/api/%63onfig", "/%61pi/config", "/api/config?x=1", "/api/config#x")
        for path in (*spellings, "//api/config", "/api//config", "/v1/../api/config", "/API/config"):
            self.assertIn(self.rig.ask("GET", path), {400, 401, 404}, path)

    def test_models_are_used_by_post_alone(self) -> None:
        """Other methods are told so, whoever sends them; nothing is used, and there is nothing to learn."""
        for method in METHODS:
            status = self.rig.ask(method, "/v1/chat/completions")
            self.assertEqual(status, {"POST": 401, "OPTIONS": 204}.get(method, 405), method)

    def test_all_that_is_served_is_documented(self) -> None:
        """And the other way round; `make docs` writes the table."""
        self.assertEqual(documented(), route_table(self.rig.gateway.tree))

    def test_what_nobody_has_said_anything_of(self) -> None:
        """A page that is put into the tree, and a resource of another kind."""
        for other in (Page(), Resource()):
            put(self.rig.gateway.tree, "/v1/other", other)
            error = self.assertRaises(ValueError, route_table, self.rig.gateway.tree)
            self.assertEqual(str(error), "nobody has said who may ask for /v1/other")


class TableTests(SynchronousTestCase):
    """`in_markdown` and `of_markdown`."""

    def test_there_and_back(self) -> None:
        needs = ("config:read", PUBLIC, KNOWN, ANY_MODEL)
        lines = tuple(Line("GET", f"/{index}/{{name}}", each) for index, each in enumerate(needs))
        self.assertEqual(of_markdown(in_markdown(lines)), lines)
