"""What holds for connections of clients, over TLS: the tests of the channel and what is around it again."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from jairouter.errors import RouteNotFound
from jairouter.web.errors import write_error
from tests.web import (
    test_channel,
    test_channel_expect,
    test_channel_faults,
    test_channel_flow,
    test_channel_next,
    test_channel_requests,
    test_channel_time,
    test_closing,
    test_edges,
    test_room,
    test_site,
)
from tests.web.serving import Echo, Taker, answers, chunked, post
from tests.web.test_closing import SEND_TIMEOUT
from tests.web.tls import TlsServing

MODULES = (
    test_channel,
    test_channel_expect,
    test_channel_faults,
    test_channel_flow,
    test_channel_next,
    test_channel_requests,
    test_channel_time,
    test_closing,
    test_edges,
    test_room,
    test_site,
)


class Otherwise:
    """In place of the tests of these names: what is different over TLS."""

    def test_any_split(self: Any) -> None:
        """As a property it is tested without TLS; here each byte of TLS comes by itself."""
        root = Echo()
        serving = self.serving(root)
        serving.network.piece = 1
        client = serving.ask(post(b"one") + chunked(b"two", b"three"))
        self.assertEqual([body for _, _, body in root.seen], [b"one", b"twothree"])
        self.assertEqual(len(answers(client.received)), 2)

    def test_clock_begins_when_all_has_arrived(self: Any) -> None:
        """The farewell is part of it, which this client leaves unread."""
        self.read_some()
        self.read_slowly(3)
        self.assert_open_for(SEND_TIMEOUT)

    def test_no_longer_than_before(self: Any) -> None:
        """As above."""
        self.begin(Taker(), post(b"x" * 1000)[:500])
        write_error(self.root.requests.pop(), RouteNotFound("no"))
        self.serving.run()
        self.read_some()
        self.read_slowly(0)
        self.assert_open_for(SEND_TIMEOUT)


def over_tls(module: ModuleType, case: type[SynchronousTestCase]) -> type[SynchronousTestCase]:
    """The same tests over TLS."""

    def set_up(self: Any) -> None:
        for each in MODULES:
            if hasattr(each, "Serving"):
                self.patch(each, "Serving", TlsServing)
        case.setUp(self)

    members: dict[str, Any] = {"setUp": set_up, "__module__": __name__, "__doc__": case.__doc__}
    members |= {
        name: test for name, test in vars(Otherwise).items() if hasattr(case, name) and name[0] != "_"
    }
    return type(f"Tls{module.__name__.rpartition('.')[2][5:]}{case.__name__}", (case,), members)


def cases() -> Iterator[type[SynchronousTestCase]]:
    """All of those modules' that serve something."""
    for module in MODULES:
        for case in vars(module).values():
            is_case = isinstance(case, type) and issubclass(case, SynchronousTestCase)
            if is_case and case.__module__ == module.__name__:
                yield over_tls(module, case)


globals().update({case.__name__: case for case in cases()})
