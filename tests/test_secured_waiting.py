"""A whole gateway whose callers' tokens are checked with keys that it has to fetch first."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.auth.jws import encode
from tests.fakes import Client
from tests.test_secured import ask
from tests.world import CONFIGURATION, ScriptedBackend, World

KEYS = ("127.0.0.1", 8077)
SECURITY = f"""
security:
  api-key:
    enabled: true
    keys: [{{name: front, value: front-key-0123456789, permissions: ["chat:read"]}}]
  jwt: {{enabled: true, algorithm: RS256, jwks-url: "http://{KEYS[0]}:{KEYS[1]}/keys", issuer: somebody}}
"""
HEAD, CLAIMS = b'{"alg":"RS256","kid":"k1"}', b'{"iss":"somebody","sub":"bob","exp":4000000000}'
TOKEN = b".".join(map(encode, (HEAD, CLAIMS, b"s" * 256))).decode()
SHOWN = {"Authorization": f"Bearer {TOKEN}"}
PLACES = (("/v1/chat/completions", "POST"), ("/v1/models", "GET"), ("/v1/models/m", "HEAD"))


class WaitingTests(SynchronousTestCase):
    """While the keys are being fetched."""

    def setUp(self) -> None:
        self.world = World(CONFIGURATION + SECURITY)
        self.publisher = ScriptedBackend()
        self.world.network.listenTCP(KEYS[1], self.publisher, interface=KEYS[0])

    def tearDown(self) -> None:
        self.assertTrue(self.world.at_rest, self.world.gateway.ledger.outstanding())
        self.assertEqual(self.world.close(), [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def ask(self, path: str, method: str, **headers: str) -> Client:
        client = self.world.client()
        client.send(ask(path, method, **headers))
        self.world.run()
        return client

    def status(self, client: Client) -> int:
        """What was answered; 0 as long as nothing was."""
        words = bytes(client.received).split(b" ", 2)
        return int(words[1]) if len(words) > 2 else 0

    def test_all_wait_for_one_answer(self) -> None:
        clients = [self.ask(*place, **SHOWN) for place in PLACES]
        self.assertEqual([self.status(each) for each in clients], [0] * 3)
        self.assertEqual(len(self.publisher.connections), 1)
        self.publisher.last.answer(b"{}")
        self.world.run()
        self.assertEqual([self.status(each) for each in clients], [503] * 3)
        self.assertEqual(self.world.backend.connections, [])

    def test_clients_leave(self) -> None:
        """Those who stay are answered; of the others nothing is left, and nothing is logged as a failure."""
        clients = [self.ask(*place, **SHOWN) for place in PLACES]
        stays = self.ask(*PLACES[1], **SHOWN)
        for each in clients:
            each.leave()
        self.world.run()
        self.assertTrue(self.world.at_rest)
        self.publisher.last.answer(b"{}")
        self.world.run()
        self.assertEqual(self.status(stays), 503)

    def test_nobody_answers(self) -> None:
        clients = [self.ask(*place, **SHOWN) for place in PLACES]
        self.world.run(6)
        self.assertEqual([self.status(each) for each in clients], [503] * 3)

    def test_a_key_counts_meanwhile(self) -> None:
        """The token beside it is kept from the backend, since it may be good here; afterwards, too."""
        for number in range(2):
            client = self.ask(*PLACES[0], X_API_Key="front-key-0123456789", **SHOWN)
            backend = self.world.backend.last
            self.assertNotIn(TOKEN.encode(), backend.received)
            backend.answer(b"{}")
            self.world.run(6 * number)
            self.assertEqual(self.status(client), 200)
            self.world.run(6)
