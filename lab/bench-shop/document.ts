import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { markdownTable } from '../claims/document.ts';
import type { Measured } from './run.ts';

/** What `make bench-shop` measured. */
export interface ShopReport {
  /** How long orders came, in each run. */
  readonly seconds: number;
  /** What SQLite said of each database, by service. */
  readonly pragmas: Readonly<Record<string, string>>;
  readonly runs: readonly Measured[];
}

const path = join(import.meta.dirname, '../../docs/bench-shop.md');
const begin = '<!-- figures: written by make bench-shop, not by hand -->';
const end = '<!-- /figures -->';

/** The figures as tables in Markdown. */
export function shopTable({ runs, pragmas }: ShopReport): string {
  const names = runs.map(({ name }) => name);
  const whole = markdownTable(['', ...names], rows(runs));
  const parts = markdownTable(
    [
      'process',
      ...names.map((name) => `CPU ms/order, ${name}`),
      ...names.map((name) => `commits/order, ${name}`),
    ],
    Object.keys(runs[0]?.cpuMsPerOrder ?? {}).map((process) => [
      process,
      ...runs.map(({ cpuMsPerOrder }) => cpuMsPerOrder[process] ?? 0),
      ...runs.map(({ commitsPerOrder }) => commitsPerOrder[process] ?? ''),
    ]),
  );
  const said = [...new Set(Object.values(pragmas))].join('; ');
  return `${whole}\n\n${parts}\n\nSQLite, read back by every service: ${said}.`;
}

function rows(runs: readonly Measured[]): (string | number)[][] {
  const row = (name: string, of: (run: Measured) => string | number): (string | number)[] => [
    name,
    ...runs.map(of),
  ];
  return [
    row('orders/s, with all that follows', (run) => run.ordersPerS),
    row('orders', (run) => run.orders),
    row('answer, p50 ms', ({ answers }) => answers.p50Ms),
    row('answer, p99 ms', ({ answers }) => answers.p99Ms),
    row('placing to notification, p50 ms', (run) => run.toNotification.p50Ms),
    row('placing to notification, p99 ms', (run) => run.toNotification.p99Ms),
    row('last answer to last consequence, ms', (run) => run.behindMs),
    row('CPU of all processes, ms/order', (run) => run.cpuMsPerOrderInAll),
    row('commits of all databases, per order', (run) => sum(run.commitsPerOrder)),
    row('fsyncs of all databases, per order', (run) => run.fsyncsPerOrder),
    row('failed', ({ answers }) => answers.failed),
    row('lost', ({ audit }) => audit.lost.length + audit.missing),
    row('doubled', ({ audit }) => audit.doubled.length),
  ];
}

function sum(values: Readonly<Record<string, number>>): number {
  const total = Object.values(values).reduce((all, value) => all + value, 0);
  return Math.round(total * 100) / 100;
}

/** Puts the figures into docs/bench-shop.md. */
export function writeShopTable(report: ShopReport): void {
  const page = readFileSync(path, 'utf8');
  const [head, rest = ''] = page.split(begin);
  const [, tail] = rest.split(end);
  if (head === undefined || tail === undefined) throw new Error(`${path} has lost its markers`);
  writeFileSync(path, `${head}${begin}\n\n${shopTable(report)}\n\n${end}${tail}`);
}
