/**
 * `make bench`: weft beside others, in about twenty minutes on two quiet cores. Writes
 * lab/results/bench.json and the tables of docs/bench.md.
 *
 *     node lab/bench/main.ts --only unary,rate    these sections; the last figures of the others stay
 *     node lab/bench/main.ts --quick              everything once, briefly; writes nothing
 *     node lab/bench/main.ts --table              only the tables, from bench.json as it is
 */
import { type ChildProcess, fork } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { barHolds } from '../result-file.ts';
import { barsOf, type SectionName, sectionNames } from './bars.ts';
import { writeDocument } from './document.ts';
import { nodeFlags } from './fleet.ts';
import { keep, writeSections } from './results.ts';
import type { Report } from './section.ts';
import { isSectionName } from './sections.ts';
import { removeSockets } from './sockets.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    table: { type: 'boolean', default: false },
  },
});
const say = (text: string): void => void process.stdout.write(`${text}\n`);

let running: ChildProcess | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    running?.kill('SIGKILL');
    removeSockets(running?.pid);
    process.exit(130);
  });
}

if (options.table) writeDocument();
else process.exitCode = await measure(chosen(options.only));

function chosen(only: string | undefined): readonly SectionName[] {
  if (only === undefined || only === '') return sectionNames;
  const names = only.split(',');
  const strangers = names.filter((name) => !isSectionName(name));
  if (strangers.length === 0) return sectionNames.filter((name) => names.includes(name));
  console.error(`no section ${strangers.join(', ')}; there are ${sectionNames.join(', ')}`);
  process.exit(2);
}

/** Runs the sections; gives the exit code. */
async function measure(names: readonly SectionName[]): Promise<number> {
  const load = loadavg()[0] ?? 0;
  if (load > 0.5) say(`the machine is busy (load ${load.toFixed(2)}): figures will be rough`);
  let written: string | undefined;
  const failed: string[] = [];
  for (const name of names) {
    say(name);
    const begin = performance.now();
    try {
      const report = await inItsOwnProcess(name);
      const kept = await keep(report, (performance.now() - begin) / 1000);
      // At once: twenty minutes are long, and whoever stops it keeps what was measured.
      if (!options.quick) written = await writeSections({ [name]: kept });
      for (const bar of barsOf(report.figures)) {
        say(
          `  ${barHolds(bar) ? 'holds      ' : 'falls short'}  ${bar.name}: ${bar.value} ${bar.op} ${bar.bar} ${bar.unit}`,
        );
      }
    } catch (thrown) {
      failed.push(name);
      say(`  FAILED: ${String(thrown)}`);
    }
    say(`  ${((performance.now() - begin) / 1000).toFixed(0)} s`);
  }
  if (written !== undefined) {
    say(`written: ${written}; make results shows it`);
    writeDocument();
  }
  if (failed.length > 0) say(`could not be measured: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

function inItsOwnProcess(name: SectionName): Promise<Report> {
  return new Promise((resolve, reject) => {
    const args = [name, ...(options.quick ? ['--quick'] : [])];
    const child = fork(join(import.meta.dirname, 'worker.ts'), args, { execArgv: nodeFlags(256) });
    running = child;
    child.once('message', ({ report }: { report: Report }) => {
      resolve(report);
    });
    child.once('exit', (code, signal) => {
      removeSockets(child.pid);
      reject(new Error(`section ${name} ended with ${String(code ?? signal)}`));
    });
  });
}
