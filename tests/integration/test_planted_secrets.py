"""Secrets that cannot be mistaken for anything else, put wherever there are any, and looked for."""

from __future__ import annotations

import json
import re
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import bcrypt
from twisted.trial.unittest import SynchronousTestCase

from tests.integration.processes import Gateway, Server, configuration, simulator, wait_until
from tests.integration.secure import SecureGateway, certificate
from tests.upstream.authority import root, write

ADMIN, SMALL, ASKING = "sk-PLANTEDadmin0aB3dE5gH7jK9mN1pQ", "sk-PLANTEDsmall2sT4vW6yZ8bC0dF3hJ", "frontend"
GIVEN = "sk-PLANTEDgiven5kL7nP9rS1uV3xY5aC"
WRONG = "sk-PLANTEDwrong4lM6oQ8sU0wX2zA4cD"
PASSWORD, GUESS = "PLANTEDgood-Password-7Zq", "PLANTEDbad-Password-8Yr"
NEXT = "PLANTEDnew-Password-9Xs"
SIGNING = "PLANTEDsigning0k3Vd0q9mXz7TfLr2Wn8YbPc5HsJg1EaU4iRo6"
HEADER, QUERY, VARIABLE = "PLANTEDheader-u3Q", "PLANTEDquery-w5S", "PLANTEDvariable-y7U"
CHAIN, TLS, URL = "PLANTEDchain-key-a9W-0123", "PLANTEDtls-password-c1Y", "PLANTEDurl-password-e3B"
FOREIGN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJQTEFOVEVEIn0.UExBTlRFRHNpZ25hdHVyZQ"
FIXED = (
    *(ADMIN, SMALL, GIVEN, WRONG, PASSWORD, GUESS, NEXT, SIGNING),
    *(HEADER, QUERY, VARIABLE, CHAIN, TLS, URL, FOREIGN),
)
OF_FILES = frozenset({ADMIN, SMALL, SIGNING, SIGNING[:20], HEADER, QUERY, CHAIN, TLS})
"""These are in the configuration file, and so where that is copied to."""

_SECRET = re.compile(r"password|token|secret|keyvalue", re.I)
_PATHS = {
    **{"keyId": "made", "username": "anna", "serviceType": "chat", "service": "chat", "tokenId": "0"},
    **{"instanceId": "new%40http%3A%2F%2F127.0.0.1%3A9"},
    **{"version": "1", "first": "0", "second": "1", "userId": "anna", "clientIp": "127.0.0.1"},
}


def made(folder: Path, log: Path) -> dict[str, Any]:
    """The sections of its configuration."""
    held = certificate()
    write(folder, root_pem=root().pem, live_pem=held.pem, live_key=held.key_pem(TLS))
    tls = {
        "enabled": True,
        "certificate": str(folder / "live.pem"),
        "certificate-private-key": str(folder / "live.key"),
        "key-password": TLS,
    }
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    keys = [
        {"name": "admin", "value": ADMIN, "permissions": ["admin"]},
        {"name": ASKING, "value": SMALL, "permissions": ["chat:read", "config:read"]},
    ]
    return {
        "server": {"ssl": tls},
        "logging": {"audit": {"enabled": True, "file": str(log)}, "level": {"root": "DEBUG"}},
        "management": {"endpoint": {"health": {"show-details": "always"}}},
        "security": {
            "audit": {"chain-key": CHAIN},
            "api-key": {"enabled": True, "keys": keys},
            "jwt": {
                "enabled": True,
                "secret": SIGNING,
                "accounts": [{"username": "root", "password": hashed, "roles": ["ADMIN"]}],
                "lockout": {"enabled": False},
                "passwords": {"cost": 10},
            },
        },
    }


class Planted(SecureGateway):
    """A gateway with secrets in all places, and what it has answered.

    Attributes:
        log: Where it records what happens.
        answers: Each answer, with what it is an answer to.
        born: Secrets that the gateway has made, by the answer that they were told in.
    """

    def __init__(self, backend: str, folder: Path) -> None:
        self.log = folder / "audit.log"
        self.answers: list[tuple[str, str]] = []
        self.born: dict[str, str] = {}
        self.trusts, self.shows = folder / "root.pem", None
        tree = configuration(backend, **made(folder, self.log))
        (instance,) = tree["model"]["services"]["chat"]["instances"]
        instance |= {"path": f"/v1/chat/completions?key={QUERY}", "headers": {"X-Own": HEADER}}
        Gateway.__init__(
            self, tree, environment={"PLANTED_VARIABLE": VARIABLE, "SECURITY_CHANGES_VARIABLES": "PLANTED_*"}
        )

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Ask for something, and keep the answer."""
        client = self.connect()
        data = body if isinstance(body, str) else None if body is None else json.dumps(body)
        try:
            client.request(method, path, data, {"Content-Type": "application/json", **headers})
            response = client.getresponse()
            text = response.read().decode("utf-8", "replace")
            told = f"{method} {path} {len(self.answers)}: {response.status}"
            self.answers.append((told, f"{response.headers}\n{text}"))
            envelope = json.loads(text) if text.startswith("{") else {}
        finally:
            client.close()
        data = envelope.get("data") if isinstance(envelope, dict) else None
        for name, value in _members(data):
            if (
                name in {"keyValue", "token", "refreshToken", "accessToken"}
                and isinstance(value, str)
                and value.strip("*")
            ):
                self.born[value] = told
        return response.status, data

    def admin(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Ask as somebody who may do everything."""
        return self.ask(method, path, body, **{"X-API-Key": ADMIN})


def _members(data: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        for name, value in data.items():
            yield name, value
            yield from _members(value)
    elif isinstance(data, list):
        for value in data:
            yield from _members(value)


def bodies(schema: Any) -> Iterator[Any]:
    """Bodies for an endpoint: one that fits, as far as that can be made up, and some that do not."""
    yield _fitting(schema, "")
    yield {
        "password": [GUESS],
        "newPassword": {"a": GUESS},
        "token": [FOREIGN],
        "keyValue": 1,
        "secret": GUESS,
    }
    yield {
        "model": {
            "services": {
                "chat": {
                    "instances": [
                        {
                            "name": "n",
                            "base-url": f"http://u:{URL}@127.0.0.1:1",
                            "headers": {"Authorization": HEADER},
                        }
                    ]
                }
            }
        },
        "security": {"jwt": {"secret": [SIGNING], "accounts": [{"password": GUESS, "roles": GUESS}]}},
    }
    yield {"name": "n", "baseUrl": f"http://u:{URL}@127.0.0.1:1/?key={QUERY}", "headers": {"X-A": HEADER}}
    yield {"keys": [{"keyId": "made", "keyValue": GIVEN, "permissions": [GUESS], "expiresAt": GIVEN}]}
    yield f'{{"password": "{GUESS}", "keyValue": "{GIVEN}"'
    yield f'["{GUESS}", "{FOREIGN}"]'


def _queries(operation: Any) -> Iterator[str]:
    """Each value that a parameter may have, where it is known which."""
    for each in operation.get("parameters", ()):
        if each["in"] == "query":
            kind = each["schema"]
            for value in kind.get("enum", ["true", "false"] if kind.get("type") == "boolean" else ["x"]):
                yield f"{each['name']}={value}"


def _fitting(schema: Any, name: str) -> Any:
    schema = schema or {}
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        return {each: _fitting(inner, each) for each, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [_fitting(schema.get("items"), name)]
    if kind in {"integer", "number", "boolean"}:
        return kind == "boolean" or schema.get("minimum", 1)
    secret = FOREIGN if name == "token" else GUESS if _SECRET.search(name) else None
    return secret or ("anna" if "user" in name.lower() else "x")


class PlantedSecretTests(SynchronousTestCase):
    """Everything is asked, well and badly; then everything that can be read is looked through."""

    def setUp(self) -> None:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = Path(holder.name)
        backend: Server = simulator()
        self.addCleanup(backend.stop)
        self.gateway = Planted(backend.url, self.folder)
        self.addCleanup(self.gateway.stop)

    def live(self) -> None:
        """Lead a whole life."""
        gateway = self.gateway
        login = {"username": "root", "password": PASSWORD}
        _, tokens = gateway.ask("POST", "/api/auth/jwt/login", login)
        self.assertTrue(tokens, gateway.output)
        gateway.ask("POST", "/api/auth/jwt/login", {**login, "password": GUESS})
        refresh = {"refreshToken": tokens["refreshToken"]}
        for _ in range(2):  # the second time it counts as stolen
            gateway.ask("POST", "/api/auth/jwt/refresh", refresh)
        _, tokens = gateway.ask("POST", "/api/auth/jwt/login", login)
        bearer = {"Authorization": f"Bearer {tokens['token']}"}
        key = {"keyId": "made", "permissions": ["chat:read"]}
        self.assertEqual(gateway.ask("POST", "/api/auth/api-keys", key, **bearer)[0], 201)
        gateway.admin("POST", "/api/auth/api-keys/made/rotate")
        anna = {"username": "anna", "password": NEXT}
        self.assertEqual(gateway.admin("POST", "/api/security/jwt/accounts", anna)[0], 201)
        given = {"keys": [{"keyId": "given", "keyValue": GIVEN, "permissions": ["chat:read"]}]}
        self.assertEqual(gateway.admin("POST", "/api/auth/api-keys/import", given)[0], 200)
        instance = {"name": "new", "baseUrl": "http://127.0.0.1:9", "headers": {"X-A": "${PLANTED_VARIABLE}"}}
        self.assertEqual(gateway.admin("POST", "/api/config/instance/add/chat", instance)[0], 201)
        self.changes(tokens["refreshToken"])
        self.models()
        self.everything(bearer)
        written = gateway.file.read_text()
        for wrong in (f'["{SIGNING}"]', f'{{"{SIGNING}": 1}}', f'"{SIGNING[:20]}"', f'"{SIGNING}'):
            gateway.file.write_text(written.replace(f'"{SIGNING}"', wrong))
            self.assertEqual(gateway.admin("POST", "/api/config/reload")[0], 400)
            gateway.admin("GET", "/api/config/status")
        gateway.admin("POST", "/api/config/reload")
        gateway.admin("POST", "/api/config/merge/backup")
        gateway.ask("GET", "/actuator/prometheus", **{"X-API-Key": ADMIN})
        gateway.ask("GET", "/actuator/health", **{"X-API-Key": ADMIN})

    def changes(self, token: str) -> None:
        """Change what there is, in ways that are good."""
        own = "model.services.chat.instances[0].headers.X-Own"
        for method, path, body in (
            ("PATCH", "/api/config", {"webclient": {"readTimeout": "9s"}}),
            ("PATCH", f"/api/config/instance/chat/{_PATHS['instanceId']}", {"weight": 3}),
            ("PUT", "/api/auth/api-keys/made", {"permissions": ["chat:read"], "description": "x"}),
            ("PATCH", "/api/security/jwt/accounts/anna", {"roles": ["USER"]}),
            ("PUT", "/api/security/jwt/accounts/anna/password", {"newPassword": NEXT[::-1]}),
            ("POST", "/api/config/plan", {"model": {"services": {"chat": {"adapter": f"${{{own}}}"}}}}),
            ("POST", "/api/auth/jwt/validate", {"token": token}),
            ("POST", "/api/auth/jwt/revoke", {"token": token}),
        ):
            self.assertEqual(self.gateway.admin(method, path, body)[0], 200, (path, self.gateway.answers[-1]))

    def models(self) -> None:
        """Use models, and try to."""
        said = {"model": "org/chat", "messages": [{"role": "user", "content": "hello"}]}
        for headers in (
            {"X-API-Key": SMALL},
            {"Authorization": f"Bearer {SMALL}"},
            {"X-API-Key": GIVEN},
            {"X-API-Key": WRONG},
            {"Authorization": f"Bearer {WRONG}"},
            {"Authorization": f"Bearer {FOREIGN}"},
            {"Authorization": f"Basic {FOREIGN}"},
            {"Jairouter_Token": FOREIGN},
            {},
        ):
            for body in (said, {"model": "none"}, "{", {**said, "model": "new"}):
                self.gateway.ask("POST", "/v1/chat/completions", body, **headers)
            self.gateway.ask("GET", "/v1/models", **headers)

    def everything(self, bearer: Mapping[str, str]) -> None:
        """Ask every endpoint that the document has."""
        _, _ = self.gateway.admin("GET", "/v3/api-docs")
        text = self.gateway.answers[-1][1]
        document = json.loads(text[text.index("{") :])
        self.assertGreater(len(document["paths"]), 50)
        operations = [
            (method, path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if method in {"get", "post", "put", "patch", "delete"}
        ]
        operations.sort(key=lambda each: each[0] == "delete")  # while there is something to ask about
        for method, path, operation in operations:
            target = re.sub(r"\{(\w+)\}", lambda found: _PATHS.get(found[1], "x"), path)
            given = operation.get("requestBody", {}).get("content", {})
            schema = given.get("application/json", {}).get("schema")
            for headers in (
                {"X-API-Key": WRONG},
                {"X-API-Key": SMALL},
                {"Authorization": f"Bearer {FOREIGN}"},
            ):
                self.gateway.ask(method.upper(), target, None, **headers)
            for body in bodies(_resolved(schema, document)) if schema else [None]:
                self.gateway.admin(method.upper(), target, body)
            for query in _queries(operation) if method == "get" else ():
                self.gateway.ask("GET", f"{target}?{query}", **bearer)

    def test_nothing_is_told(self) -> None:
        gateway = self.gateway
        self.live()
        self.assertGreater(len(gateway.answers), 500)
        self.assertNotIn("Traceback", gateway.output)
        secrets = [*FIXED, NEXT[::-1], SIGNING[:20], *gateway.born]
        self.assertGreater(len(gateway.born), 5)
        failures = [each for each, _ in gateway.answers if each.endswith(": 500")]
        self.assertEqual(failures, [])
        self.maxDiff = None
        found = []
        for told, text in gateway.answers:
            found += [(told, each) for each in secrets if each in text and gateway.born.get(each) != told]
        self.assertEqual(found, [])
        pid = gateway._popen.pid
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        recorded = wait_until(gateway.log.read_text, "the record is empty")
        for name, text in (("command", command), ("log", gateway.output), ("record", recorded)):
            self.assertTrue(text)
            self.assertEqual([each for each in secrets if each in text], [], name)
        self.assertIn("KEY", recorded)
        self.check_store(secrets)

    def check_store(self, secrets: list[str]) -> None:
        """Look into all files, and into the archives; only there, a file of the configuration may be."""
        archives = 0
        for file in (each for each in self.gateway.store.rglob("*") if each.is_file()):
            data = file.read_bytes()
            if file.name.endswith(".tar.gz"):
                archives += 1
                self.check_archive(file, secrets)
                continue
            self.assertEqual([each for each in secrets if each.encode() in data], [], str(file))
        self.assertGreater(archives, 0)

    def check_archive(self, archive: Path, secrets: list[str]) -> None:
        """Look into one."""
        with tarfile.open(archive) as opened:
            for member in opened.getmembers():
                inside = opened.extractfile(member)
                data = inside.read() if inside is not None else b""
                of_files = "jairouter.yml" in member.name
                there = {each for each in secrets if each.encode() in data}
                self.assertEqual(there - (OF_FILES if of_files else frozenset()), set(), member.name)


def _resolved(schema: Any, document: Any) -> Any:
    if isinstance(schema, list):
        return [_resolved(each, document) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        place: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            place = place[step]
        return _resolved(place, document) if "properties" in place else place
    return {name: _resolved(each, document) for name, each in schema.items()}
