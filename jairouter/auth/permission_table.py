"""The table of permissions in docs/security.md, made from `jairouter.auth.permissions`.

`python -m jairouter.auth.permission_table` writes it, and compares it with `--check`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jairouter.auth.permissions import ALL, SERVICES, granted, granted_to_roles

PAGE: Final = Path("docs/security.md")
BEGIN: Final = "<!-- permissions: made by `make docs` -->"
END: Final = "<!-- end of permissions -->"

_WORDS: Final = (
    ("chat:read", "likewise `embedding`, `rerank`, `tts`, `stt`, `imgGen`, `imgEdit`"),
    ("chat:*", "`chat:admin` and `chat` are the same"),
    ("config:read", "likewise `monitoring`, `audit`, `security`, `tracing`"),
    ("config:delete", ""),
    ("config:write", ""),
    ("config:*", "`config:admin` and `config` are the same"),
    ("*:read", ""),
    ("*:*", "`*` and `admin` are the same"),
    ("read", "of older files"),
    ("delete", "of older files"),
    ("write", "of older files"),
)
_ROLES: Final = ("USER", "ADMIN")


def table() -> str:
    """The table, in Markdown."""
    rows = ["| written | comes to | |", "|---|---|---|"]
    rows += [f"| `{word}` | {_shown(granted([word]))} | {note} |" for word, note in _WORDS]
    rows += [
        f"| role `{role}` | {_shown(granted_to_roles([role]))} | `ROLE_{role}` is the same |"
        for role in _ROLES
    ]
    return "\n".join(rows)


def _shown(permissions: frozenset[str]) -> str:
    if permissions == ALL:
        return "everything"
    services = {f"{each}:read" for each in SERVICES}
    if services <= permissions:
        return ", ".join(["`read` of all seven services", *_named(permissions - services)])
    return ", ".join(_named(permissions))


def _named(permissions: Iterable[str]) -> list[str]:
    return [f"`{each}`" for each in sorted(permissions)]


def page(text: str) -> str:
    """The page with the table as it has to be.

    Raises:
        ValueError: There is no place for it.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} has no place for the table of permissions")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    """Write the table into the page; with `--check`, only compare. Returns the exit status."""
    text = PAGE.read_text("utf-8")
    wanted = page(text)
    if "--check" in arguments:
        if text != wanted:
            sys.stderr.write(f"{PAGE}: the table of permissions is out of date: make docs\n")
        return int(text != wanted)
    PAGE.write_text(wanted, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
