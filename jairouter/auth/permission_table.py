"""The table of permissions in docs/security.md, made from `jairouter.auth.permissions`.

`python -m jairouter.auth.permission_table` writes it, and compares it with `--check`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jairouter.auth.permissions import ALL, SERVICES, granted, granted_to_roles
from jairouter.page_table import PageTable

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


_PLACE: Final = PageTable(Path("docs/security.md"), "permissions", BEGIN, END, table)
page = _PLACE.replaced


if __name__ == "__main__":
    raise SystemExit(_PLACE.main(sys.argv[1:]))
