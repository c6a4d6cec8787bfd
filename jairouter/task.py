r"""Runs coroutines: the pipeline, once for each request.

::

              start            returns, raises
    (new) -----------> RUNNING ----------------> over
                        |   ^
      awaits a Deferred |   | it fires, or
           or a Promise |   | is cancelled
                        v   |
                       WAITING

`Deferred.fromCoroutine` does as much for everybody: it copies a context, makes two Deferreds and a Failure
for each. Cancelling ends there what was begun; here, as with asyncio's tasks, it raises `CancelledError`
at the innermost await, and whoever awaits further out may turn that into something else: the Timeout filter
does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

_T = TypeVar("_T")


class Task(Generic[_T]):
    """See the module's picture.

    Args:
        coroutine: What is run. It awaits nothing but Deferreds and promises.
        returned: Told its result.
        raised: Told what it raised instead, inside of the ``except``: `Failure()` has the traceback.
    """

    __slots__ = ("_cancelled", "_coroutine", "_raised", "_returned", "_waiting")

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, _T],
        returned: Callable[[_T], None],
        raised: Callable[[BaseException], None],
    ) -> None:
        self._coroutine = coroutine
        self._returned: Callable[[_T], None] | None = returned
        self._raised: Callable[[BaseException], None] | None = raised
        self._waiting: Deferred[Any] | Promise[Any] | None = None
        self._cancelled = False

    def start(self) -> None:
        """Run it as far as it comes."""
        self._step()

    def cancel(self) -> None:
        """Raise `CancelledError` where it waits; if it does not wait now, as soon as it does."""
        if self._waiting is not None:
            self._waiting.cancel()
        else:
            self._cancelled = True

    def _step(self, result: object = None) -> None:
        global _running  # noqa: PLW0603 - the reactor runs one task at a time; so does asyncio keep it
        self._waiting = None
        outer, _running, handled = _running, self, sys.exception()
        try:
            if isinstance(result, Failure):
                # (with the traceback that belongs to it: Twisted raises some errors again and again)
                error = cast("BaseException", result.value).with_traceback(result.tb)
                waiting = self._coroutine.throw(error)
            else:
                waiting = self._coroutine.send(None)  # what was awaited knows its result
        except StopIteration as end:
            _running = outer
            self._over(self._returned, end.value)
        except BaseException as error:
            _running = outer
            self._over(self._raised, error)
            _let_go(error, handled)
        else:
            _running = outer
            self._waiting = waiting
            waiting.addBoth(self._step)
            if self._cancelled:
                self._cancelled = False
                waiting.cancel()
        finally:
            result = None  # an error knows this frame by its traceback, and must not be known by it

    def _over(self, tell: Callable[[Any], None] | None, result: object) -> None:
        # Whoever is told most likely holds this task: without the cycle nobody has to look for it as garbage
        self._returned = self._raised = None
        if tell is not None:
            tell(result)


_running: Task[Any] | None = None


def current_task() -> Task[Any]:
    """The task that is running now.

    Raises:
        RuntimeError: None is; only what a task runs may ask.
    """
    if _running is None:
        raise RuntimeError("no task is running")
    return _running


def _let_go(error: BaseException | None, handled: BaseException | None) -> None:
    """Free what the frames of a traceback hold, which whoever was told has logged by now.

    They know the frames that called them, and one of those knows the error again.
    """
    while error is not None and error is not handled:
        error.__traceback__ = None
        error = error.__context__


class Promise(Generic[_T]):
    """A result to come, awaited by one task: a Deferred without its chain of callbacks.

    Args:
        on_cancel: Called when nobody wants it any more.
    """

    __slots__ = ("_on_cancel", "_result", "_settled", "_then")

    def __init__(self, on_cancel: Callable[[], None]) -> None:
        self._on_cancel = on_cancel
        self._then: Callable[[object], object] | None = None
        self._settled = False
        self._result: _T | Failure | None = None

    def settle(self, result: _T | Failure) -> None:
        """Here it is, or why it will not come; called once, or never if it was cancelled."""
        self._settled = True
        self._result = result
        if self._then is not None:
            self._then(result)

    def cancel(self) -> None:
        """Nobody wants it: whoever awaits it is told so by `CancelledError`, if it has not come."""
        if not self._settled:
            self._on_cancel()
            if not self._settled:  # as a Deferred's canceller may, it may have said what came of it
                self.settle(Failure(CancelledError()))

    def addBoth(self, then: Callable[[object], object]) -> None:
        """As a Deferred's, for the one task."""
        self._then = then
        if self._settled:
            then(self._result)

    def __await__(self) -> Generator[Promise[_T], None, _T]:
        if not self._settled:
            yield self
        if isinstance(self._result, Failure):
            raise cast("BaseException", self._result.value)
        return self._result  # type: ignore[return-value]  # (a cast is a call)


def as_deferred(coroutine: Coroutine[Any, Any, _T]) -> Deferred[_T]:
    """Run a coroutine for somebody who wants a Deferred; cancelling that cancels the task."""
    result: Deferred[_T] = Deferred(lambda _: task.cancel())
    task = Task(coroutine, result.callback, lambda error: result.errback(Failure(error)))
    task.start()
    return result
