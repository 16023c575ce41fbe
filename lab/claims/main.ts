/**
 * `make claims`: what the literature says of services that talk to each other, measured. `node
 * lab/claims/main.ts chain` runs one experiment alone; with `--short` it does less of everything, for trying it
 * out. Writes lab/results/claims.json, the charts under docs/images and the tables of docs/claims.md.
 */
import { parseArgs } from 'node:util';
import { type Bar, readResults, writeResult } from '../result-file.ts';
import { brokerless } from './brokerless.ts';
import { chain } from './chain.ts';
import { chat } from './chat.ts';
import { claimsIn, claimsTable, countClaims, mergeClaims } from './claim.ts';
import { delivery } from './delivery.ts';
import { distance } from './distance.ts';
import { writeCharts, writeTables } from './document.ts';
import { dualWrite } from './dual-write.ts';
import { duplicates } from './duplicates.ts';
import { emails } from './emails.ts';
import { evolution } from './evolution.ts';
import type { Experiment, Findings } from './experiment.ts';
import { flow } from './flow.ts';
import { hop } from './hop.ts';
import { ordering } from './ordering.ts';
import { payouts } from './payouts.ts';
import { polling } from './polling.ts';
import { restGrpc } from './rest-grpc.ts';
import { tailing } from './tailing.ts';
import { vending } from './vending.ts';

// biome-ignore format: one a line, so that whoever adds one touches no other.
const experiments: readonly Experiment[] = [
  chain,
  flow,
  dualWrite,
  tailing,
  duplicates,
  ordering,
  vending,
  evolution,
  distance,
  brokerless,
  hop,
  chat,
  polling,
  payouts,
  emails,
  delivery,
  restGrpc,
];

const {
  positionals: [only],
  values: { short },
} = parseArgs({ allowPositionals: true, options: { short: { type: 'boolean', default: false } } });
const chosen = experiments.filter(({ name }) => only === undefined || name === only);
if (chosen.length === 0) {
  const names = experiments.map(({ name }) => name).join(', ');
  console.error(`there is no experiment named ${String(only)}; there are ${names}`);
  process.exit(2);
}

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const found = new Map<string, Findings>();
for (const experiment of chosen) {
  say(`${experiment.name}:`);
  const findings = await experiment.run((text) => say(`  ${text}`), short ? 'short' : 'full');
  found.set(experiment.name, findings);
  writeCharts(findings.charts);
  writeTables(findings.tables);
}
say(`written: ${await record(found)}, docs/claims.md and its charts; make results shows the bars`);

/** Writes what was found; experiments that did not run this time keep what was found before. */
async function record(fresh: ReadonlyMap<string, Findings>): Promise<string> {
  const before = readResults().get('claims');
  const names = experiments.map(({ name }) => name);
  const isFresh = ({ name }: Bar): boolean =>
    ['claims', ...fresh.keys()].some((experiment) => name.startsWith(`${experiment}-`));
  const claims = mergeClaims(
    names,
    claimsIn(before?.data),
    new Map([...fresh].map(([name, findings]) => [name, findings.claims])),
  );
  writeTables({ 'one by one': claimsTable(claims) });
  const data = Object.fromEntries(
    names.map((name) => [name, fresh.get(name)?.data ?? kept(before?.data, name)]),
  );
  const { stated, unmeasured } = countClaims(claims);
  return writeResult({
    name: 'claims',
    command: 'make claims',
    bars: [
      { name: 'claims-stated', value: stated, op: '>=', bar: 25, unit: 'claims' },
      { name: 'claims-unmeasured', value: unmeasured, op: '<=', bar: 0, unit: 'experiments' },
      ...(before?.bars ?? []).filter((bar) => !isFresh(bar)),
      ...[...fresh.values()].flatMap(({ bars }) => bars),
    ],
    data: { ...data, claims: Object.fromEntries(claims) },
  });
}

function kept(data: unknown, name: string): unknown {
  const known = typeof data === 'object' && data !== null ? data : {};
  return (known as Record<string, unknown>)[name] ?? null;
}
