"""Tests for `jairouter.pipeline`: the order of the filters."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.interfaces import IResponder
from jairouter.pipeline import build
from tests.filters.inner import Inner, exchange, run


class Named:
    """A filter that notes when it is passed."""

    def __init__(self, name: str, passed: list[str], inner: IResponder) -> None:
        self.name, self.passed, self.inner = name, passed, inner

    async def respond(self, exchange: Any) -> Any:
        self.passed.append(self.name)
        return await self.inner.respond(exchange)


class BuildTests(SynchronousTestCase):
    """Outermost first."""

    def test_order(self) -> None:
        """Each filter stands where the design says why."""
        passed: list[str] = []

        def named(name: str) -> Any:
            return lambda inner: Named(name, passed, inner)

        names = ("record", "validate", "resolve", "limit", "fallback", "retry", "hedge", "pick", "timeout")
        forward = Inner()
        pipeline = build(forward=forward, **{name: named(name) for name in reversed(names)})
        work = run(pipeline, exchange())
        self.assertEqual(tuple(passed), names)
        forward.answer()
        self.successResultOf(work)

    def test_left_out(self) -> None:
        """Of what nobody has any use for there is nothing."""

        def nothing(inner: IResponder) -> IResponder:
            return inner

        names = ("record", "validate", "resolve", "limit", "fallback", "retry", "hedge", "pick", "timeout")
        optional = ("limit", "fallback", "retry", "hedge")
        wraps: Any = {name: None if name in optional else nothing for name in names}
        forward = Inner()
        self.assertIs(build(forward=forward, **wraps), forward)
