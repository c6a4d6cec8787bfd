"""Whether a change is taken back, because more requests fail under it than before.

::

                      too many fail
           WATCHING -----------------> UNDONE
              |
              | the time is over
              v
             KEPT

A request counts from its end on. So that requests that time out are seen at all, a change has to be watched
for longer than the timeouts are.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jairouter.control import UndoRule
    from jairouter.reloading.error_rate import Counts


class State(enum.Enum):
    """How it stands with a change."""

    WATCHING = "watching"
    KEPT = "kept"
    UNDONE = "undone"


class Undo:
    """Judges one change.

    Args:
        rule: When it is taken back.
        before: Requests before it.
        since: When it came into force, in the clock's seconds.

    Attributes:
        state: See the module's picture.
        reason: What was found, in one line, once it is judged.
    """

    def __init__(self, rule: UndoRule, before: Counts, since: float) -> None:
        self.state = State.WATCHING
        self.reason = ""
        self._rule = rule
        self._before = before
        self._since = since

    def judge(self, now: float, counts: Counts) -> State:
        """Look at it again.

        Args:
            now: In the clock's seconds.
            counts: Requests that began under the change, and are over.
        """
        if self.state is not State.WATCHING:
            return self.state
        enough = counts.requests >= self._rule.min_requests
        found = f"{_percent(counts.share)} of {counts.requests} requests failed"
        if enough and counts.share > self._before.share + self._rule.margin:
            self.state = State.UNDONE
            self.reason = f"{found}, {_percent(self._before.share)} before"
        elif now - self._since >= self._rule.within:
            self.state = State.KEPT
            few = f"; that is less than {self._rule.min_requests}, and says nothing"
            self.reason = found if enough else found + few
        return self.state


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"
