"""Tests for `jairouter.routes`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from jairouter.config.files import Text
from jairouter.config.loader import load
from jairouter.exchange import BodyKind
from jairouter.routes import PREFIXES, PRIMARY, ROUTES

PATHS = {
    "chat": {"/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/moderations"},
    "embedding": {"/v1/embeddings"},
    "rerank": {"/v1/rerank"},
    "tts": {"/v1/audio/speech"},
    "stt": {"/v1/audio/transcriptions", "/v1/audio/translations"},
    "imgGen": {"/v1/images/generations"},
    "imgEdit": {"/v1/images/edits", "/v1/images/variations"},
}
FORMS = {"/audio/transcriptions", "/audio/translations", "/images/edits", "/images/variations"}


class RouteTests(SynchronousTestCase):
    """The operations of the data plane."""

    def test_paths(self) -> None:
        found: dict[str, set[str]] = {}
        for route in ROUTES:
            found.setdefault(route.service, set()).add(route.path)
        self.assertEqual(found, PATHS)

    def test_one_primary_each(self) -> None:
        """A configured path must be the path of one route and no more."""
        primaries = [route.service for route in ROUTES if route.primary]
        self.assertEqual(sorted(primaries), sorted(PATHS))
        self.assertEqual(
            {service: PRIMARY[service].service for service in PATHS}, {key: key for key in PATHS}
        )

    def test_forms(self) -> None:
        self.assertEqual({route.suffix for route in ROUTES if route.kind is BodyKind.MULTIPART}, FORMS)

    def test_services_can_be_configured(self) -> None:
        """Each service of a route is one that a configuration may name."""
        one = 'instances: [{name: m, base-url: "http://10.0.0.1"}]'
        lines = "".join(f"    {service}: {{{one}}}\n" for service in PATHS)
        loaded = load([Text("test.yml", f"model:\n  services:\n{lines}".encode())], (), {})
        self.assertEqual({str(service) for service in loaded.settings.model.services}, set(PATHS))

    def test_prefixes(self) -> None:
        self.assertEqual(PREFIXES, ("/v1", "/api/v1"))
