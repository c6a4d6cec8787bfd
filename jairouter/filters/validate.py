"""Validate: is this a request that could be answered, and for which model?"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from zope.interface import implementer

from jairouter.codec.form_headers import MultipartError, boundary_of
from jairouter.codec.json_depth import is_deeper
from jairouter.codec.json_peek import PeekError, peek
from jairouter.codec.multipart import ModelFinder
from jairouter.errors import BadRequest, UnsupportedMediaType
from jairouter.exchange import BodyKind
from jairouter.interfaces import IResponder
from jairouter.request_body.form import FormBody
from jairouter.request_body.held import collect, too_large

if TYPE_CHECKING:
    from jairouter.exchange import Answer, Exchange
    from jairouter.request_body.spool import Spool

_CHARSET = re.compile(
    rb"(?!\s*charset\b).*|\s*charset\s*=\s*\"?(?:utf-?8|us-ascii)\"?\s*", re.IGNORECASE | re.DOTALL
)
"""A parameter that leaves JSON what it is (RFC 8259, section 8.1): a backend that believes another one could
read another model in the same bytes, as it could in UTF-7."""
_JSON, _MULTIPART = BodyKind  # looking into the class takes five times as long


@implementer(IResponder)
class Validate:
    """Checks size, content type and form, and finds the model.

    JSON is held in memory: two members named ``model`` make it ambiguous, so the name is certain only
    when all of it is here. Forms are read no further than their ``model`` field.

    Args:
        inner: Answers.
        max_held: Bytes of JSON.
        max_size: Bytes of any body.
        max_depth: Objects and lists inside one another in JSON; 0 for no limit.
        seconds: The clock's seconds.
        new_spool: Makes a place where a form is put aside until its model is known.
    """

    def __init__(
        self,
        inner: IResponder,
        max_held: int,
        max_size: int,
        new_spool: Callable[[], Spool],
        max_depth: int = 0,
        seconds: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._inner = inner
        self._max_held = min(max_held, max_size)
        self._max_size = max_size
        self._new_spool = new_spool
        self._max_depth = max_depth
        self._seconds = seconds

    def respond(self, exchange: Exchange) -> Coroutine[Any, Any, Answer]:
        """See `IResponder.respond`."""
        if _kind_of(exchange) is not _JSON:
            return self._respond_to_form(exchange)
        data = exchange.body.data
        if data is None or not exchange.body.replayable:
            return self._respond_when_read(exchange)
        self._find_model(exchange, data)
        return self._inner.respond(exchange)

    async def _respond_when_read(self, exchange: Exchange) -> Answer:
        exchange.body = body = await collect(exchange.request.body, self._max_held)
        exchange.arrived = self._seconds()
        self._find_model(exchange, body.data or b"")
        return await self._inner.respond(exchange)

    async def _respond_to_form(self, exchange: Exchange) -> Answer:
        form = await self._read_form(exchange)
        exchange.arrived = self._seconds()
        try:
            answer = await form.while_it_waits(self._inner.respond(exchange))
        except BaseException:
            form.discard()
            raise
        answer.body.on_done(lambda _: form.discard())
        return answer

    def _find_model(self, exchange: Exchange, data: bytes) -> None:
        if len(data) > self._max_held:
            raise too_large(self._max_held)
        # Before anything else reads it: what is too deep may be too deep for that
        if self._max_depth and is_deeper(data, self._max_depth):
            raise BadRequest(f"the request body is nested more than {self._max_depth} levels deep")
        try:
            peeked = peek(data)
        except PeekError as error:
            raise BadRequest(error.message, param=error.param) from None
        exchange.model = peeked.model
        exchange.stream = peeked.stream

    async def _read_form(self, exchange: Exchange) -> FormBody:
        upload = exchange.request.body
        if upload.length is not None and upload.length > self._max_size:
            raise too_large(self._max_size)
        try:
            finder = ModelFinder(boundary_of(exchange.request.content_type))
        except MultipartError as error:
            raise BadRequest(error.message, param=error.param) from None
        form = FormBody(upload, finder, self._new_spool(), self._max_size)
        exchange.model = await form.find_model()
        exchange.stream = finder.stream
        exchange.body = form
        return form


def _kind_of(exchange: Exchange) -> BodyKind:
    """What the body is, if this route takes it."""
    request = exchange.request
    encoding = request.fields.get(b"content-encoding")
    if encoding and encoding.strip().lower() != b"identity":
        raise UnsupportedMediaType("a body with a Content-Encoding is not taken: the gateway has to read it")
    if request.content_type == b"application/json" and request.route.kind is _JSON:
        return _JSON  # nearly every request
    media_type, _, parameters = request.content_type.partition(b";")
    media_type = media_type.strip().lower()
    is_json = media_type == b"application/json" or media_type.endswith(b"+json")
    if is_json and parameters and not all(_CHARSET.fullmatch(each) for each in parameters.split(b";")):
        raise UnsupportedMediaType("JSON is UTF-8; leave the charset out of the Content-Type header")
    if request.route.kind is _JSON:
        if is_json or not media_type:
            return _JSON
    elif media_type == b"multipart/form-data":
        return _MULTIPART
    elif is_json:
        # OpenAI's newer image edits name their images by URL or file id
        return _JSON
    raise UnsupportedMediaType(f"this route takes {request.route.kind.value}; set the Content-Type header")
