"""What is remembered of a service's answers, for the time when nobody can answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from hashlib import blake2b
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

from jairouter.body import AnswerBody
from jairouter.exchange import Answer
from jairouter.filters.tee import Tee
from jairouter.headers import joined
from jairouter.traffic.answer_cache import Kept

if TYPE_CHECKING:
    from jairouter.exchange import Exchange, HeaderPairs
    from jairouter.traffic.answer_cache import AnswerCache

_ABOUT_THE_BODY = frozenset(
    {
        b"content-type",
        b"content-encoding",
        b"content-language",
        b"content-disposition",
        b"cache-control",
        b"x-accel-buffering",
    }
)
"""Headers of an answer that are true of it at any time. Others were of their moment: limits, times, ids."""

_OF_ITS_MOMENT = re.compile(
    rb".*(?:trace|span|request-id|request-start|correlation|timestamp).*|b3|baggage|date|idempotency-key|cf-ray"
    rb"|x-(?:b3|datadog|envoy|stainless)-.*",
    re.DOTALL,
)
"""Headers that differ from one request to the next although the same is asked: those of tracing, and what
SDKs say about their retries. Any other one may be what a backend chooses its answer by, or whose data it
uses: a proxy that knows its users tells them apart by headers that have many names."""


@lru_cache(maxsize=1000)
def _of_its_moment(name: bytes) -> bool:
    return _OF_ITS_MOMENT.fullmatch(name.lower()) is not None


_NAME = itemgetter(0)


class _Told(msgspec.Struct, gc=False):
    error: Any = None


_told = msgspec.json.Decoder(_Told)


class Memory:
    """Keeps the last complete answer to each request of each caller.

    Args:
        cache: Where they are.
        seconds: The clock.

    Attributes:
        cache: As given.
    """

    def __init__(self, cache: AnswerCache, seconds: Callable[[], float]) -> None:
        self.cache = cache
        self._seconds = seconds

    def watch(self, exchange: Exchange, answer: Answer) -> Answer:
        """Have an answer kept if it turns out to be a good one.

        Returns:
            The answer to pass on in place of this one.
        """
        body, largest = answer.body, self.cache.largest
        if not 200 <= answer.status < 300 or exchange.body.data is None:
            return answer
        if body.whole:
            self._keep(exchange, answer, body.look())
            return answer
        if answer.length is not None and answer.length > largest:
            return answer
        return answer._replace(body=Tee(body, largest, partial(self._keep, exchange, answer)).outer)

    def recall(self, exchange: Exchange) -> Answer | None:
        """The last good answer to the same request of the same caller.

        A client that was promised events gets no other kind of answer.
        """
        asked = exchange.body.data
        if asked is None:
            return None
        found = self.cache.get(_key(exchange, asked), self._seconds())
        if found is None:
            return None
        kept, age = found
        if exchange.committed and not kept.event_stream:
            return None
        # RFC 9111, section 5.1
        headers = (*kept.headers, (b"Age", b"%d" % age))
        return Answer(kept.status, headers, AnswerBody.of(kept.data), event_stream=kept.event_stream)

    def _keep(self, exchange: Exchange, answer: Answer, data: bytes) -> None:
        asked = exchange.body.data
        if asked is None or len(data) > self.cache.largest or _is_error(data):
            return
        headers = tuple([pair for pair in answer.headers if pair[0].lower() in _ABOUT_THE_BODY])
        if _not_to_be_stored(exchange.request.headers) or _not_to_be_stored(headers):
            return
        kept = Kept(answer.status, headers, data, answer.event_stream)
        self.cache.put(_key(exchange, asked), kept, self._seconds())


def _key(exchange: Exchange, body: bytes) -> bytes:
    """What only equal requests have in common: a digest, so that no request is kept."""
    request = exchange.request
    parts = [
        request.route.path.encode(),
        exchange.model.encode("utf-8", "surrogatepass"),
        exchange.caller,
        request.query,
    ]
    for name, value in sorted(request.headers, key=_NAME):  # (several of one name stay in order)
        if not _of_its_moment(name):
            parts += (name.lower(), value)
    # With their lengths, no two rows of parts run together to the same bytes
    digest = blake2b(b"".join([b"%d:%b" % (len(part), part) for part in (*parts, b"")]), digest_size=32)
    digest.update(body)
    return digest.digest()


def _not_to_be_stored(headers: HeaderPairs) -> bool:
    """Whether one of the two sides says so: RFC 9111, section 5.2."""
    return b"no-store" in joined(headers, b"cache-control").lower()


def _is_error(data: bytes) -> bool:
    """Whether it is an error although its status says otherwise, as some backends send them."""
    if b'"error"' not in data:
        return False
    try:
        return bool(_told.decode(data).error)
    except (msgspec.DecodeError, RecursionError):
        return False  # an event stream, whose errors are watched for where it comes in, or no JSON
