/*
 * How figures are said: in the tables of the terminal and in the console, so that both say the same.
 */

/** What is not known is a dash. */
export function maybe(say: (value: number) => string, value: number | undefined): string {
  return value === undefined ? '-' : say(value);
}

/** Not rounded up to 100 %: a single failure among many calls must show. */
export function success(rate: number): string {
  return `${(Math.floor(rate * 10_000) / 100).toFixed(2)}%`;
}

export function percent(value: number): string {
  return `${(value * 100).toFixed(value > 0 && value < 0.1 ? 1 : 0)}%`;
}

export function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

export function rate(perSecond: number): string {
  return perSecond.toFixed(perSecond < 10 ? 1 : 0);
}

/** "relaying", or with several instances "1 relaying, 2 standby". */
export function countsText(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  const [first] = entries;
  if (first === undefined) return '-';
  if (entries.length === 1 && first[1] === 1) return first[0];
  return entries.map(([name, count]) => `${count} ${name}`).join(', ');
}
