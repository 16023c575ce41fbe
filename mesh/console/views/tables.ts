import { type Html, html, type Value } from '../html.ts';

/** A column: its heading, and whether figures stand in it. */
export type Column = readonly [heading: string, figures?: 'figures'];

/** A table; its first column names the rows. `empty` is said where there are none. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly { readonly cells: readonly Value[]; readonly tone?: string }[],
  empty: string,
): Html {
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(([heading, figures]) => html`<th scope="col" class="${figures}">${heading}</th>`)}</tr></thead>
<tbody>${rows.map(
    ({
      cells,
      tone,
    }) => html`<tr class="${tone}">${cells.map((cell, i) => cellOf(cell, i, columns))}</tr>
`,
  )}</tbody>
</table></div>`;
}

function cellOf(cell: Value, i: number, columns: readonly Column[]): Html {
  if (i === 0) return html`<th scope="row">${cell}</th>`;
  return html`<td class="${columns[i]?.[1]}">${cell}</td>`;
}
