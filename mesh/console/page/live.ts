/*
 * What runs in the browser: it puts what the console sends where it belongs, and says when nothing comes any more.
 * Of the browser's own things those few are declared that are used; the mesh is compiled without the others, so that no
 * service reaches for them by mistake.
 */

interface Element {
  textContent: string | null;
  readonly classList: { toggle(name: string, on: boolean): void };
}
declare const document: {
  readonly body: Element;
  getElementById(id: string): Element | null;
};
declare class EventSource {
  constructor(url: string);
  addEventListener(
    type: 'open' | 'message' | 'error',
    listener: (event: { readonly data?: string }) => void,
  ): void;
}
/** Changes an element into what the HTML says without making anew what stays: focus, scrolling and selection survive. */
declare const Idiomorph: {
  morph(element: Element, content: string, options: { readonly morphStyle: 'innerHTML' }): void;
};

let heardAt = new Date();
const source = new EventSource('/live');
source.addEventListener('message', ({ data = '{}' }) => {
  heardAt = new Date();
  say('');
  for (const [id, html] of Object.entries(JSON.parse(data) as Record<string, string>)) {
    const region = document.getElementById(id);
    if (region !== null) Idiomorph.morph(region, html, { morphStyle: 'innerHTML' });
  }
});
// The browser dials again by itself.
source.addEventListener('error', old);

/** A look comes every other second; a slow mesh takes a few more. In ms. */
const silentAfter = 15_000;
setInterval(() => {
  if (Date.now() - heardAt.getTime() > silentAfter) old();
}, 1_000);

function old(): void {
  say(`The console does not answer. What you see is of ${heardAt.toLocaleTimeString('en-GB')}.`);
}

function say(trouble: string): void {
  const link = document.getElementById('link');
  if (link !== null && link.textContent !== trouble) link.textContent = trouble;
  document.body.classList.toggle('old', trouble !== '');
}

export {};
