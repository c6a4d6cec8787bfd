"""The endpoints as a page for people, made where it is served: no script is needed to read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final

from jairouter.web.management.bodies import JSON
from jairouter.web.management.endpoint import KNOWN, PUBLIC
from jairouter.web.management.openapi import codes_of, media_types
from jairouter.web.management.page_script import SCRIPT
from jairouter.web.management.page_style import STYLE
from jairouter.web.management.whoami import Ways

if TYPE_CHECKING:
    from jairouter.web.management.endpoint import Endpoint, Parameter, Schema

ADDRESS: Final = "\ue000"
"""A character of nobody's (private use). Stands in the page where the gateway's address goes."""

_DEEPEST: Final = 6
_LONGEST: Final = 160
_AUTHORITY: Final = re.compile(r"[A-Za-z0-9.\-_]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_CODE: Final = re.compile(r"`([^`]*)`")


def address_of(host: str, *, secure: bool = False) -> str:
    """The gateway's address for a command line, from the Host header; a plain one if that is odd."""
    authority = host if _AUTHORITY.fullmatch(host) else "localhost"
    return f"{'https' if secure else 'http'}://{authority}"


def page(endpoints: Sequence[Endpoint], version: str, ways: Ways | None = None) -> str:
    """The whole page in HTML, with `ADDRESS` where the gateway's address goes.

    Args:
        endpoints: What there is.
        version: Of the gateway.
        ways: How callers say who they are.
    """
    tags = list(dict.fromkeys(each.tag for each in endpoints))
    sections = [_section(tag, [each for each in endpoints if each.tag == tag]) for tag in tags]
    links = " · ".join(f'<a href="#{_slug(tag)}">{escape(tag)}</a>' for tag in tags)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>jairouter: management API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,"><style>{STYLE}</style></head>
<body><header><h1>jairouter: management API</h1>
<p>Shows and changes the configuration of a running gateway. The same as an
<a href="/v3/api-docs">OpenAPI 3.1 document</a>.</p>
<p class="dim">Version {escape(version)} · {len(endpoints)} endpoints · {links}</p>
{_ACCESS.format(header=escape((ways or Ways()).key_header))}</header>
<main><div class="find" hidden><input id="find" type="search" autocomplete="off" aria-label="Find endpoints"
placeholder="Find: weight, rollback, delete ..."> <span id="count" class="dim" role="status"></span></div>
{"".join(sections)}
<footer class="dim">Changes make versions. An answer's <code>ETag</code> is the number of the version in
force; sent back as <code>If-Match</code>, it makes sure that nobody else has changed the configuration in
between (409). Who may ask is configured by <code>management.api.allow-from</code> and
<code>security</code>; a key or password that is typed here is forgotten with the page.
Each answer is an envelope: <code>success</code>, <code>message</code>, <code>data</code>,
<code>errorCode</code>, <code>errors</code>, <code>timestamp</code>. Members that say
nothing are left out.</footer>
</main><script>{SCRIPT}</script></body></html>
"""


_ACCESS: Final = """<div class="access" id="access" data-key-header="{header}" hidden>
<p id="who" role="status"></p>
<form id="with-key" hidden><label>API key <input id="key" type="password" autocomplete="off" required></label>
<button>Use the key</button></form>
<form id="login" hidden><label>User name <input id="user" autocomplete="username" required></label>
<label>Password <input id="password" type="password" autocomplete="current-password" required></label>
<button>Log in</button></form>
<button id="logout" class="quiet" type="button" hidden>Log out</button></div>"""
"""Who asks; the script shows what is needed of it."""


def _section(tag: str, endpoints: Sequence[Endpoint]) -> str:
    shown = "".join(map(_endpoint, endpoints))
    return f'<section id="{_slug(tag)}"><h2>{escape(tag)}</h2>{shown}</section>'


def _endpoint(endpoint: Endpoint) -> str:
    method = endpoint.method
    needed = "&".join(f"{each.name}=" for each in endpoint.in_query if each.required)
    sent = {"method": method, "path": endpoint.path + (f"?{needed}" if needed else "")}
    if endpoint.body is not None:
        sent["body"] = json.dumps(example(endpoint.body), ensure_ascii=False, indent=1)
    given = "".join(f' data-{name}="{escape(value)}"' for name, value in sent.items())
    return (
        f'<details id="{endpoint.name}"{given}><summary><span class="method {method.lower()}">{method}</span>'
        f'<code class="path">{escape(endpoint.path)}</code>'
        f'<span class="what">{_text(endpoint.summary)}</span></summary><div class="more">'
        f"{''.join(_details(endpoint))}</div></details>"
    )


def _details(endpoint: Endpoint) -> Iterator[str]:
    for paragraph in endpoint.description.split("\n\n"):
        if paragraph.strip():
            yield f"<p>{_text(paragraph)}</p>"
    yield f'<p class="dim">{_needed(endpoint.permission)}</p>'
    asked = [_parameter(each, "path") for each in endpoint.in_path]
    asked += [_parameter(each, "query") for each in endpoint.in_query]
    if endpoint.makes_version:
        seen = 'The version that the editor has seen, such as <code>"7"</code>; 409 if it is not current.'
        asked.append(f'<dt><code>If-Match</code> <span class="dim">header</span></dt><dd>{seen}</dd>')
    if asked:
        yield f"<h3>Parameters</h3><dl>{''.join(asked)}</dl>"
    if endpoint.body is not None:
        types = ", ".join(media_types(endpoint))
        needed = "" if endpoint.body_required else ", may be left out"
        yield f'<h3>Body <span class="dim">{types}{needed}</span></h3>{_members(endpoint.body)}'
    yield f'<h3>Replies</h3><ul class="replies">{"".join(_replies(endpoint))}</ul>'
    if endpoint.data and endpoint.data.get("type") != "null":
        yield f"<h3>Data</h3>{_members(endpoint.data)}"
    yield f"<h3>Try it</h3><pre>{escape(_curl(endpoint))}</pre>"


def _needed(permission: str) -> str:
    """What a caller needs."""
    if permission == PUBLIC:
        return "Anybody may."
    if permission == KNOWN:
        return "Whoever has said who they are may."
    return f"Needs <code>{escape(permission)}</code>."


def _replies(endpoint: Endpoint) -> Iterator[str]:
    yield f"<li><code>{endpoint.status}</code> done</li>"
    for status, codes in codes_of(endpoint).items():
        yield f"<li><code>{status}</code> <code>{', '.join(codes)}</code></li>"


def _parameter(parameter: Parameter, place: str) -> str:
    kind = _kind(parameter.schema)
    more = [place, kind]
    if place == "query" and parameter.required:
        more.append("required")
    if parameter.default is not None:
        more.append(f"default {json.dumps(parameter.default)}")
    name, said = escape(parameter.name), _text(parameter.description)
    return f'<dt><code>{name}</code> <span class="dim">{escape(", ".join(more))}</span></dt><dd>{said}</dd>'


def _members(schema: Schema) -> str:
    return f"<pre>{escape(_outline(schema))}</pre>"


def _outline(schema: Schema, indent: str = "", depth: int = 0) -> str:
    """A schema in the form of what it describes."""
    inner = indent + "  "
    properties: Any = schema.get("properties")
    if properties and depth < _DEEPEST:
        required = schema.get("required", ())
        lines = [
            f"{inner}{name}{'' if name in required else '?'}: {_outline(each, inner, depth + 1)}{_said(each)}"
            for name, each in properties.items()
        ]
        return "{\n" + "\n".join(lines) + f"\n{indent}}}"
    if isinstance(schema.get("items"), dict) and depth < _DEEPEST:
        return f"[{_outline(schema['items'], indent, depth + 1)}, ...]"
    rest = schema.get("additionalProperties")
    if isinstance(rest, dict) and rest and depth < _DEEPEST:
        return f"{{\n{inner}<name>: {_outline(rest, inner, depth + 1)}\n{indent}}}"
    return _kind(schema)


def _said(schema: Schema) -> str:
    """What a member is for, in the first sentence of its description."""
    first = " ".join(str(schema.get("description", "")).split()).partition(". ")[0].rstrip(".")
    return f"  # {first[:_LONGEST]}" if first else ""


def _kind(schema: Schema) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(each, ensure_ascii=False) for each in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return " | ".join(dict.fromkeys(map(_kind, branches)))
    kinds = schema.get("type", schema.get("title", "anything"))
    shown = " | ".join(kinds) if isinstance(kinds, list | tuple) else str(kinds)
    limits = [f"{sign} {schema[name]}" for name, sign in _LIMITS.items() if name in schema]
    return f"{shown} ({', '.join(limits)})" if limits else shown


_LIMITS: Final = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


_KNOWN: Final = {"type", "properties", "examples", "enum", "example", "const", "default", "anyOf", "oneOf"}
"""By which of its members a schema says what a value may be."""
_USUAL: Final = {"name": "my-model", "weight": 1, "enabled": True, "capacity": 100, "rate": 10}
"""Values of settings that may be written in several ways."""


def example(schema: Schema, depth: int = 0) -> Any:
    """A value as a schema describes, with what it requires, or else all there is."""
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("example", "const", "default"):
        if name in schema:
            return schema[name]
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return example(branches[0], depth)
    kind: Any = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list | tuple) else kind
    if kind == "object":
        properties = schema.get("properties", {})
        told = [name for name, inner in properties.items() if _KNOWN & inner.keys() or name in _USUAL]
        names = schema.get("required") or (told[:4] if depth < 2 else [])
        return {name: _member(name, properties.get(name, {}), depth + 1) for name in names}
    if kind == "array":
        return [example(schema.get("items", {}), depth + 1)] if depth < _DEEPEST else []
    plain = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1), "boolean": True}
    return None if kind == "null" else plain.get(kind, "...")


def _member(name: str, schema: Schema, depth: int) -> Any:
    """A value of a member, which may be of several types; a command that is pasted should not be refused."""
    return example(schema, depth) if _KNOWN & schema.keys() else _USUAL.get(name, "...")


def _curl(endpoint: Endpoint) -> str:
    """A command line that asks it; only text of ours is in it, none that needs quoting twice."""
    query = "&".join(f"{each.name}=..." for each in endpoint.in_query if each.required)
    path = endpoint.path
    for each in endpoint.in_path:
        # What changes something is not to be pasted without a thought
        if endpoint.method == "GET" and each.schema.get("examples"):
            path = path.replace(f"{{{each.name}}}", str(each.schema["examples"][0]))
    url = f"{ADDRESS}{path}" + (f"?{query}" if query else "")
    method = "" if endpoint.method == "GET" else f" -X {endpoint.method}"
    line = f"curl -g{method} '{url}'"
    if endpoint.body is not None:
        body = json.dumps(example(endpoint.body), ensure_ascii=False).replace("'", "'\\''")
        line += f" \\\n  -H 'Content-Type: {JSON}' \\\n  -d '{body}'"
    return line


def _slug(tag: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", tag.lower()).strip("-")


def _text(text: str) -> str:
    """Plain text with `code` in it."""
    return _CODE.sub(r"<code>\1</code>", escape(text, quote=False))
