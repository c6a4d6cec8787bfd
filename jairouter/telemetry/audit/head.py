"""Where the chain ended, as noted beside the files: else nobody could tell that lines are missing at the end.

It is written after the lines that it tells of, and where they are forced to disk, after that: so it never
promises a line that a crash could take away.
"""

from __future__ import annotations

import hmac
import json
import os
from contextlib import suppress
from pathlib import Path

from jairouter.telemetry.audit.chain import Chain, Link


class NoHead(Exception):
    """There is none that could be believed; the text says why."""


def read_head(path: Path, chain: Chain) -> Link:
    """Where the chain ended.

    Raises:
        NoHead: Nobody knows.
    """
    try:
        # (A pipe of that name would keep one waiting for a writer)
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            said = json.loads(file.read(1000))
        link, mark = Link(int(said["seq"]), str(said["hash"])), str(said.get("mark", ""))
    except FileNotFoundError:
        raise NoHead(f"{path.name} is missing") from None
    except OSError as error:
        raise NoHead(f"{path.name} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise NoHead(f"{path.name} is damaged") from None
    if not hmac.compare_digest(mark.encode(), chain.mark(link).encode()):
        raise NoHead(f"{path.name} was not written with this chain-key")
    return link


def write_head(path: Path, link: Link, chain: Chain, mode: int, sync: bool) -> None:
    """Note where the chain ends now.

    Args:
        path: Where.
        link: The chain.
        chain: Has the key.
        mode: Who may read it.
        sync: Whether it has to survive a power cut.

    Raises:
        OSError: It cannot be written; the one before is still there.
    """
    mark = chain.mark(link)
    said = {"seq": link.seq, "hash": link.digest, **({"mark": mark} if mark else {})}
    unfinished = path.with_name(f".{path.name}.tmp")
    with suppress(FileNotFoundError):
        unfinished.unlink()
    number = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(number, "wb") as file:
        file.write(json.dumps(said).encode() + b"\n")
        file.flush()
        os.fchmod(number, mode)
        if sync:
            os.fsync(number)
    os.rename(unfinished, path)
