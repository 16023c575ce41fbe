/** The kinds of chart of this lab: values over time, shares of a whole, bars on a scale. */
import { type Box, type Ink, picture, polyline, rect, text } from './svg.ts';

/** A value for each bin of time. */
export interface Series {
  readonly label: string;
  readonly ink: Ink;
  readonly values: readonly number[];
}

export interface TimePlot {
  readonly title: string;
  readonly series: readonly Series[];
  /** stacked: the series add up; lines: each stands for itself. */
  readonly kind: 'stacked' | 'lines';
  readonly binMs: number;
  /** The top of the scale, the same for charts that are to be compared. */
  readonly max: number;
  /** When something was wrong. */
  readonly fault: { readonly fromMs: number; readonly toMs: number };
}

/** Draws a plot over time into `box`; title above it, seconds below it. */
export function timePlot(box: Box, plot: TimePlot): string[] {
  const { title, series, kind, binMs, max, fault } = plot;
  const bins = Math.max(1, ...series.map(({ values }) => values.length));
  const xOf = (ms: number): number => box.x + (box.width * ms) / (bins * binMs);
  const yOf = (value: number): number =>
    box.y + box.height - (box.height * Math.min(value, max)) / max;
  const parts = [
    rect({ ...box, x: xOf(fault.fromMs), width: xOf(fault.toMs) - xOf(fault.fromMs) }, 'fault'),
    text(box.x, box.y - 8, title, { kind: 'small', ink: 'faint' }),
  ];
  for (const share of [0, 0.5, 1]) {
    const y = yOf(max * share);
    parts.push(rect({ x: box.x, y, width: box.width, height: 0.8 }, 'grid'));
    parts.push(
      text(box.x - 6, y + 4, short(max * share), { anchor: 'end', kind: 'small', ink: 'faint' }),
    );
  }
  for (let second = 0; second * 1000 <= bins * binMs; second += 4) {
    const label = second === 0 ? '0 s' : String(second);
    parts.push(
      text(xOf(second * 1000), box.y + box.height + 14, label, {
        anchor: 'middle',
        kind: 'small',
        ink: 'faint',
      }),
    );
  }
  const width = Math.max(0.6, box.width / bins - 0.4);
  if (kind === 'lines') {
    for (const { ink, values } of series) {
      parts.push(
        polyline(
          values.map((value, bin) => [xOf((bin + 0.5) * binMs), yOf(value)]),
          ink,
        ),
      );
    }
    return parts;
  }
  for (let bin = 0; bin < bins; bin++) {
    let below = 0;
    for (const { ink, values } of series) {
      const value = values[bin] ?? 0;
      const [low, high] = [yOf(below), yOf(below + value)];
      if (value > 0)
        parts.push(rect({ x: xOf(bin * binMs), y: high, width, height: low - high }, ink));
      below += value;
    }
  }
  return parts;
}

/** Names of what is drawn, each beside its colour, in one line. */
export function legend(
  x: number,
  y: number,
  entries: readonly (readonly [string, Ink])[],
): string[] {
  let left = x;
  return entries.flatMap(([label, ink]) => {
    const parts = [
      rect({ x: left, y: y - 9, width: 10, height: 10 }, ink),
      text(left + 14, y, label, { kind: 'small' }),
    ];
    left += 30 + label.length * 6.2;
    return parts;
  });
}

/** One bar, cut into shares that add up to 1. */
export function shareBar(box: Box, shares: readonly (readonly [Ink, number])[]): string[] {
  let left = box.x;
  return shares.flatMap(([ink, share]) => {
    const width = box.width * share;
    const part = width > 0 ? [rect({ ...box, x: left, width }, ink)] : [];
    left += width;
    return part;
  });
}

/** A round number at or above `value`, so that scales end well. */
export function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  const steps = [1, 2, 4, 5, 8, 10].map((step) => step * power);
  return steps.find((step) => step >= value) ?? 10 * power;
}

function short(value: number): string {
  return value >= 1000
    ? `${String(Math.round(value / 100) / 10)}k`
    : String(Math.round(value * 10) / 10);
}

export interface BarChart {
  readonly title: string;
  readonly legend: readonly (readonly [string, Ink])[];
  readonly rows: readonly {
    readonly label: string;
    /** Below each other, in the order of the legend. `text` stands at the end of the bar. */
    readonly bars: readonly {
      readonly ink: Ink;
      readonly value: number;
      readonly text: string;
    }[];
  }[];
  /** log: a decade has the same length wherever it lies; for values of 1 and more. Default linear. */
  readonly scale?: 'linear' | 'log';
}

/** A whole picture of horizontal bars on one scale. */
export function barChart({ title, legend: entries, rows, scale = 'linear' }: BarChart): string {
  const most = Math.max(1, ...rows.flatMap(({ bars }) => bars.map(({ value }) => value)));
  const length = (value: number): number =>
    scale === 'linear' ? value / most : Math.log10(1 + value) / Math.log10(1 + most);
  const parts = [text(20, 28, title, { kind: 'title' }), ...legend(20, 52, entries)];
  let y = 72;
  for (const { label, bars } of rows) {
    parts.push(text(20, y + bars.length * 8 + 4, label));
    for (const { ink, value, text: words } of bars) {
      const width = 420 * length(value);
      parts.push(rect({ x: 250, y, width: Math.max(1, width), height: 12 }, ink));
      parts.push(text(258 + width, y + 10, words, { kind: 'small' }));
      y += 16;
    }
    y += 12;
  }
  return picture({ width: 860, height: y + 8 }, title, parts);
}
