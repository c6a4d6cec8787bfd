"""The reference page docs/configuration.md, made from the settings themselves.

`python -m jairouter.config.reference [FILE]` writes it, and compares it with `--check`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from jairouter.config import not_applicable
from jairouter.config.not_yet import TABLE, is_pending
from jairouter.config.settings.root import Settings
from jairouter.config.settings.section import Section
from jairouter.config.shape import Group, Leaf, Listing, Member, Naming, Shape

PAGE: Final = "docs/configuration.md"

_HEAD: Final = """\
# Configuration

This page is made from the settings by `make docs`; edit the descriptions there.

## How it is read

* **Sources**, each laid over the one before: the defaults below, the files, the files of active
  profiles, environment variables, and the changes that were made while the gateway ran
  ([versions](live-configuration.md)). Mappings are merged, anything else, lists included, is
  replaced; of versions, single instances are patched.
* **Files** are YAML. Of a directory, `application.yml` and `jairouter.yml` are read, then
  `application-security.yml`, then `application-<profile>.yml` for each active profile.
* **Profiles** are named by `--profile`, or by the variable `SPRING_PROFILES_ACTIVE`, or by
  `spring.profiles.active` in a file that belongs to no profile. A document in a file applies to
  some profiles only when `spring.config.activate.on-profile` names them (`prod & !eu`).
* **Spelling**: `read-timeout`, `readTimeout` and `read_timeout` are the same key. Keys may be flat:
  `server.port: 8080`. A key that does not exist is a fault, and so is a key that is given twice.
* **Environment**: `SERVER_PORT` is `server.port`, `MODEL_SERVICES_CHAT_INSTANCES_0_WEIGHT` is
  `model.services.chat.instances[0].weight`. Variables that match no key are left alone, except
  that with `JAIROUTER_` in front (`JAIROUTER_SERVER_PORT`) they have to match one.
* **Placeholders**: `${NAME}` and `${NAME:default}` in any value stand for an environment variable
  or another key; `\\${` is a plain `${`. What stands for nothing is a fault.
* **Durations**: `500ms`, `30s`, `5m`, `1h`, `2d`, `PT1M30S`; whether a bare number is
  seconds (`bare: s`) or milliseconds (`bare: ms`) is said with each key.
* **Sizes**: `10MB`, `500KB` (powers of 1024), or bytes.
* **Secrets** are never shown: not in the effective configuration, nor in faults, nor in logs.
* `jairouter check-config FILE...` shows all faults at once, or the effective configuration.

Keys marked with * are accepted and do nothing yet; switching them on gives a notice.
"""


def page() -> str:
    """Make the page."""
    parts = [_HEAD]
    parts += (_section(Group(Settings), name) for name in Group(Settings).members)
    parts.append(_not_yet())
    parts.append(_inapplicable())
    return "\n".join(parts)


def _section(root: Group, name: str) -> str:
    member = root.members[name]
    lines = [f"## {name}", ""]
    if isinstance(member.shape, Group):
        lines += (_prose(member.shape.model), "")
    lines += ("| Key | Value | Default | Meaning |", "|---|---|---|---|")
    lines += _rows((name,), member)
    return "\n".join((*lines, ""))


def _prose(model: type[Section]) -> str:
    return " ".join((model.__doc__ or "").split())


def _rows(path: tuple[str, ...], member: Member) -> Iterator[str]:
    """Go through the rows of a member and of all below it."""
    shape, suffix = _inner(member.shape)
    here = (*path[:-1], path[-1] + suffix)
    meaning = " ".join(member.description.split())
    if isinstance(shape, Group):
        if meaning or len(path) > 1:
            yield _row(here, "", "", meaning or _prose(shape.model))
        if member.inherits:
            return
        default = member.default if isinstance(member.default, Section) else None
        for inner in shape.members.values():
            yield from _rows((*here, inner.key), _with_default(inner, default))
    else:
        yield _row(here, _form(member.shape), _default(member), meaning)


def _with_default(member: Member, outer: Section | None) -> Member:
    """Give a member the default that the section around it sets for it, if any."""
    default = member.default if outer is None else getattr(outer, member.field)
    return Member(member.field, member.key, member.shape, member.description, default, member.inherits)


def _inner(shape: Shape) -> tuple[Shape, str]:
    """Return what a list or a mapping of sections holds, and how its keys go on."""
    match shape:
        case Listing(item=Group() as item):
            return item, "[]"
        case Naming(value=Group() as value):
            return value, ".<name>"
    return shape, ""


def _row(path: tuple[str, ...], form: str, default: str, meaning: str) -> str:
    steps = ".".join(path).replace("[]", ".0").replace("<name>", "chat").split(".")
    mark = " *" if is_pending(tuple(steps)) else ""
    return f"| `{'.'.join(path)}`{mark} | {_cell(form)} | {_cell(default)} | {_cell(meaning)} |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _form(shape: Shape) -> str:
    match shape:
        case Leaf():
            return shape.form.brief
        case Listing():
            return f"a list, each {_form(shape.item)}"
        case Naming():
            return f"a mapping of {_form(shape.value)}"
    return ""


def _default(member: Member) -> str:
    if member.required:
        return "required"
    text = _plain(member.shape, member.default)
    if text in ("", None, [], {}):
        return ""
    if isinstance(text, list):
        return f"`{', '.join(map(str, text))}`"
    return f"`{yaml.safe_dump(text).split(chr(10))[0]}`"


def _plain(shape: Shape, value: Any) -> Any:
    if isinstance(shape, Leaf):
        return None if value is None else shape.form.show(value)
    if isinstance(shape, Listing):
        return [_plain(shape.item, item) for item in value]
    return dict(value)


def _not_yet() -> str:
    lines = ["## What has no effect yet", ""]
    lines += (f"* {', '.join(f'`{place}`' for place in row.places)}" for row in TABLE)
    return "\n".join((*lines, ""))


def _inapplicable() -> str:
    """List the keys of other products that are accepted."""
    lines = ["## Keys without a meaning here", ""]
    lines.append("They are accepted, each with a notice, so that existing files can be used.")
    lines += ("", "| Keys below | Why |", "|---|---|")
    lines += (f"| `{k}` | {why} |" for k, why in not_applicable.KEYS.items() if why)
    lines += ("", "| Variable | |", "|---|---|")
    lines += (f"| `{name}` | {told} |" for name, told in not_applicable.VARIABLES.items())
    return "\n".join((*lines, ""))


def main(arguments: list[str] | None = None) -> int:
    """Write the page to the file that is named, or to its place below the current directory.

    With `--check` nothing is written; the status is 1 if the page there is not what it should be.
    """
    names = sys.argv[1:] if arguments is None else arguments
    if names == ["--check"]:
        return int(Path(PAGE).read_text(encoding="utf-8") != page())
    Path(names[0] if names else PAGE).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
