"""How the advisories' pages look and search: the style and the script, which each page carries in itself."""

from __future__ import annotations

import base64
import hashlib

STYLE = """\
:root { color-scheme: light dark; --ink: #1b2733; --soft: #4d5c6b; --paper: #ffffff; --line: #cfd8e0;
  --band: #f2f5f8; --link: #0b5394; --critical: #8e1220; --high: #a83c00; --medium: #7a5b00;
  --low: #2c6636; --unknown: #4d5c6b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaf0; --soft: #a5b3c0; --paper: #12181e;
  --line: #35414c; --band: #1b242c; --link: #8cc4ff; --critical: #ff9aa4; --high: #ffb07c;
  --medium: #f2d06b; --low: #8fd69b; --unknown: #a5b3c0; } }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  overflow-wrap: break-word; }
main, header { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1.5rem 0 .5rem; }
h2 { font-size: 1.15rem; margin: 1.75rem 0 .5rem; }
a { color: var(--link); }
a:focus-visible, input:focus-visible, select:focus-visible { outline: 3px solid var(--link);
  outline-offset: 2px; }
.lead, caption, dt, .count { color: var(--soft); }
form { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0 .5rem; }
form[hidden] { display: none; }
label { display: block; font-size: .875rem; color: var(--soft); }
label.wide { flex: 1 1 16rem; }
input, select { display: block; width: 100%; min-height: 2.75rem; padding: .4rem .6rem; font: inherit;
  color: inherit; background: var(--band); border: 1px solid var(--soft); border-radius: .3rem; }
table { width: 100%; border-collapse: collapse; margin: .5rem 0 2rem; }
caption { text-align: left; font-size: .875rem; padding-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0;
  border-bottom: 1px solid var(--line); }
thead th { font-size: .875rem; color: var(--soft); white-space: nowrap; }
tbody th { font-weight: 600; white-space: nowrap; }
tr[hidden] { display: none; }
td ul { list-style: none; margin: 0; padding: 0; display: inline; }
td li { display: inline; white-space: nowrap; }
td[data-field=title], code, dd, h1, .text { overflow-wrap: anywhere; }
.severity, td time { white-space: nowrap; }
@media (min-width: 46.01rem) { td[data-label=CVEs] { width: 10rem; } td[data-field=title] { width: 40%; } }
td li:not(:last-child)::after { content: ","; }
.severity { font-weight: 600; }
.critical { color: var(--critical); } .high { color: var(--high); } .medium { color: var(--medium); }
.low { color: var(--low); } .unknown { color: var(--unknown); }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1rem; margin: 1rem 0; }
dd { margin: 0; }
.text { white-space: pre-wrap; }
code { font: .9em/1.5 ui-monospace, monospace; }
.files { padding-left: 1.1rem; }
footer { max-width: 72rem; margin: 2rem auto; padding: 1rem; border-top: 1px solid var(--line);
  font-size: .875rem; color: var(--soft); }
@media (max-width: 46rem) {
  table, tbody, tr, th, td, caption { display: block; }
  th, td { overflow-wrap: anywhere; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { border: 1px solid var(--line); border-radius: .4rem; background: var(--band);
    padding: .6rem .8rem; margin-bottom: .75rem; }
  tbody th, tbody td { border: 0; padding: .15rem 0; white-space: normal; }
  tbody td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .6rem; }
}
@media print { form { display: none; } }
"""

# Every word has to occur somewhere in the row; the search is kept behind the address's `#`.
SCRIPT = """\
"use strict";
(() => {
  const form = document.querySelector("form");
  const count = document.querySelector(".count");
  const rows = Array.from(document.querySelectorAll("tbody tr"), (row) => ({
    row, text: (row.dataset.find || "").toLowerCase(),
  }));
  const show = () => {
    const words = form.q.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, text } of rows) {
      const fits = words.every((word) => text.includes(word)) &&
        (!form.severity.value || row.dataset.severity === form.severity.value) &&
        (!form.kind.value || row.dataset.kind === form.kind.value);
      row.hidden = !fits;
      shown += fits;
    }
    count.textContent = `${shown} of ${rows.length} advisories`;
  };
  const keep = () => {
    const said = new URLSearchParams();
    for (const name of ["q", "severity", "kind"])
      if (form[name].value) said.set(name, form[name].value);
    history.replaceState(null, "", "#" + said);
  };
  const recall = () => {
    const said = new URLSearchParams(location.hash.slice(1));
    for (const name of ["q", "severity", "kind"]) {
      form[name].value = said.get(name) || "";
      if (form[name].selectedIndex === -1) form[name].value = "";
    }
    show();
  };
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => { show(); keep(); });
  window.addEventListener("hashchange", recall);
  form.hidden = false;
  recall();
})();
"""


def policy(script: str = "") -> str:
    """Give the Content-Security-Policy of a page: this style, this script, and nothing from anywhere else."""
    parts = ["default-src 'none'", "img-src data:", "base-uri 'none'", "form-action 'none'"]
    parts.append(f"style-src {_source(STYLE)}")
    if script:
        parts.append(f"script-src {_source(script)}")
    return "; ".join(parts)


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}'"
