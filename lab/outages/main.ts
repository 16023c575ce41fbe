/**
 * `make outages`: a database is away, locked or full for a minute while orders come in. Tells where work waits
 * and how much of it, what callers hear meanwhile, and holds the books afterwards. Writes
 * lab/results/outages.json and the table of docs/guides/outages.md; takes about a quarter of an hour.
 *
 *     node lab/outages/main.ts --seconds 8 --only locked    briefly, those with "locked" in their name; writes nothing
 */
import { parseArgs } from 'node:util';
import { writeResult } from '../result-file.ts';
import { outagesTable, writeOutages } from './document.ts';
import { type Drill, drill } from './drill.ts';
import { scenarios } from './scenarios.ts';

const { values: options } = parseArgs({
  options: { seconds: { type: 'string' }, only: { type: 'string', default: '' } },
});
const awaySeconds = Number(options.seconds ?? 60);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const drills: Drill[] = [];
for (const scenario of scenarios.filter(({ name }) => name.includes(options.only))) {
  say(scenario.name);
  const report = await drill(scenario, awaySeconds);
  say(outagesTable([report]));
  drills.push(report);
}
const sum = (of: (each: Drill) => number): number =>
  drills.reduce((total, each) => total + of(each), 0);
const lost = sum(({ ledger, neverTold }) => ledger.lost.length + ledger.unsent + neverTold);
const doubled = sum(({ ledger }) => ledger.doubled.length);
const deadLetters = sum(({ ledger }) => ledger.deadLetters);
say(`lost ${String(lost)}, doubled ${String(doubled)}, dead letters ${String(deadLetters)}`);
if (options.seconds === undefined && options.only === '') {
  const none = { op: '<=', bar: 0 } as const;
  const path = await writeResult({
    name: 'outages',
    command: 'make outages',
    bars: [
      { name: 'outages-lost', value: lost, ...none, unit: 'effects' },
      { name: 'outages-doubled', value: doubled, ...none, unit: 'effects' },
      { name: 'outages-dead-letters', value: deadLetters, ...none, unit: 'events' },
    ],
    data: drills,
  });
  writeOutages(drills);
  say(`written: ${path}; make results shows it`);
}
process.exitCode = lost + doubled + deadLetters === 0 ? 0 : 1;
