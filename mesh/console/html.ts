/** Text that is HTML already: nothing else gets into a page without being escaped. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template: HTML as it is, anything else as text, nothing for undefined and false. */
export type Value = Html | string | number | undefined | false | readonly Value[];

/**
 * A template whose values are escaped, so that no name, payload or error of the mesh becomes part of the page.
 * Values stand between tags or within double quotes; a URL that comes from outside is put nowhere.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  const parts = strings.map((text, i) => text + (i < values.length ? written(values[i]) : ''));
  return new Html(parts.join(''));
}

function written(value: Value): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map(written).join('');
  return String(value).replaceAll(unsafe, (char) => escapes[char] ?? '');
}

// Besides what HTML gives a meaning: controls, and what makes the browser write text backwards.
const unsafe = /[&<>"'\u202a-\u202e\u2066-\u2069]|(?![\n\t])\p{Cc}/gu;
const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
