"""Tokens with files, threads and connections as they are."""

from __future__ import annotations

import os
import time
from collections.abc import Coroutine
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from jairouter.auditing import NoAudit
from jairouter.auth.acting import By
from jairouter.auth.algorithms import Signer, private_signer
from jairouter.auth.jwks import PublishedKeys
from jairouter.auth.key_fetch import fetch_keys
from jairouter.auth.permissions import granted_to_roles
from jairouter.auth.tokens import Tokens
from jairouter.caller import Caller
from jairouter.errors import Reason, Unauthenticated
from jairouter.store.document import Documents
from jairouter.timers import TimerWheel
from jairouter.upstream.endpoints import Dialing
from jairouter.upstream.names import Names
from tests.auth.published_rig import ISSUER, RS, jwk, key_set
from tests.auth.tokens_rig import TODAY, rsa_key, signing_of

reactor: Any = the_reactor  # a module, by what Twisted says of it
PERMISSIONS = granted_to_roles(["USER"])


class _Page(Resource):
    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.content = key_set(jwk(RS))
        self.times = 0

    def render_GET(self, request: Any) -> bytes:
        self.times += 1
        return self.content


def _run(working: Coroutine[Deferred[Any], Any, None]) -> Deferred[None]:
    return Deferred.fromCoroutine(working)


class TokensTests(TestCase):
    """On a disk, in threads, over the loopback interface."""

    def setUp(self) -> None:
        self.store = Path(self.mktemp())
        self.now = TODAY
        self.seeds = count()

    def make(self, **given: Any) -> Tokens:
        """A gateway."""
        document = Documents(self.store, deferToThread, sleep=time.sleep).open("tokens")
        wheel = TimerWheel(reactor)
        dialing = Dialing(reactor, wheel, Names(lambda: reactor.nameResolver, wheel))

        def publish(elsewhere: Any, changed: Any) -> PublishedKeys:
            return PublishedKeys(
                elsewhere, lambda url, tls: fetch_keys(dialing, url, tls), lambda: self.now, changed
            )

        return Tokens(
            signing_of(**given),
            document,
            lambda: self.now,
            Random(next(self.seeds)),
            NoAudit(),
            lambda user: PERMISSIONS,
            None,
            publish,
        )

    def test_life(self) -> Deferred[None]:
        """From login to logout, across restarts; the file is for nobody else, and holds no token."""

        async def life() -> None:
            first = await self.make().issue("alice", ["USER"], "192.0.2.7")
            second = await self.make().refresh(first.refresh.encode())
            tokens = self.make()
            caller = tokens.authenticate(second.access.encode())
            assert isinstance(caller, Caller)
            await tokens.logout(await tokens.examine(second.access.encode()), By())
            for gateway in (tokens, self.make()):
                for token in (first.access, second.access):
                    with self.assertRaises(Unauthenticated) as raised:
                        gateway.authenticate(token.encode())
                    self.assertIs(raised.exception.reason, Reason.REVOKED_TOKEN)
            file = self.store / "security" / "tokens.json"
            self.assertEqual(os.stat(file).st_mode & 0o077, 0)
            text = file.read_text()
            for token in (first.access, first.refresh, second.access, second.refresh):
                for part in token.split(".")[1:]:
                    self.assertNotIn(part, text)

        return _run(life())

    def test_two_gateways(self) -> Deferred[None]:
        """Both renew the same login at once: one of them only, and then nobody."""

        async def race() -> None:
            issued = await self.make().issue("alice", ["USER"], "")
            gateways = [self.make(), self.make()]
            renewing = [each.refresh(issued.refresh.encode()) for each in gateways]
            results = await gatherResults(
                [each.addErrback(lambda failure: failure.value) for each in renewing]
            )
            lost = [each for each in results if isinstance(each, Unauthenticated)]
            self.assertEqual(len(lost), 1)
            with self.assertRaises(Unauthenticated):
                self.make().authenticate(issued.access.encode())

        return _run(race())

    def test_disk_that_cannot_be_written(self) -> Deferred[None]:
        """What is revoked is revoked, and it is said that it was not kept."""

        async def full() -> None:
            tokens = self.make()
            issued = await tokens.issue("alice", ["USER"], "")
            bearer = await tokens.examine(issued.access.encode())
            directory = self.store / "security"
            directory.rename(self.store / "away")
            directory.write_text("in the way")
            with self.assertRaisesRegex(Exception, "cannot be"):
                await tokens.logout(bearer, By())
            with self.assertRaises(Unauthenticated):
                tokens.authenticate(issued.access.encode())
            directory.unlink()
            (self.store / "away").rename(directory)
            await tokens.issue("root", ["USER"], "")
            with self.assertRaises(Unauthenticated):
                self.make().authenticate(issued.access.encode())

        return _run(full())

    def test_published_keys(self) -> Deferred[None]:
        """Fetched, shared, and fetched again when there is a new one."""
        page = _Page()
        port = reactor.listenTCP(0, Site(page), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        url = f"http://127.0.0.1:{port.getHost().port}/keys"
        tokens = self.make(jwks_url=url, jwks_issuer=ISSUER, audience=["gateway"])

        def token(kid: str, key: Any) -> bytes:
            sign = private_signer(key, "RS256")[0].sign
            said = {"iss": ISSUER, "sub": "bob", "aud": "gateway", "exp": self.now + 60, "roles": ["USER"]}
            return Signer(kid, "RS256", sign).token(said)

        async def fetching() -> None:
            waiting = [tokens.authenticate(token("k1", RS)) for _ in range(3)]
            for each in waiting:
                assert isinstance(each, Deferred)
                self.assertEqual((await each).permissions, PERMISSIONS)
            self.assertEqual(page.times, 1)
            self.assertIsInstance(tokens.authenticate(token("k1", RS)), Caller)
            page.content = key_set(jwk(RS), jwk(rsa_key(number=1), "k2"))
            self.now += 30
            rotated = tokens.authenticate(token("k2", rsa_key(number=1)))
            assert isinstance(rotated, Deferred)
            self.assertEqual((await rotated).name, f"bob@{ISSUER}")
            self.assertEqual(page.times, 2)

        return _run(fetching())
