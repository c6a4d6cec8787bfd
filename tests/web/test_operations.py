"""Tests of how a request finds its operation: at once by its whole path, or by a walk through the tree."""

from __future__ import annotations

import random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.body import AnswerBody
from jairouter.exchange import Answer
from jairouter.routes import PREFIXES, ROUTES
from jairouter.timers import TimerWheel
from jairouter.traffic.permits import Ledger
from jairouter.web.data_plane import DataPlane
from jairouter.web.openai import Models
from jairouter.web.relay import KeepAlive
from jairouter.web.request_ids import RequestIds
from jairouter.web.root import build_tree
from tests.fakes import Network
from tests.web.serving import Received, Serving, answers
from tests.web.test_data_plane import Pipeline

PLAIN = b"/v1/chat/completions"
WALKED = (b"/v1/%63hat/completions", b"/%76%31/chat/completions", b"/v1/chat/completions/")
"""Other spellings of the same address."""
METHODS = (b"GET", b"HEAD", b"PUT", b"PATCH", b"DELETE", b"OPTIONS", b"PROPFIND")


class Case(SynchronousTestCase):
    """The whole tree in front of a pipeline that is played by hand.

    Attributes:
        walks: The paths for which the tree was walked through.
    """

    def setUp(self) -> None:
        self.pipeline = Pipeline()
        self.ledger = Ledger()
        data_plane = DataPlane(
            self.pipeline,
            self.ledger,
            TimerWheel(Network()),
            RequestIds(random.Random(0)),
            KeepAlive(interval=0),
        )
        self.serving = Serving(build_tree(data_plane, Models({}, lambda: 0), {}, "/actuator"))
        self.walks: list[bytes] = []
        walk = self.serving.site.getResourceFor

        def noted(request: Any) -> Any:
            self.walks.append(request.path)
            return walk(request)

        self.patch(self.serving.site, "getResourceFor", noted)
        self.addCleanup(self.assert_clean)

    def assert_clean(self) -> None:
        self.assertEqual(self.serving.close(), [])
        self.assertTrue(self.ledger.at_rest, self.ledger)

    def ask(self, method: bytes, target: bytes, *headers: bytes) -> Received:
        lines = [b"%b %b HTTP/1.1" % (method, target), b"Host: x", b"X-Request-Id: mine", *headers]
        client = self.serving.ask(b"\r\n".join([*lines, b"Content-Length: 2\r\n\r\n{}"]))
        while self.pipeline.works:
            self.pipeline.works.pop().callback(Answer(200, ((b"X-A", b"1"),), AnswerBody.of(b"done")))
        self.serving.run()
        [received] = answers(client.received)
        return received

    def seen(self, method: bytes, path: bytes, *headers: bytes) -> tuple[Any, ...]:
        """What a client sees, but for its own spelling of the path, which a refusal repeats."""
        received = self.ask(method, path, *headers)
        kept = {name: value for name, value in received.headers.items() if name != "content-length"}
        return received.status, kept, received.body.replace(path, b"*")


class WayTests(Case):
    """Which way a request goes."""

    def test_every_operation(self) -> None:
        """Known by its whole path, below each prefix."""
        paths = {(prefix + route.suffix).encode() for prefix in PREFIXES for route in ROUTES}
        self.assertEqual(set(self.serving.site.operations), paths)
        for path in sorted(paths):
            self.assertEqual(self.ask(b"POST", path).status, 200, path)
        self.assertEqual(self.walks, [])

    def test_what_comes_with_a_path(self) -> None:
        """Neither a query nor an address before it makes it another one."""
        for target in (PLAIN + b"?a=/v1/models", b"http://x" + PLAIN, b"http://x" + PLAIN + b"?a"):
            self.assertEqual(self.ask(b"POST", target).status, 200, target)
        self.assertEqual(self.walks, [])
        queries = [exchange.request.query for exchange in self.pipeline.exchanges]
        self.assertEqual(queries, [b"a=/v1/models", b"", b"a"])

    def test_other_spellings(self) -> None:
        for path in WALKED:
            self.ask(b"POST", path)
        self.assertEqual(self.walks, list(WALKED))

    def test_what_is_no_operation(self) -> None:
        """Nothing that only looks like one is taken for it."""
        paths = (b"/V1/chat/completions", b"//v1/chat/completions", b"/v1/chat%2Fcompletions", b"/v1/chat")
        for path in (*paths, PLAIN + b"//", PLAIN + b"/x", PLAIN + b"%20", PLAIN + b";a"):
            self.assertEqual(self.ask(b"POST", path).status, 404, path)
        self.assertEqual(self.pipeline.exchanges, [])


class AlikeTests(Case):
    """Both ways lead to the same."""

    def assert_alike(self, method: bytes, *headers: bytes) -> tuple[Any, ...]:
        found = {path: self.seen(method, path, *headers) for path in (PLAIN, *WALKED)}
        self.assertEqual(self.walks, list(WALKED))
        self.walks.clear()
        for path in WALKED:
            self.assertEqual(found[path], found[PLAIN], (method, path))
        return found[PLAIN]

    def test_answer(self) -> None:
        status, headers, body = self.assert_alike(b"POST")
        self.assertEqual((status, headers["x-a"], body), (200, "1", b"done"))

    def test_exchange(self) -> None:
        """The pipeline cannot tell which way a request came."""
        self.assert_alike(b"POST", b"Content-Type: application/json", b"X-Mine: 1")
        requests = [exchange.request._replace(body=None) for exchange in self.pipeline.exchanges]  # type: ignore[arg-type]
        self.assertEqual(requests, requests[:1] * 4)

    def test_other_methods(self) -> None:
        """Each is refused, with what is possible."""
        for method in METHODS:
            status, headers, _ = self.assert_alike(method)
            self.assertEqual(
                (status, headers["allow"]), (204 if method == b"OPTIONS" else 405, "POST"), method
            )
        self.assertEqual(self.pipeline.exchanges, [])

    def test_labels(self) -> None:
        """A refusal is counted under the operation's one name, however the client wrote it."""
        for method in METHODS:
            self.assert_alike(method)
        self.assertEqual({uri for _, uri, _ in self.serving.counted}, {PLAIN.decode()})
        self.assertEqual(len(self.serving.counted), 4 * len(METHODS))

    def test_answers_are_not_counted_twice(self) -> None:
        """What the pipeline answers, its own recorders count."""
        self.assert_alike(b"POST")
        self.assertEqual(self.serving.counted, [])

    def test_failure(self) -> None:
        """A fault in the operation is told alike, and logged each time."""

        def fail(*_: Any) -> None:
            raise RuntimeError("the secret is 42")

        self.patch(self.serving.site.operations[PLAIN], "render", fail)
        status, _, body = self.assert_alike(b"POST")
        self.assertEqual((status, b"internal_error" in body, b"42" in body), (500, True, False))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 4)


class FaultTests(Case):
    """A head that is not what it should be reaches no operation."""

    def test_several_content_types(self) -> None:
        """We might believe one of them and the backend the other."""
        lines = (b"Content-Type: application/json", b"content-type: multipart/form-data; boundary=b")
        for path in (PLAIN, *WALKED):
            for given in (lines, lines[::-1], (lines[0], lines[0])):
                received = self.ask(b"POST", path, *given)
                self.assertEqual((received.status, received.headers["connection"]), (400, "close"), path)
                self.assertIn(b"more than one content-type", received.body)
        self.assertEqual((self.pipeline.exchanges, self.walks), ([], []))

    def test_one_content_type(self) -> None:
        """A comma does not make two of it."""
        self.assertEqual(self.ask(b"POST", PLAIN, b"Content-Type: application/json, text/plain").status, 200)
        [exchange] = self.pipeline.exchanges
        self.assertEqual(exchange.request.content_type, b"application/json, text/plain")

    def test_counted_under_no_name(self) -> None:
        """Nothing was rendered."""
        self.ask(b"POST", PLAIN, b"Content-Encoding: gzip", b"Content-Encoding: gzip")
        self.assertEqual(self.serving.counted, [("POST", "UNKNOWN", 400)])
