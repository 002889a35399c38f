"""How the page looks, and the little that runs in the browser: it follows logs and states."""

from __future__ import annotations

STYLE = """\
:root { color-scheme: light dark; --ink: #1b2733; --soft: #4d5c6b; --paper: #ffffff; --line: #cfd8e0;
  --band: #f2f5f8; --link: #0b5394; --good: #2c6636; --bad: #8e1220; --wait: #7a5b00; --act: #0b5394;
  --on-act: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaf0; --soft: #a5b3c0; --paper: #12181e;
  --line: #35414c; --band: #1b242c; --link: #8cc4ff; --good: #8fd69b; --bad: #ff9aa4; --wait: #f2d06b;
  --act: #8cc4ff; --on-act: #12181e; } }
* { box-sizing: border-box; }
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  overflow-wrap: anywhere; }
main, .bar, footer { max-width: 64rem; margin: 0 auto; padding: 0 1rem; }
.bar { display: flex; flex-wrap: wrap; gap: 0 1.25rem; align-items: center; }
header { border-bottom: 1px solid var(--line); background: var(--band); }
nav ul { display: flex; flex-wrap: wrap; gap: 0 .5rem; list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .7rem .5rem; }
nav a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none;
  box-shadow: inset 0 -3px var(--link); }
.name { font-weight: 600; padding: .5rem 0; }
.skip { position: absolute; left: -100rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--paper); }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 1.5rem 0 .5rem; }
h2 { font-size: 1.15rem; margin: 1.75rem 0 .5rem; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.soft, caption, dt, .hint { color: var(--soft); }
table { width: 100%; border-collapse: collapse; margin: .5rem 0 1.5rem; }
caption { text-align: left; font-size: .875rem; padding-bottom: .25rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem .5rem 0;
  border-bottom: 1px solid var(--line); }
thead th { font-size: .875rem; color: var(--soft); }
.state { font-weight: 600; white-space: nowrap; }
.state::before { content: "\\25CF\\00A0"; }
.running, .succeeded { color: var(--good); } .failed { color: var(--bad); }
.starting, .creating, .updating, .deleting, .inprogress { color: var(--wait); }
.stopped, .deallocated { color: var(--soft); }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) 1fr; gap: .25rem 1rem; margin: 1rem 0; }
dd { margin: 0; }
.acts { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; }
button, .button { display: inline-block; min-height: 2.75rem; padding: .5rem 1rem; font: inherit;
  color: var(--link); background: var(--paper); border: 1px solid var(--link); border-radius: .3rem;
  cursor: pointer; text-decoration: none; }
button.main, .button.main { background: var(--act); color: var(--on-act); border-color: var(--act); }
button:disabled { color: var(--soft); border-color: var(--line); cursor: default; }
form.fill { max-width: 36rem; }
label { display: block; margin: .75rem 0 0; font-weight: 600; }
input, select, textarea { display: block; width: 100%; min-height: 2.75rem; margin-top: .25rem;
  padding: .4rem .6rem; font: inherit; font-weight: 400; color: inherit; background: var(--band);
  border: 1px solid var(--soft);
  border-radius: .3rem; }
textarea { min-height: 6rem; font: .875rem/1.4 ui-monospace, monospace; }
.hint { font-weight: 400; font-size: .875rem; margin: .1rem 0 0; }
.told { border: 1px solid var(--bad); border-left-width: .4rem; border-radius: .3rem; padding: .5rem .8rem; }
pre { margin: 0; padding: .75rem; max-height: 30rem; min-height: 6rem; overflow: auto; border-radius: .3rem;
  background: #10161c; color: #dfe7ee; font: .8125rem/1.4 ui-monospace, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; }
footer { padding: 1rem; margin-top: 2rem; border-top: 1px solid var(--line); font-size: .875rem;
  color: var(--soft); }
@media (max-width: 40rem) {
  table, tbody, tr, th, td, caption { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { border: 1px solid var(--line); border-radius: .4rem; background: var(--band);
    padding: .5rem .8rem; margin-bottom: .75rem; }
  tbody th, tbody td { border: 0; padding: .15rem 0; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); }
  .acts form, .acts button { width: 100%; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
"""

SCRIPT = """\
"use strict";
// A connection that hangs, as after a laptop's sleep, is given up: the next look has one of its own.
const ask = path => fetch(path, {credentials: "same-origin", signal: AbortSignal.timeout(15000)});
const log = document.querySelector("pre[data-log]");
if (log) {
  let from = Number(log.dataset.from), waits = 1000;
  const follow = async () => {
    try {
      const answer = await ask(log.dataset.log + "?from=" + from);
      if (!answer.ok) throw new Error(answer.status);
      const found = await answer.json();
      if (found.text) {
        const low = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
        log.append(found.text);
        if (low) log.scrollTop = log.scrollHeight;
      }
      from = found.next;
      waits = 1000;
    } catch (error) {
      waits = Math.min(waits * 2, 30000);
    }
    setTimeout(follow, waits);
  };
  log.scrollTop = log.scrollHeight;
  setTimeout(follow, 300);
}
const state = document.querySelector("[data-state]");
if (state) {
  const seen = state.dataset.seen;
  const look = async () => {
    try {
      const answer = await ask(state.dataset.state);
      const found = await answer.json();
      if (answer.ok && found.seen !== seen) { location.reload(); return; }
    } catch (error) { /* the next try may do better */ }
    setTimeout(look, 2000);
  };
  setTimeout(look, 2000);
}
for (const form of document.querySelectorAll("form[data-ask]")) {
  form.addEventListener("submit", event => {
    if (!confirm(form.dataset.ask)) event.preventDefault();
  });
}
"""

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
