"""Tests for `jairouter.filters.resolve`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from jairouter.adapters.normal import NormalAdapter
from jairouter.errors import ModelNotFound
from jairouter.exchange import Exchange
from jairouter.filters.resolve import Groups, Resolve, Services
from jairouter.interfaces import IResponder
from tests.filters.inner import ROUTE, Inner, exchange, group, instance, request, run

PLAIN = instance()
WITH_PATH = instance(path="/api/chat")
OTHER = instance(name="other")
SERVICES: Services = {
    "chat": {"m": group(PLAIN, WITH_PATH), "odd": group(WITH_PATH)},
    "embedding": {"e": group(OTHER)},
}


class ResolveTests(SynchronousTestCase):
    """Which instances could answer this model on this route."""

    def setUp(self) -> None:
        self.inner = Inner()
        self.groups = Groups(SERVICES, NormalAdapter())
        self.resolve = Resolve(self.inner, self.groups)

    def asked(self, suffix: str, model: str) -> Exchange:
        return exchange(request(ROUTE[suffix]), model)

    def candidates(self, suffix: str, model: str) -> tuple[object, ...]:
        asked = self.asked(suffix, model)
        work = run(self.resolve, asked)
        self.inner.answer()
        self.successResultOf(work)
        assert asked.group is not None
        return asked.group.instances

    def assert_unknown(self, suffix: str, model: str) -> ModelNotFound:
        failure = self.failureResultOf(run(self.resolve, self.asked(suffix, model)), ModelNotFound)
        self.assertEqual(self.inner.exchanges, [])
        error = failure.value
        assert isinstance(error, ModelNotFound)
        self.assertEqual(error.param, "model")
        return error

    def test_interface(self) -> None:
        verifyObject(IResponder, self.resolve)

    def test_primary_route(self) -> None:
        """A configured path is the path of the service's primary route, so all of them speak it."""
        self.assertEqual(self.candidates("/chat/completions", "m"), (PLAIN, WITH_PATH))

    def test_sibling_route(self) -> None:
        """Only those whose place for it is known."""
        self.assertEqual(self.candidates("/responses", "m"), (PLAIN,))

    def test_the_same_group_again(self) -> None:
        """It is made once for each route and model; unknown names leave nothing behind."""
        chat = ROUTE["/chat/completions"]
        self.assertIs(self.groups.group_of(chat, "m"), self.groups.group_of(chat, "m"))
        for name in ("x", "y"):
            self.assertRaises(ModelNotFound, self.groups.group_of, chat, name)
        self.assertEqual(len(self.groups._known), 1)

    def test_sibling_route_that_nobody_speaks(self) -> None:
        error = self.assert_unknown("/responses", "odd")
        self.assertIn("/v1/responses", error.message)

    def test_unknown_model(self) -> None:
        self.assertIn("'gpt'", self.assert_unknown("/chat/completions", "gpt").message)

    def test_model_of_another_service(self) -> None:
        self.assert_unknown("/chat/completions", "e")

    def test_service_without_instances(self) -> None:
        self.assert_unknown("/rerank", "m")

    def test_long_name_is_not_repeated(self) -> None:
        self.assertLess(len(self.assert_unknown("/chat/completions", "x" * 10_000).message), 300)
