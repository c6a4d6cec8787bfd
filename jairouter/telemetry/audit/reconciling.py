"""Where a chain goes on after a start, and what does not fit: pure, of what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jairouter.telemetry.audit.chain import Chain, Link, holds_without_key

if TYPE_CHECKING:
    from jairouter.telemetry.audit.current import Strange
    from jairouter.telemetry.audit.tail import Tail


def reconciled(tail: Tail, head: Link | None, why: str, chain: Chain) -> tuple[Link, list[Strange]]:
    """Where the chain goes on.

    It goes on where it ended by the note or by the lines, whichever is later: then what is missing shows as a
    gap for as long as the file is kept.

    Args:
        tail: How the files end.
        head: Where the chain ended, by the note.
        why: Why there is no note.
        chain: Checks lines.

    Returns:
        The chain up to the last line, and what is wrong.
    """
    if not tail.seals:
        return _without_lines(tail, head, why)
    last = tail.seals[-1].link
    wrong: list[Strange] = []
    if tail.strange or not _as_written(tail, chain):
        wrong.append(("AUDIT_FILE_CHANGED", "the last lines are not as they were written", {}))
    if head is None:
        wrong.append(("AUDIT_HEAD_MISSING", why, {"last": last.seq}))
        return last, wrong
    if last.seq < head.seq:
        wrong.append(_missing(last.seq, head.seq))
        return head, wrong
    if any(each.seq == head.seq and each.digest != head.digest for each in tail.seals):
        wrong.append(
            ("AUDIT_FILE_CHANGED", "the last lines are others than were written", {"last": head.seq})
        )
    return last, wrong


def _as_written(tail: Tail, chain: Chain) -> bool:
    """Whether the last lines have the digests that they should have: with the key, once there is one."""
    keyed = False
    for each in tail.seals:
        if chain.holds(each):
            keyed = chain.keyed
        elif keyed or not holds_without_key(each):
            return False
    return True


def _without_lines(tail: Tail, head: Link | None, why: str) -> tuple[Link, list[Strange]]:
    if head is None:
        if not tail.strange:
            return Link(), []  # the very first start
        return Link(), [("AUDIT_HEAD_MISSING", f"{why}, and the file has no line of ours", {})]
    return head, [_missing(0, head.seq)] if head.seq else []


def _missing(last: int, noted: int) -> Strange:
    return "AUDIT_TRUNCATED", "lines are missing at the end", {"last": last, "expected": noted}
