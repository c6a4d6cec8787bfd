"""How the readable page looks, and the little script that filters it. Nothing comes from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #59636e; --paper: #fff; --card: #f6f8fa;
  --line: #d1d9e0; --accent: #0a58ca; --get: #0a58ca; --post: #1a7f37; --put: #8a5a00; --delete: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9da7b3; --paper: #0d1117;
  --card: #161b22; --line: #30363d; --accent: #79b8ff; --get: #79b8ff; --post: #56d364; --put: #e3b341;
  --delete: #ff8f88; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 4.5rem; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main, header { max-width: 60rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; text-transform: capitalize; }
h3 { font-size: .95rem; margin: 1rem 0 .25rem; }
p { margin: .5rem 0; max-width: 46rem; }
a { color: var(--accent); }
.dim { color: var(--dim); font-size: .9rem; }
.find { position: sticky; top: 0; z-index: 1; background: var(--paper); padding: .75rem 0; }
.find input { width: 100%; font: inherit; color: inherit; background: var(--card); padding: .5rem .75rem;
  border: 1px solid var(--line); border-radius: .5rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; background: var(--card); }
summary { cursor: pointer; padding: .6rem .75rem; display: flex; flex-wrap: wrap; gap: .15rem .75rem;
  align-items: baseline; list-style: none; }
summary::-webkit-details-marker { display: none; }
summary .what { flex: 1 1 14rem; color: var(--dim); font-size: .9rem; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: .85rem; }
.path { overflow-wrap: anywhere; font-weight: 600; }
.method { font: 700 .75rem/1.6 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  min-width: 3.9rem; text-align: center; border: 1px solid currentColor; border-radius: .3rem; }
.get { color: var(--get); } .post { color: var(--post); } .put, .patch { color: var(--put); }
.delete { color: var(--delete); }
.more { padding: .25rem .75rem .75rem; border-top: 1px solid var(--line); background: var(--paper);
  border-radius: 0 0 .5rem .5rem; }
pre { margin: .25rem 0; padding: .6rem .75rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .4rem; white-space: pre-wrap; overflow-wrap: anywhere; }
dl { margin: .25rem 0; }
dt { font-weight: 600; overflow-wrap: anywhere; }
dt .dim, h3 .dim { font-weight: 400; }
dd { margin: 0 0 .5rem 1rem; }
ul.replies { margin: .25rem 0; padding-left: 1.1rem; overflow-wrap: anywhere; }
footer { padding: 2rem 0; }
[hidden] { display: none !important; }
"""

SCRIPT: Final = """
"use strict";
(() => {
  const box = document.getElementById("find");
  const count = document.getElementById("count");
  box.parentElement.hidden = false;
  const sections = [...document.querySelectorAll("section")];
  const filter = () => {
    const words = box.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const section of sections) {
      let any = false;
      for (const each of section.querySelectorAll("details")) {
        const text = each.querySelector("summary").textContent.toLowerCase() + " " + section.id;
        each.hidden = !words.every((word) => text.includes(word));
        if (!each.hidden) { any = true; shown += 1; }
      }
      section.hidden = !any;
    }
    count.textContent = words.length ? shown + " found" : "";
  };
  box.addEventListener("input", filter);
  const open = () => {
    const wanted = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (wanted instanceof HTMLDetailsElement) { wanted.open = true; wanted.scrollIntoView(); }
  };
  addEventListener("hashchange", open);
  open();
})();
"""


def _hashed(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") + "'"


POLICY: Final = (
    f"default-src 'none'; style-src {_hashed(STYLE)}; script-src {_hashed(SCRIPT)}; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy: this style and this script, and nothing else at all."""
