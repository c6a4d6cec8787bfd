"""Tests for `jairouter.web.root`: the whole tree, as clients see it."""

from __future__ import annotations

import json
import random
from functools import partial
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource, Resource
from zope.interface.verify import verifyObject

from jairouter.routes import PREFIXES, ROUTES
from jairouter.telemetry.metrics.exposition import Exposition, Sources
from jairouter.telemetry.metrics.families import Families
from jairouter.timers import TimerWheel
from jairouter.traffic.permits import Ledger
from jairouter.web.actuator import Health, Info
from jairouter.web.data_plane import DataPlane
from jairouter.web.metrics_page import Prometheus
from jairouter.web.openai import Models
from jairouter.web.relay import KeepAlive
from jairouter.web.request_ids import RequestIds
from jairouter.web.resources import Branch
from jairouter.web.root import build_tree, put
from tests.fakes import Network
from tests.filters.inner import group
from tests.web.serving import Received, Serving, answers, post
from tests.web.test_data_plane import Pipeline


class TreeTests(SynchronousTestCase):
    """Which address leads where."""

    def setUp(self) -> None:
        self.pipeline = Pipeline()
        network = Network()
        wheel = TimerWheel(network)
        data_plane = DataPlane(
            self.pipeline, Ledger(), wheel, RequestIds(random.Random(0)), KeepAlive(interval=0)
        )
        models = Models({"chat": {"m": group()}}, lambda: 0)
        exposition = Exposition(
            Sources(), maybeDeferred, wheel.seconds, Families(), partial(network.callLater, 0)
        )
        pages: dict[str, Resource] = {
            "health": Health(lambda: True),
            "info": Info("1.0"),
            "prometheus": Prometheus(exposition),
        }
        self.tree = build_tree(data_plane, models, pages, "/management/actuator")
        self.serving = Serving(self.tree)

    def ask(self, method: str, path: str) -> Received:
        request = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode()
        return answers(self.serving.ask(request).received)[0]

    def assert_nowhere(self, path: str, method: str = "GET") -> None:
        answer = self.ask(method, path)
        self.assertEqual(
            (answer.status, json.loads(answer.body)["error"]["code"]), (404, "unknown_url"), path
        )

    def test_interface(self) -> None:
        verifyObject(IResource, self.tree)

    def test_every_route(self) -> None:
        """Below each prefix, with or without a slash at its end."""
        paths = [prefix + route.suffix for prefix in PREFIXES for route in ROUTES]
        for path in paths:
            for end in ("", "/"):
                self.serving.ask(post(b"{}", (path + end).encode()))
        asked = [exchange.request.route.path for exchange in self.pipeline.exchanges]
        self.assertEqual(asked, [route.path for _ in PREFIXES for route in ROUTES for _ in range(2)])

    def test_below_a_route(self) -> None:
        """There is nothing, and it is not taken for the route."""
        self.assert_nowhere("/v1/chat/completions/extra", "POST")
        self.assert_nowhere("/v1/chat/completions//", "POST")
        self.assertEqual(self.pipeline.exchanges, [])

    def test_wrong_method(self) -> None:
        for method, path, allowed in (
            ("GET", "/v1/chat/completions", "POST"),
            ("DELETE", "/v1/chat/completions", "POST"),
            ("POST", "/v1/models", "GET, HEAD"),
            ("POST", "/management/actuator/health", "GET, HEAD"),
            ("PUT", "/management/actuator/prometheus", "GET, HEAD"),
        ):
            answer = self.ask(method, path)
            self.assertEqual((answer.status, answer.headers["allow"]), (405, allowed), path)
            self.assertEqual(json.loads(answer.body)["error"]["code"], "method_not_allowed")

    def test_options(self) -> None:
        answer = self.ask("OPTIONS", "/v1/chat/completions")
        self.assertEqual((answer.status, answer.headers["allow"], answer.body), (204, "POST", b""))

    def test_unknown_paths(self) -> None:
        for path in (
            "/",
            "/v1",
            "/v1/",
            "/v2/models",
            "/v1/nothing",
            "//v1/models",
            "/%00",
            "/v1/chat",
            "/favicon.ico",
        ):
            self.assert_nowhere(path)

    def test_upload_to_nowhere(self) -> None:
        """It is refused before it is sent."""
        client = self.serving.ask(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n")
        self.assertEqual(answers(client.received)[0].status, 404)

    def test_long_path_is_not_repeated(self) -> None:
        self.assertLess(len(self.ask("GET", "/" + "x" * 5000).body), 500)

    def test_actuator_path(self) -> None:
        self.assertEqual(self.ask("GET", "/management/actuator/health").status, 200)
        self.assert_nowhere("/actuator/health")

    def test_health_alias(self) -> None:
        self.assertEqual(self.ask("GET", "/health").body, self.ask("GET", "/management/actuator/health").body)

    def test_health_that_is_not_exposed(self) -> None:
        data_plane: Any = None
        tree = build_tree(data_plane, Models({}, lambda: 0), {}, "/actuator")
        self.assertEqual(
            answers(Serving(tree).ask(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").received)[0].status, 404
        )

    def test_labels_are_bounded(self) -> None:
        """Whatever clients ask for, metrics get as many labels as there are pages."""
        for number in range(20):
            for path in (
                "/{}",
                "/v1/{}",
                "/v1/models/{}",
                "/health/{}",
                "/management/actuator/info/{}",
                "/v1/audio/{}",
            ):
                self.ask("GET", path.format(number))
            self.serving.ask(b"GET /%d HTTP/9.9\r\n\r\n" % number)
        for method in ("GET", "HEAD", "OPTIONS", "DELETE", "PROPFIND", "MKCOL"):
            self.ask(method, "/v1/models")
        labels = {(method, uri) for method, uri, _ in self.serving.counted}
        self.assertEqual({uri for _, uri in labels}, {"UNKNOWN", "/v1/models"})
        self.assertEqual(
            {method for method, _ in labels}, {"UNKNOWN", "GET", "HEAD", "OPTIONS", "DELETE", "OTHER"}
        )


class PutTests(SynchronousTestCase):
    """Putting a resource at a path."""

    def test_folders_are_shared(self) -> None:
        root, first, second = Branch(), Resource(), Resource()
        put(root, "/a/b", first)
        put(root, "a/c/", second)
        folder = root.children[b"a"]
        self.assertEqual(folder.children, {b"b": first, b"c": second})

    def test_what_lies_below_stays(self) -> None:
        """Unless it has the same name."""
        root, below, other, page = Branch(), Resource(), Resource(), Resource()
        put(root, "/a/b", below)
        put(root, "/a/c", Resource())
        page.putChild(b"c", other)
        put(root, "/a", page)
        self.assertEqual(page.children, {b"b": below, b"c": other})
