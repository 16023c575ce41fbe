import type { Span } from '../../../gen/weft/admin/v1/admin.ts';
import type { TraceRow } from '../../admin/collect-traces.ts';
import { type TraceLine, traceLines, traceTree } from '../../admin/trace-tree.ts';
import { ms } from '../../admin/words.ts';
import { type Html, html } from '../html.ts';
import { clockTime, lastPart, mark } from './marks.ts';
import { table } from './tables.ts';

/** The last traces. */
export function tracesView(traces: readonly TraceRow[]): Html {
  return table(
    'Recent traces, newest first',
    [
      ...([['Began at'], ['State'], ['Began with'], ['Services']] as const),
      ...([
        ['Took', 'figures'],
        ['Spans', 'figures'],
      ] as const),
    ],
    traces.map((trace) => ({
      cells: [
        // Its id is 32 hexadecimal digits, or no page answers to it.
        html`<a href="/traces/${trace.traceId}">${clockTime(trace.startMs)}</a>`,
        mark(trace.failed > 0 ? 'uneasy' : 'well'),
        lastPart(trace.first.name),
        trace.services.join(', '),
        ms(trace.endMs - trace.startMs),
        trace.spans,
      ],
    })),
    'Nothing was called yet. Place an order (make demo) and it appears here.',
  );
}

/** One trace: the tree that weft trace draws, with the time beside it. */
export function traceView(spans: readonly Span[]): Html {
  const lines = traceLines(traceTree(spans));
  if (lines.length === 0) {
    return html`<p class="empty">No running instance remembers this trace: each keeps its last spans only, and forgets them when it stops.</p>`;
  }
  const wholeUs = Math.max(1, ...lines.map((line) => line.startUs + Number(line.span.durationUs)));
  return html`<p class="small">${ms(wholeUs / 1000)} from the first beginning to the last end. The same in the terminal: <code>weft trace ${lines[0]?.span.traceId}</code></p>
<div class="scroll" tabindex="0" role="region" aria-label="Trace"><ol class="trace">${lines.map((line) => lineView(line, wholeUs))}</ol></div>`;
}

function lineView({ lead, text, span, startUs }: TraceLine, wholeUs: number): Html {
  const [x, width] = [(startUs / wholeUs) * 1000, (Number(span.durationUs) / wholeUs) * 1000];
  const tone = span.status === 'OK' ? 'well' : 'failing';
  return html`<li class="${tone}"><span class="tree"><span aria-hidden="true">${lead}</span>${text}</span><svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true"><rect x="${x.toFixed(1)}" y="1" width="${Math.max(3, width).toFixed(1)}" height="8"/></svg></li>
`;
}
