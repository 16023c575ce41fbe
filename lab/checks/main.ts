import { availableParallelism } from 'node:os';
import { architecture } from './architecture.ts';
import { asyncApi } from './asyncapi.ts';
import { breaking } from './breaking.ts';
import { type Check, commandCheck, type Outcome, runChecks } from './check.ts';
import { freshness } from './generate.ts';
import { hygiene } from './hygiene.ts';
import { lockfile } from './lockfile.ts';
import { vendored } from './vendored.ts';

/** Everything `make check` asks, the slowest first. `make check ONLY=types` asks one thing. */
const checks: readonly Check[] = [
  commandCheck('lint', ['eslint', '.']),
  commandCheck('types', ['tsc', '-p', '.']),
  commandCheck('unused', ['knip', '--no-progress']),
  architecture,
  commandCheck('format', ['biome', 'ci', '--colors=off', '.']),
  freshness,
  asyncApi,
  breaking,
  commandCheck('proto-lint', ['buf', 'lint']),
  commandCheck('proto-format', ['buf', 'format', '--diff', '--exit-code']),
  vendored,
  lockfile,
  hygiene,
];

const root = process.cwd();
const only = process.argv[2];
const chosen = checks.filter(({ name }) => only === undefined || name === only);
if (chosen.length === 0) {
  const names = checks.map(({ name }) => name).join(', ');
  console.error(`there is no check named ${String(only)}; there are ${names}`);
  process.exit(2);
}

const start = performance.now();
const outcomes = await runChecks(chosen, root, { workers: availableParallelism(), onOutcome });
const failed = outcomes.filter(({ ok }) => !ok).map(({ name }) => name);
const seconds = ((performance.now() - start) / 1000).toFixed(1);
const sum = failed.length === 0 ? 'all hold' : `${failed.join(', ')} must be mended`;
console.log(`${outcomes.length} checked in ${seconds} s: ${sum}`);
process.exitCode = failed.length === 0 ? 0 : 1;

function onOutcome({ name, ok, report, seconds }: Outcome): void {
  const note = ok && report !== '' ? `  ${report}` : '';
  console.log(
    `${ok ? 'ok  ' : 'FAIL'}  ${name.padEnd(12)} ${seconds.toFixed(1).padStart(5)} s${note}`,
  );
  if (!ok) console.log(`\n${report.replaceAll(/^/gm, '      ')}\n`);
}
