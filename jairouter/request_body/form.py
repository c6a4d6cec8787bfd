r"""A multipart form that is read only as far as its ``model`` field, then streamed on.

::

             chunk, model not seen yet     chunk, nobody takes it yet
                   +-----+                        +-----+
                   |     v     model seen         |     v   start(sink)
    SEEKING -------+---------------------> FOUND -+-----------------> REPLAYING
       |                                    |   ^                        |   |
       |                                    |   +--- stop, sent whole ---+   | spool is out, more to come
       | end without a model, broken        | broken, discard                v
       +------------------------------------+--------> OVER <----------- STREAMING

A form is never held in memory: what comes before anybody takes it is put aside (in a file, when it is much),
the rest goes from the client's connection to the backend's at the pace of the slower one.

While nobody takes it the client goes on all the same, as long as the disk has room: the end of a connection
comes behind the bytes before it, so that a client that leaves is noticed only when they have been read.

Fields that come later are still watched: a second ``model`` breaks the upload off, since the backend
might take the other one.
"""

from __future__ import annotations

import enum
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from jairouter.codec.multipart import ModelFinder, MultipartError
from jairouter.errors import BadRequest, GatewayError, InternalError, NoRoom
from jairouter.interfaces import IBodySink, IRequestBody
from jairouter.request_body.held import too_large
from jairouter.request_body.pieces import Pieces
from jairouter.task import as_deferred

if TYPE_CHECKING:
    from jairouter.request_body.spool import Spool


_T = TypeVar("_T")


class _State(enum.Enum):
    SEEKING = "seeking"
    FOUND = "found"
    REPLAYING = "replaying"
    STREAMING = "streaming"
    OVER = "over"


@implementer(IRequestBody, IBodySink)
class FormBody:
    """See the module's picture. It is the sink of the client's body and the body that is sent on.

    Args:
        upload: The body as it comes from the client.
        finder: Reads the form's fields.
        spool: For what comes before anybody takes it.
        limit: Bytes in all.
    """

    _log = Logger()

    data: bytes | None = None

    def __init__(self, upload: IRequestBody, finder: ModelFinder, spool: Spool, limit: int) -> None:
        self.length: int | None = upload.length
        self._upload = upload
        self._finder = finder
        self._spool = spool
        self._limit = limit
        self._size = 0
        self._state = _State.SEEKING
        self._upload_ended = False
        self._error: GatewayError | None = None
        self._found: Deferred[str] = Deferred(lambda _: self.stop())
        self._work: Deferred[Any] | None = None
        self._sink: IBodySink | None = None
        self._paused = False
        self._ahead = False  # it is waited for somebody to take it
        self._busy = False  # the spool is written or read, perhaps in a thread
        self._backlog = Pieces()
        self._replayed = 0

    # -- finding the model --------------------------------------------------

    def find_model(self) -> Deferred[str]:
        """Read on until the model is known.

        Returns:
            Fires with the model's name. Fails with `BadRequest`, or with what kept the body from coming.
        """
        self._upload.start(self)
        return self._found

    def chunk(self, data: bytes) -> None:
        """See `IBodySink.chunk`: the client's next bytes."""
        self._size += len(data)
        if self._size > self._limit:
            self._upload.stop()
            self.broke(too_large(self._limit))
            return
        if not self._read_fields(data):
            return
        if self._state is _State.STREAMING and self._sink is not None:
            self._sink.chunk(data)
        elif self._state is not _State.OVER:
            self._put_aside(data)
            self._tell_model()

    def end(self) -> None:
        """See `IBodySink.end`: the client's last byte was the last."""
        self._upload_ended = True
        try:
            self._finder.close()
        except MultipartError as error:
            self.broke(BadRequest(error.message, param=error.param))
            return
        if self._state is _State.SEEKING:
            self._tell_model()
        elif self._state is _State.STREAMING:
            self._finish()

    def broke(self, error: GatewayError) -> None:
        """See `IBodySink.broke`: the client's rest will not come, or is not wanted."""
        if self._state is _State.OVER:
            return
        self._error = error
        sink, self._sink = self._sink, None
        self._over()
        if sink is not None:
            sink.broke(error)
        elif not self._found.called:
            self._found.errback(error)
        elif self._work is not None:
            self._work.cancel()

    def _read_fields(self, data: bytes) -> bool:
        try:
            self._finder.feed(data)
        except MultipartError as error:
            self._upload.stop()
            self.broke(BadRequest(error.message, param=error.param))
            return False
        return True

    def _tell_model(self) -> None:
        """Say what is known, once nothing is on its way to the spool."""
        if self._state is not _State.SEEKING or self._busy:
            return
        if self._finder.model is not None:
            self._state = _State.FOUND
            if not self._upload_ended:
                self._upload.pause()
            self._found.callback(self._finder.model)
        elif self._upload_ended:
            self.broke(BadRequest("the form has no field named model", param="model"))

    # -- putting aside, one operation at a time -----------------------------

    def _put_aside(self, data: bytes) -> None:
        if not self._busy and self._spool.keep(data):
            return
        self._backlog.append(data)
        self._upload.pause()
        self._use_spool()

    def _use_spool(self) -> None:
        if not self._busy:
            self._busy = True
            Deferred.fromCoroutine(self._write_and_read()).addErrback(self._spool_failed)

    async def _write_and_read(self) -> None:
        """Write what waits to be put aside, read what is to be sent, until there is neither."""
        while self._state is not _State.OVER:
            if self._backlog.size:
                data = self._backlog.joined()
                self._backlog.clear()
                await self._spool.write(data)
            elif self._state is _State.REPLAYING and not self._paused:
                await self._replay_block()
            else:
                break
        self._busy = False
        self._tell_model()
        if self._state is _State.OVER:
            self._spool.close()
        elif self._state is _State.SEEKING and self._spool.full:
            self._upload.stop()
            self.broke(NoRoom("there is no room for another upload at present", retry_after=1))
        else:
            self._read_on()

    def _read_on(self) -> None:
        """Let the client go on, where what it sends is to be put aside."""
        ahead = self._state is _State.FOUND and self._ahead and not self._spool.crowded
        if (ahead or self._state is _State.SEEKING) and not self._busy and not self._upload_ended:
            self._upload.resume()

    def _spool_failed(self, failure: Failure) -> None:
        self._log.failure("an upload could not be put aside", failure)
        self._busy = False
        if self._state is _State.OVER:
            self._spool.close()
            return
        self._upload.stop()
        self.broke(InternalError("the upload could not be put aside"))

    # -- sending on ---------------------------------------------------------

    async def while_it_waits(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Await what will send the form, and let the client go on meanwhile.

        Args:
            work: It is cancelled if the form breaks before anybody takes it.

        Raises:
            GatewayError: Why the form broke, or what `work` raises.
        """
        working = as_deferred(work)
        self._work = working
        self._ahead = self._state is _State.FOUND and not working.called
        self._read_on()
        try:
            return await working
        except CancelledError:
            if self._error is not None:
                raise self._error from None
            raise
        finally:
            self._work = None

    @property
    def replayable(self) -> bool:
        """Whether nothing has gone past the spool yet (see `IRequestBody.replayable`)."""
        return self._state in (_State.FOUND, _State.REPLAYING)

    def start(self, sink: IBodySink) -> None:
        """See `IRequestBody.start`."""
        if self._state is not _State.FOUND:
            sink.broke(self._error or InternalError("the upload cannot be sent a second time"))
            return
        if self._ahead and not self._upload_ended:
            self._upload.pause()  # until all that came before is sent
        self._sink = sink
        self._state = _State.REPLAYING
        self._replayed = 0
        self._paused = self._ahead = False
        self._use_spool()

    def pause(self) -> None:
        """See `IRequestBody.pause`."""
        self._paused = True
        if self._state is _State.STREAMING:
            self._upload.pause()

    def resume(self) -> None:
        """See `IRequestBody.resume`."""
        self._paused = False
        if self._state is _State.REPLAYING:
            self._use_spool()
        elif self._state is _State.STREAMING:
            self._upload.resume()

    def stop(self) -> None:
        """See `IRequestBody.stop`. What is still in the spool can be sent again."""
        self._sink = None
        if self._state is _State.REPLAYING:
            self._state = _State.FOUND
        elif self._state is _State.STREAMING or self._state is _State.SEEKING:
            self._upload.stop()
            self._over()

    def discard(self) -> None:
        """Nobody will send it (again): what was put aside is forgotten."""
        self._sink = None
        if self._state is not _State.OVER:
            if not self._upload_ended:
                self._upload.stop()
            self._over()

    async def _replay_block(self) -> None:
        offset = self._replayed
        block = await self._spool.read(offset)
        if self._state is not _State.REPLAYING or self._sink is None or self._paused:
            return
        if offset != self._replayed:
            return  # stopped and started again meanwhile, from the first byte
        if block:
            self._replayed += len(block)
            self._sink.chunk(block)
        else:
            self._replay_done()

    def _replay_done(self) -> None:
        if self._upload_ended:
            sink, self._sink = self._sink, None
            self._state = _State.FOUND
            if sink is not None:
                sink.end()
        else:
            self._state = _State.STREAMING
            self._spool.close()  # what comes now goes past it, so it could not be sent again
            if not self._paused:
                self._upload.resume()

    def _finish(self) -> None:
        sink, self._sink = self._sink, None
        self._over()
        if sink is not None:
            sink.end()

    def _over(self) -> None:
        self._state = _State.OVER
        self._backlog.clear()
        if not self._busy:
            self._spool.close()
