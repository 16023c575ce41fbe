/** The pictures of this experiment. */
import { legend, roundUp, type Series, shareBar, timePlot } from '../plot.ts';
import { type Ink, picture, text } from '../svg.ts';
import type { Fate } from './front.ts';
import type { Cell, Parts } from './matrix.ts';
import { binMs, type Played, ratePerSecond, type Scenario } from './scenarios.ts';
import { binned, p99Seconds } from './summary.ts';
import type { Kind } from './wire.ts';

const fates: readonly (readonly [Fate, Ink, string])[] = [
  ['in time', 'good', 'answered within 1 s'],
  ['late', 'late', 'answered later'],
  ['error', 'bad', 'error'],
  ['none', 'none', 'no answer'],
];
const members: readonly (readonly [string, Ink])[] = [
  ['A', 'one'],
  ['B', 'two'],
  ['C', 'three'],
];
const kinds: readonly (readonly [Kind, string])[] = [
  ['plain', 'plain grpc-js'],
  ['weft', 'through weft'],
];

/** Plain on the left and weft on the right: what the front end sees, how long it waits, what piles up. */
export function scenarioChart(scenario: Scenario, played: Record<Kind, Played>): string {
  const { title, fault, lastsMs } = scenario;
  const bins = lastsMs / binMs;
  const both = [played.plain, played.weft];
  const maxInFlight = roundUp(Math.max(...both.flatMap(({ summary }) => summary.piledUp), 10));
  const size = { width: 860, height: 560 };
  const parts = [text(20, 28, title, { kind: 'title' })];
  kinds.forEach(([kind, label], column) => {
    const { watch } = played[kind];
    const perBin = binned(watch.questions, binMs, bins);
    const x = 60 + column * 410;
    const rows: readonly (readonly [string, 'stacked' | 'lines', number, readonly Series[]])[] = [
      [
        `questions a second, by what became of them`,
        'stacked',
        ratePerSecond * 1.25,
        fates.map(([fate, ink, name]) => ({
          label: name,
          ink,
          values: perBin.map(
            (bin) => (bin.filter((each) => each.fate === fate).length * 1000) / binMs,
          ),
        })),
      ],
      [
        'slowest hundredth, in seconds',
        'lines',
        6,
        [{ label: 'p99', ink: 'text', values: perBin.map(p99Seconds) }],
      ],
      [
        'calls in hand',
        'lines',
        maxInFlight,
        members.map(([name, ink], i) => ({
          label: name,
          ink,
          values: watch.inFlight.slice(0, bins).map((each) => each[i] ?? 0),
        })),
      ],
    ];
    parts.push(text(x, 56, label, { kind: 'title', ink: 'faint' }));
    rows.forEach(([rowTitle, kindOfPlot, max, series], row) => {
      const box = { x, y: 92 + row * 150, width: 370, height: 100 };
      parts.push(
        ...timePlot(box, { title: rowTitle, kind: kindOfPlot, max, series, binMs, fault }),
      );
    });
  });
  parts.push(...legend(60, 540, [...fates.map(([, ink, name]) => [name, ink] as const)]));
  parts.push(...legend(500, 540, [...members, ['while it is broken', 'fault']]));
  return picture(size, `${title}: plain grpc-js beside weft, over time`, parts);
}

export function partsText({ timeOut, limit, breaker }: Parts): string {
  const on = [timeOut && 'time-out', limit && 'limit', breaker && 'breaker'];
  return on.filter((each) => each !== false).join(' + ') || 'none';
}

const recoveryText = { error: 'error', default: 'default value', last: 'last answer' };

/** A bar for each combination. */
export function matrixChart(cells: readonly Cell[]): string {
  const rowHeight = 22;
  const top = 92;
  const size = { width: 860, height: top + cells.length * rowHeight + 24 };
  const head = (x: number, words: string): string =>
    text(x, top - 10, words, { kind: 'small', ink: 'faint' });
  const parts = [
    text(20, 28, 'Three parts and two ways to recover, while C hangs for 3 s', { kind: 'title' }),
    ...legend(20, 54, [
      ['chain, within 1 s', 'good'],
      ['recovered, within 1 s', 'spare'],
      ['answered later', 'late'],
      ['error', 'bad'],
      ['no answer', 'none'],
    ]),
    head(20, 'parts'),
    head(200, 'recovery'),
    head(310, 'what became of all questions'),
    head(680, 'most in hand'),
    head(770, 'longest wait'),
  ];
  cells.forEach(({ parts: on, recovery, recoveredAnswers, summary }, row) => {
    const y = top + row * rowHeight;
    const share = (count: number): number => count / summary.sent;
    const { fates: seen } = summary;
    if (recovery === 'error') parts.push(text(20, y + 13, partsText(on)));
    parts.push(
      text(200, y + 13, recoveryText[recovery]),
      ...shareBar({ x: 310, y: y + 2, width: 350, height: 14 }, [
        ['good', share(seen['in time'] - recoveredAnswers)],
        ['spare', share(recoveredAnswers)],
        ['late', share(seen.late)],
        ['bad', share(seen.error)],
        ['none', share(seen.none)],
      ]),
      text(745, y + 13, String(Math.max(...summary.piledUp)), { anchor: 'end' }),
      text(835, y + 13, `${(summary.longestMs / 1000).toFixed(1)} s`, { anchor: 'end' }),
    );
  });
  return picture(size, 'What each part of a robust call does alone and with the others', parts);
}
