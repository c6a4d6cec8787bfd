"""Cross-origin resource sharing through a whole gateway: preflights, answers, the management API."""

from __future__ import annotations

from jairouter.routes import PREFIXES, ROUTES
from tests.config.reading import read
from tests.fakes import Client
from tests.web.whole import ASK, CHAT, WholeCase, fields

ADMIN = "https://admin.example.com"
EVIL = "https://admin.example.com.evil.com"
GUIDE = """
security:
  validation:
    cors:
      allowed-origins: ["https://admin.example.com"]
      allowed-methods: [GET, POST, PUT, DELETE]
      allowed-headers: [Content-Type, Authorization, X-API-Key]
      allow-credentials: true
"""

FORMATS = "Accept, Accept-Encoding"
"""What the page that Prometheus reads varies by, besides."""


class Case(WholeCase):
    """With what the production guide prints."""

    more = ""

    def setUp(self) -> None:
        self.start(GUIDE + self.more)

    def preflight(self, path: str, origin: str = ADMIN, **more: str) -> Client:
        return self.send("OPTIONS", path, b"", Origin=origin, Access_Control_Request_Method="PUT", **more)

    def assert_told(self, client: Client, status: int, origin: str | None = ADMIN) -> None:
        """An answer of this status, which this origin may read, and caches know that."""
        self.assertEqual(int(client.received[9:12]), status, client.received)
        told = [pair for pair in fields(client) if pair[0].startswith("access-control-allow")]
        named = [("access-control-allow-origin", origin), ("access-control-allow-credentials", "true")]
        self.assertEqual(told, named if origin else [])
        varies = [value for name, value in fields(client) if name == "vary"]
        self.assertEqual([value for value in varies if value != FORMATS], ["Origin"])


class PreflightTests(Case):
    """What browsers ask first."""

    more = "management: {api: {allow-from: []}}"

    def test_everywhere(self) -> None:
        """Whoever may not use the management API may ask: a browser cannot say who it is before."""
        paths = [prefix + route.suffix for prefix in PREFIXES for route in ROUTES]
        paths += ["/v1/models", "/api/v1/models", "/v1/models/a/b", "/health", "/actuator/health"]
        paths += [
            "/actuator/health/readiness",
            "/actuator/info",
            "/actuator/prometheus",
            "/api/config/version",
        ]
        paths += ["/api/models", "/api/config/instance/add/chat", "/v3/api-docs", "/swagger-ui"]
        for path in paths:
            client = self.preflight(path)
            self.assertTrue(client.received.startswith(b"HTTP/1.1 204 "), (path, client.received))
            told = dict(fields(client))
            self.assertEqual(told["access-control-allow-origin"], ADMIN, path)
            self.assertEqual(told["access-control-allow-credentials"], "true")
            self.assertEqual(told["access-control-allow-methods"], "GET, POST, PUT, DELETE")
            self.assertEqual(told["access-control-allow-headers"], "Content-Type, Authorization, X-API-Key")
            self.assertEqual(told["access-control-max-age"], "1800")
            varies = [value for name, value in fields(client) if name == "vary"]
            self.assertEqual(
                varies, ["Origin, Access-Control-Request-Method, Access-Control-Request-Headers"], path
            )

    def test_nowhere(self) -> None:
        for path in ("/", "/v1", "/v1/nothing", "/actuator/nothing", "/api/v1/nothing"):
            self.assert_told(self.preflight(path), 404)

    def test_foreign_origin(self) -> None:
        """403, as the Fetch standard encourages, and not a word about what others may do."""
        for path in (CHAT, "/v1/models", "/api/models", "/actuator/health"):
            for origin in (EVIL, "null", "http://admin.example.com", ""):
                client = self.preflight(path, origin or " ")
                self.assertEqual(int(client.received[9:12]), 403, (path, origin))
                self.assertEqual([name for name, _ in fields(client) if name.startswith("access-")], [])

    def test_two_origins(self) -> None:
        client = self.network.connect("127.0.0.1", 8080)
        client.send(
            f"OPTIONS {CHAT} HTTP/1.1\r\nHost: x\r\nOrigin: {ADMIN}\r\nOrigin: {EVIL}\r\n"
            "Access-Control-Request-Method: POST\r\n\r\n".encode()
        )
        self.network.run()
        self.assertEqual(int(client.received[9:12]), 403)

    def test_options_that_is_none(self) -> None:
        """As without."""
        for more in ({}, {"Origin": ADMIN}, {"Access_Control_Request_Method": "POST"}):
            answer = self.ask("OPTIONS", CHAT, b"", **more)
            self.assertEqual((answer.status, answer.headers["allow"]), (204, "POST"), more)
            self.assertNotIn("access-control-allow-methods", answer.headers)

    def test_another_request_behind_it(self) -> None:
        client = self.preflight(CHAT)
        client.send(b"GET /actuator/health HTTP/1.1\r\nHost: x\r\n\r\n")
        self.network.run()
        self.assertEqual(client.received.count(b"HTTP/1.1 20"), 2)

    def test_counted_by_path(self) -> None:
        self.preflight(CHAT)
        self.preflight("/api/models")
        page = self.ask("GET", "/actuator/prometheus").body.decode()
        counted = [line for line in page.splitlines() if "OPTIONS" in line and "_count" in line]
        self.assertTrue(any(CHAT in line for line in counted), counted)
        self.assertTrue(any("/api/models" in line for line in counted), counted)


class AnswerTests(Case):
    """Pages may read every answer, errors too."""

    more = """
webclient: {max-in-memory-size: 100, connection-timeout: 5s}
streaming: {keep-alive-before-first-event: 2s}
model:
  services: {stt: {rate-limit: {enabled: true, algorithm: token-bucket, capacity: 1, rate: 1}}}
"""

    def chat(self, body: bytes = ASK, **more: str) -> Client:
        return self.send("POST", CHAT, body, Origin=ADMIN, **more)

    def test_answer(self) -> None:
        client = self.chat()
        self.backend.last.answer(b"{}")
        self.network.run()
        self.assert_told(client, 200)
        self.assertIn("X-Jairouter-Instance", dict(fields(client))["access-control-expose-headers"])

    def test_errors(self) -> None:
        self.assert_told(self.chat(b"{"), 400)
        self.assert_told(self.chat(b'{"model": "x"}'), 404)
        self.assert_told(self.chat(ASK + b" " * 100), 413)
        self.assert_told(self.chat(Content_Type="text/plain"), 415)
        self.assert_told(self.send("GET", CHAT, Origin=ADMIN), 405)
        self.assert_told(self.send("GET", "/v1/nothing", Origin=ADMIN), 404)
        self.assert_told(self.send("GET", "/nothing", Origin=ADMIN), 404)
        self.assert_told(self.send("GET", "/api/nothing", Origin=ADMIN), 404)
        self.assert_told(self.send("CONNECT", "a.test:443", Origin=ADMIN), 405)
        self.assert_told(self.chat(Content_Encoding="gzip"), 415)

    def test_limited(self) -> None:
        body = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nw\r\n--b--\r\n'
        for _ in range(2):
            client = self.send(
                "POST",
                "/v1/audio/transcriptions",
                body,
                Origin=ADMIN,
                Content_Type="multipart/form-data; boundary=b",
            )
        self.assert_told(client, 429)
        self.assertIn("Retry-After", dict(fields(client))["access-control-expose-headers"])

    def test_backend_that_fails(self) -> None:
        client = self.chat()
        self.backend.last.answer(b"oops", status="500 Oops", content_type="text/html")
        self.network.run()
        self.assert_told(client, 500)

    def test_stream(self) -> None:
        client = self.chat(b'{"model": "m", "stream": true}')
        self.backend.last.begin_stream()
        self.backend.last.chunk(b"data: 1\n\n")
        self.network.run()
        self.assert_told(client, 200)

    def test_stream_that_was_begun_without_an_answer(self) -> None:
        client = self.chat(b'{"model": "m", "stream": true}')
        self.network.run(3)
        self.assertIn(b": keep-alive", client.received)
        self.assert_told(client, 200)

    def test_pages(self) -> None:
        for path in ("/v1/models", "/actuator/health", "/actuator/prometheus", "/api/models", "/v3/api-docs"):
            self.assert_told(self.send("GET", path, Origin=ADMIN), 200)

    def test_foreign_origin(self) -> None:
        """Answered as without: the browser keeps it from the page."""
        client = self.send("POST", CHAT, ASK, Origin=EVIL)
        self.backend.last.answer(b"{}")
        self.network.run()
        self.assert_told(client, 200, None)
        self.assert_told(self.send("GET", "/v1/models", Origin=EVIL), 200, None)

    def test_no_origin(self) -> None:
        """A cache must not give it to a page."""
        self.assert_told(self.send("GET", "/v1/models"), 200, None)
        self.assert_told(self.send("POST", CHAT, b"{"), 400, None)


class BackendTests(WholeCase):
    """What backends say about it themselves, as most do."""

    THEIRS = "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: x-theirs\r\nVary: Accept\r\n"

    def answered(self, more: str) -> list[tuple[str, str]]:
        """Head of an answer of a backend that says something."""
        self.start(more)
        client = self.send("POST", CHAT, ASK, Origin=ADMIN, Referer=f"{ADMIN}/x")
        self.backend.last.say(f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n{self.THEIRS}\r\n{{}}".encode())
        self.network.run()
        return [pair for pair in fields(client) if pair[0].startswith(("access-control", "vary"))]

    def test_dropped(self) -> None:
        told = self.answered(GUIDE)
        self.assertEqual(
            [pair for pair in told if "expose" not in pair[0]],
            [
                ("access-control-allow-origin", ADMIN),
                ("access-control-allow-credentials", "true"),
                ("vary", "Origin"),
                ("vary", "Accept"),
            ],
        )
        self.assertNotIn("x-theirs", str(told))
        self.assertEqual(len(told), 5)

    def test_passed_on_where_it_is_not_configured(self) -> None:
        self.assertEqual(
            self.answered(""),
            [
                ("access-control-allow-origin", "*"),
                ("access-control-expose-headers", "x-theirs"),
                ("vary", "Accept"),
            ],
        )

    def test_are_not_told_of_the_page(self) -> None:
        """Ollama, for one, refuses pages that it does not know."""
        self.answered(GUIDE)
        self.assertNotIn(b"admin.example", self.backend.last.received)

    def test_are_told_where_it_is_not_configured(self) -> None:
        self.answered("")
        self.assertIn(b"Origin: " + ADMIN.encode(), self.backend.last.received)


class ReloadTests(WholeCase):
    """Other settings."""

    def test_next_request(self) -> None:
        self.start()
        before = self.send("POST", CHAT, ASK, Origin=ADMIN)
        backend = self.backend.last
        self.reload(GUIDE)
        after = self.send("GET", "/v1/models", Origin=ADMIN)
        self.assertIn(("access-control-allow-origin", ADMIN), fields(after))
        backend.say(f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{BackendTests.THEIRS}\r\n".encode())
        self.network.run()
        self.assertIn(("access-control-allow-origin", "*"), fields(before))  # not said twice
        self.assertNotIn(("access-control-allow-origin", ADMIN), fields(before))
        self.reload("")
        self.assertNotIn("vary", dict(fields(self.send("GET", "/v1/models", Origin=ADMIN))))

    def reload(self, more: str) -> None:
        model = "\nmodel: {services: {chat: {instances: [{name: m, base-url: 'http://10.0.0.1:9000'}]}}}"
        self.gateway.reload(read(more + model).settings)


class ManagementTests(WholeCase):
    """Which pages may use the management API; here nobody has to say who it is."""

    def post(self, origin: str, **more: str) -> str:
        body = b'{"name": "n", "baseUrl": "http://10.0.0.2"}'
        path = "/api/config/instance/add/chat"
        given = {"Sec_Fetch_Site": "cross-site", "Origin": origin, **more}
        said = self.json("POST", path, body, **given)
        return "OK" if said["success"] else str(said["errorCode"])

    def test_allowed(self) -> None:
        self.start(GUIDE)
        self.assertEqual(self.post(ADMIN), "OK")

    def test_foreign(self) -> None:
        self.start(GUIDE)
        for origin in (EVIL, "null", "https://example.com", ADMIN + ":8443", "*", ""):
            self.assertEqual(self.post(origin), "FORBIDDEN", origin)

    def test_names_of_this_machine_are_still_needed(self) -> None:
        """DNS rebinding: what matters is who sends it to whom, whatever else is allowed."""
        self.start(GUIDE)
        self.assertEqual(self.post(ADMIN, Host="evil.example"), "FORBIDDEN")

    def test_anybody_is_nobody(self) -> None:
        self.start("security: {validation: {cors: {allowed-origins: ['*', 'null']}}}")
        for origin in (EVIL, "null", ADMIN):
            self.assertEqual(self.post(origin), "FORBIDDEN", origin)
            self.assertEqual(self.ask("GET", "/api/models", Origin=origin).status, 403)
            self.assertEqual(self.ask("GET", "/v1/models", Origin=origin).status, 200)

    def test_same_origin(self) -> None:
        """As the page of the API itself is."""
        self.start(GUIDE)
        self.assertEqual(self.post("http://localhost:8080", Sec_Fetch_Site="same-origin"), "OK")
