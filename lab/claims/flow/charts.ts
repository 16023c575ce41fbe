import { legend, shareBar } from '../plot.ts';
import { type Ink, picture, text } from '../svg.ts';
import type { Scenario } from './scenarios.ts';
import type { Fate, Summary } from './summary.ts';
import { type Flow, flows } from './wire.ts';

const fates: readonly (readonly [Fate, Ink, string])[] = [
  ['right', 'good', 'answered in time, and true'],
  ['later', 'spare', 'decided later'],
  ['withdrawn', 'late', 'accepted, then withdrawn'],
  ['turned away', 'none', 'no answer, nothing done'],
  ['broken', 'bad', 'lost or half done'],
];

export type Played = ReadonlyMap<Scenario, Readonly<Record<Flow, Summary>>>;

/** Of each scenario three bars: what became of all orders in each flow. */
export function flowChart(played: Played): string {
  const rowHeight = 18;
  const top = 96;
  const head = (x: number, words: string): string =>
    text(x, top - 10, words, { kind: 'small', ink: 'faint', anchor: 'end' });
  const parts = [
    text(20, 28, 'What becomes of orders, by flow and by what goes wrong', { kind: 'title' }),
    ...legend(
      20,
      54,
      fates.map(([, ink, words]) => [words, ink]),
    ),
    head(745, 'answer, p99'),
    head(840, 'to the end, p50'),
  ];
  let y = top;
  for (const [{ title }, summaries] of played) {
    parts.push(text(20, y + 12, title));
    for (const flow of flows) {
      const { placed, fates: seen, answerP99Ms, endP50Ms } = summaries[flow];
      parts.push(
        text(170, y + 12, flow, { kind: 'small', ink: 'faint' }),
        ...shareBar(
          { x: 250, y: y + 2, width: 400, height: 13 },
          fates.map(([fate, ink]) => [ink, seen[fate] / placed]),
        ),
        text(745, y + 12, `${String(answerP99Ms)} ms`, { anchor: 'end', kind: 'small' }),
        text(840, y + 12, `${String(endP50Ms)} ms`, { anchor: 'end', kind: 'small' }),
      );
      y += rowHeight;
    }
    y += 10;
  }
  return picture(
    { width: 860, height: y + 10 },
    'The order flow built synchronously, asynchronously, as a hybrid and as a saga, under the same faults',
    parts,
  );
}
