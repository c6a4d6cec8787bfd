"""How the readable page looks, and what a browser may do with it. Nothing comes from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from jairouter.web.management.page_script import SCRIPT

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
.access { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .75rem; margin-top: .75rem; }
.access form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: end; margin: .5rem 0 0; }
.access label { flex: 1 1 11rem; font-size: .9rem; color: var(--dim); }
.access p { margin: 0; overflow-wrap: anywhere; }
.access input, .send input, .send textarea { display: block; width: 100%; font: inherit; color: inherit;
  background: var(--paper); padding: .4rem .6rem; border: 1px solid var(--line); border-radius: .4rem; }
.send input, .send textarea { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: .85rem; margin-bottom: .4rem; }
button { font: inherit; color: var(--paper); background: var(--accent); border: 0; border-radius: .4rem;
  padding: .4rem .9rem; cursor: pointer; }
button.quiet { color: var(--accent); background: none; border: 1px solid var(--line); }
.bad { color: var(--delete); }
footer { padding: 2rem 0; }
[hidden] { display: none !important; }
"""


def _hashed(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") + "'"


POLICY: Final = (
    f"default-src 'none'; style-src {_hashed(STYLE)}; script-src {_hashed(SCRIPT)}; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy: this style, this script, and what it asks of this gateway."""
