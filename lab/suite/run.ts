import { type ChildProcess, fork } from 'node:child_process';
import { loadavg } from 'node:os';
import { inspect, parseArgs } from 'node:util';
import { barHolds } from '../result-file.ts';
import { writeDocument } from './document.ts';
import { keep, writeSections } from './results.ts';
import type { Report } from './section.ts';
import { barsOf, type Suite } from './suite.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/**
 * The command line of a suite; gives the exit code.
 *
 *     --only unary,rate    these sections; the last figures of the others stay
 *     --quick              everything once, briefly; writes nothing
 *     --table              only the page in docs, from the figures as they are
 */
export async function runSuite(suite: Suite): Promise<number> {
  const { values: options } = parseArgs({
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      table: { type: 'boolean', default: false },
    },
  });
  if (options.table) {
    writeDocument(suite);
    return 0;
  }
  const known = Object.keys(suite.sections);
  const wanted =
    options.only === undefined || options.only === '' ? known : options.only.split(',');
  const strangers = wanted.filter((name) => !known.includes(name));
  if (strangers.length > 0) {
    console.error(`no section ${strangers.join(', ')}; there are ${known.join(', ')}`);
    return 2;
  }
  return measure(
    suite,
    known.filter((name) => wanted.includes(name)),
    options.quick,
  );
}

/** What a suite's worker does: runs one section in this process and tells the parent what came of it. */
export async function runSection(sections: Suite['sections']): Promise<void> {
  const [name = '', quick] = process.argv.slice(2);
  const load = sections[name];
  if (load === undefined) throw new Error(`there is no section ${name}`);
  // The parent says when it is over, and its end is the end of this process.
  process.on('SIGINT', () => undefined);
  process.on('disconnect', () => process.exit(1));
  try {
    const section = await load();
    const report = await section({ quick: quick === '--quick', say });
    process.send?.({ report }, () => process.exit());
  } catch (thrown) {
    say(inspect(thrown, { depth: 3 }).split('\n').slice(0, 40).join('\n'));
    process.exit(1);
  }
}

async function measure(suite: Suite, names: readonly string[], quick: boolean): Promise<number> {
  const load = loadavg()[0] ?? 0;
  if (load > 0.5) say(`the machine is busy (load ${load.toFixed(2)}): figures will be rough`);
  let written: string | undefined;
  const failed: string[] = [];
  for (const name of names) {
    say(name);
    const begin = performance.now();
    try {
      const report = await inItsOwnProcess(suite, name, quick);
      const kept = await keep(report, (performance.now() - begin) / 1000);
      // At once: a whole suite is long, and whoever stops it keeps what was measured.
      if (!quick) written = await writeSections(suite, { [name]: kept });
      for (const bar of barsOf(suite.rows, report.figures)) {
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
    writeDocument(suite);
  }
  if (failed.length > 0) say(`could not be measured: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

/** None inherits the heap or the compiled code of another. */
function inItsOwnProcess(suite: Suite, name: string, quick: boolean): Promise<Report> {
  return new Promise((resolve, reject) => {
    const args = [name, ...(quick ? ['--quick'] : [])];
    const child = fork(suite.worker, args, { execArgv: [...suite.nodeFlags] });
    const release = endWith(child, () => suite.sweep?.(child));
    child.once('message', ({ report }: { report: Report }) => {
      resolve(report);
    });
    child.once('exit', (code, signal) => {
      release();
      suite.sweep?.(child);
      reject(new Error(`section ${name} ended with ${String(code ?? signal)}`));
    });
  });
}

/** Whoever stops the suite stops the section that runs. */
function endWith(child: ChildProcess, sweep: () => void): () => void {
  const stop = (): void => {
    child.kill('SIGKILL');
    sweep();
    process.exit(130);
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stop);
  return () => {
    for (const signal of signals) process.off(signal, stop);
  };
}
