import { Html, html } from '../html.ts';
import { type RegionId, type Regions, regionIds } from '../regions.ts';

const titles: Readonly<Record<RegionId, string>> = {
  standing: 'Standing',
  topology: 'Topology',
  services: 'Services',
  calls: 'Calls',
  traces: 'Traces',
  events: 'Events',
};

/** The whole page; live from then on by what /live sends. */
export function meshPage(regions: Regions): string {
  const sections = regionIds.filter((id) => id !== 'standing');
  return page(
    'weft',
    html`<div id="standing" role="status" aria-live="polite">${new Html(regions.standing)}</div>
${sections.map(
  (id) => html`<section aria-labelledby="${id}-title"><h2 id="${id}-title">${titles[id]}</h2>
<div id="${id}">${new Html(regions[id])}</div></section>
`,
)}
<script type="module" src="/console.js"></script>`,
    html`<nav aria-label="Parts of this page">${sections.map((id) => html`<a href="#${id}-title">${titles[id]}</a> `)}</nav>`,
  );
}

/** One trace on a page of its own. */
export function tracePage(traceId: string, drawn: Html): string {
  return page(
    `trace ${traceId.slice(0, 8)}`,
    html`<section aria-labelledby="trace-title"><h2 id="trace-title">Trace <code>${traceId}</code></h2>
${drawn}</section>`,
    html`<nav aria-label="Back"><a href="/#traces-title">← all traces</a></nav>`,
  );
}

/** Where something went wrong. */
export function errorPage(title: string, words: string): string {
  const main = html`<section><h2>${title}</h2><p>${words}</p></section>`;
  return page(title, main, html`<nav aria-label="Back"><a href="/">← the mesh</a></nav>`);
}

function page(title: string, main: Html, nav: Html): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/console.css">
<script src="/idiomorph.js" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the mesh</a>
<header><h1><a href="/"><svg class="logo" viewBox="0 0 32 32" aria-hidden="true"><path d="M4 9h24M4 16h24M4 23h24"/><path d="M9 4v24M16 4v24M23 4v24"/></svg>weft</a></h1>${nav}<p id="link" role="status"></p></header>
<main id="main">${main}</main>
</body>
</html>
`.text;
}
