"""Posts alerts to an address of the operator's choice, over the gateway's own client."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import Logger
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from jairouter.upstream.receivers import PlainReceiver

if TYPE_CHECKING:
    from twisted.internet.interfaces import IConsumer
    from twisted.python.failure import Failure

    from jairouter.config.settings.monitoring import AlertNotificationSettings
    from jairouter.timers import TimerWheel

TIMEOUT: Final = 10.0
AT_ONCE: Final = 4
"""Most posts that are under way; more are not made."""


class Webhook:
    """Posts alerts. Redirects are not followed; `security.outbound` says what may be connected to.

    Args:
        request: Sends a request; see `IAgent.request`.
        wheel: For the timeout.

    Attributes:
        settings: Where alerts are posted; None for nowhere.
    """

    _log = Logger()

    def __init__(self, request: Callable[..., Deferred[Any]], wheel: TimerWheel) -> None:
        self._request, self._wheel = request, wheel
        self._under_way: set[Deferred[Any]] = set()
        self._failing = self._closed = False
        self.settings: AlertNotificationSettings | None = None

    def post(self, alert: Mapping[str, Any]) -> None:
        """Post one. Whether it arrives nobody waits for; that it does not is said once."""
        settings = self.settings
        if settings is None or settings.webhook_url is None or len(self._under_way) >= AT_ONCE:
            return
        headers = Headers({"User-Agent": ["jairouter"], "Content-Type": ["application/json"]})
        for name, value in settings.webhook_headers.items():
            headers.setRawHeaders(name, [value.reveal()])
        address = settings.webhook_url.reveal().encode("ascii", "backslashreplace")
        body = _Body(json.dumps(dict(alert)).encode())
        posting = self._request(b"POST", address, headers, body)
        self._under_way.add(posting)
        timer = self._wheel.start(TIMEOUT, posting.cancel)

        def over(result: Any) -> Any:
            timer.cancel()
            self._under_way.discard(posting)
            return result

        posting.addBoth(over).addCallback(self._answered).addErrback(self._failed)

    def close(self) -> None:
        """Give up what is under way."""
        self._closed = True
        for each in list(self._under_way):
            each.cancel()

    def _answered(self, response: Any) -> None:
        response.deliverBody(PlainReceiver(discard=True))
        if response.code >= 300:
            self._say(f"it answered with status {response.code}")
        elif self._failing:
            self._failing = False
            self._log.info("alerts can be posted to the webhook again")

    def _failed(self, failure: Failure) -> None:
        # (Not its text, which may hold the address, and with it a key)
        if failure.check(CancelledError):
            why = f"there was no answer within {TIMEOUT:.0f} seconds"
        else:
            why = failure.type.__name__ if failure.type is not None else "it failed"
        if not self._closed:
            self._say(why)

    def _say(self, why: str) -> None:
        if not self._failing:
            self._failing = True
            self._log.warn("alerts cannot be posted to the webhook: {why}", why=why)


@implementer(IBodyProducer)
class _Body:
    """A few bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See `IBodyProducer.startProducing`."""
        consumer.write(self._data)
        return succeed(None)

    def stopProducing(self) -> None:
        """See `IBodyProducer.stopProducing`."""

    def pauseProducing(self) -> None:
        """See `IPushProducer.pauseProducing`."""

    def resumeProducing(self) -> None:
        """See `IPushProducer.resumeProducing`."""
