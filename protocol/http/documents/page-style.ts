/** How the page of the API looks. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --text: #1c2024; --soft: #5a6470; --back: #fff; --panel: #f3f5f7; --line: #d5dbe1; --link: #0b57b8; --mark: #0a6b52;
}
@media (prefers-color-scheme: dark) {
  :root { --text: #e4e7ea; --soft: #a2adb8; --back: #14171a; --panel: #1f2429; --line: #39424b; --link: #82b7ff; --mark: #6fd3b3; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; max-width: 80rem; padding: 0 1rem 4rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); overflow-wrap: anywhere; }
h1, h2, h3, h4 { line-height: 1.25; }
h1 small { font-size: 1rem; font-weight: normal; color: var(--soft); }
h2 { margin-top: 3rem; padding-bottom: .25rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
h4 { font-size: .9rem; margin: 1.25rem 0 .25rem; color: var(--soft); }
p { margin: .5rem 0; max-width: 48rem; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
code, pre { font: .875rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
:not(pre) > code { background: var(--panel); padding: .1em .3em; border-radius: .25em; }
h3 code { font-size: 1rem; font-weight: 600; }
h3 .method { color: var(--mark); }
pre { margin: .25rem 0 .75rem; padding: .75rem; white-space: pre-wrap; background: var(--panel); border: 1px solid var(--line); border-radius: .4em; }
dl { margin: .5rem 0; max-width: 48rem; }
dt { margin-top: .4rem; }
dt > code:first-child { font-weight: 600; }
dd { margin: .1rem 0 0 1.25rem; }
table { border-collapse: collapse; }
th, td { padding: .35rem .75rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
ul { padding-left: 1.25rem; }
.soft { color: var(--soft); }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: .5rem; padding: .5rem; background: var(--back); }
nav > ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0; list-style: none; }
nav ul ul { display: none; }
@media (min-width: 64rem) {
  body { display: grid; grid-template-columns: 16rem minmax(0, 1fr); column-gap: 3rem; }
  header, .skip { grid-column: 1 / -1; }
  nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; padding: 1rem 0; font-size: .9rem; }
  nav > ul { display: block; }
  nav > ul > li { margin-bottom: .75rem; font-weight: 600; }
  nav ul ul { display: block; padding: 0; list-style: none; font-weight: normal; }
}
@media print {
  body { display: block; max-width: none; font-size: 10pt; color: #000; background: #fff; }
  nav, .skip { display: none; }
  h2, h3, h4 { break-after: avoid; }
  pre, dt, tr { break-inside: avoid; }
  dt { break-after: avoid; }
  a { color: inherit; text-decoration: none; }
}
`;
