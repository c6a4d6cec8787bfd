"""treq, used as a proxy must use it.

No redirects are followed (a redirect would carry credentials elsewhere), no cookies kept, nothing is
unpacked, nothing is held: `unbuffered`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from treq.client import HTTPClient

from jairouter.upstream.wire import InstanceUrl, NoCookies, WireBody, WireHeaders

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.web.iweb import IAgent, IResponse

    from jairouter.exchange import Attempt, HeaderPairs
    from jairouter.interfaces import IRequestBody


class UpstreamClient:
    """Sends one request to one instance, through treq.

    Args:
        agent: Where treq sends it.
        reactor: treq insists on one, though it is used for treq's own timeouts only.
    """

    def __init__(self, agent: IAgent, reactor: Any) -> None:
        self._cookies = NoCookies()
        self._treq = HTTPClient(agent, cookiejar=self._cookies)
        self._reactor = reactor
        self._urls: dict[str, InstanceUrl] = {}

    def post(
        self, url: str, headers: HeaderPairs, body: IRequestBody, attempt: Attempt
    ) -> Deferred[IResponse]:
        """Send a POST request as it is.

        Args:
            url: Absolute.
            headers: End-to-end headers; framing and Host are added.
            body: What is sent.
            attempt: Told about phases and progress.

        Returns:
            Fires with the answer when its head is complete; its headers are `WireHeaders`. Cancelling
            aborts the connection.
        """
        answer: Deferred[IResponse] = self._treq.request(  # type: ignore[assignment]  # it is one
            "POST",
            self._url(url),
            headers=WireHeaders(headers, attempt),
            data=WireBody(body),
            allow_redirects=False,
            unbuffered=True,
            cookies=self._cookies,
            reactor=self._reactor,
        )
        return answer

    def _url(self, text: str) -> InstanceUrl:
        # Queries come from clients, so there is no end of them; what is before them is configured
        address, mark, query = text.partition("?")
        url = self._urls.get(address)
        if url is None:
            url = self._urls[address] = InstanceUrl(address)
        return url.asking(query) if mark else url
