/** What can happen to a flow: nothing, or one of its processes is down, slow, or killed. */
import { systemClock } from '#mesh';
import type { Effort } from '../experiment.ts';
import type { Crew } from './crew.ts';
import { placeMany, warmUp } from './customers.ts';
import { settledLedger } from './ledger.ts';
import { type Summary, summarize } from './summary.ts';
import { type DeskName, desks, type Flow, usualMs } from './wire.ts';

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly breaks: (crew: Crew) => Promise<void>;
  readonly mends: (crew: Crew) => Promise<void>;
}

/** Orders a second to each of the flows, and for how long, in ms. */
const load = { ratePerSecond: 25, lastsMs: 4000 };
/** In ms after the first order. */
const fault = { fromMs: 500, toMs: 2500 };
/** How long a part takes at a slow desk, in ms: three times as long as it may. */
const slowMs = 1500;
/** How long is waited for what is still on its way, in ms. */
const settleMs = 25_000;

const nothing = async (): Promise<void> => undefined;

function ofDesk(desk: DeskName): Scenario[] {
  return [
    {
      ...{ name: `${desk}-down`, title: `${desk} is down` },
      breaks: (crew) => crew.stop(desk),
      mends: (crew) => crew.start(desk),
    },
    {
      ...{ name: `${desk}-slow`, title: `${desk} is slow` },
      breaks: async (crew) => crew.setPace(desk, { partMs: slowMs }),
      mends: async (crew) => crew.setPace(desk, { partMs: usualMs }),
    },
    {
      ...{ name: `${desk}-killed`, title: `${desk} is killed` },
      breaks: (crew) => killAndStart(crew, desk),
      mends: nothing,
    },
  ];
}

async function killAndStart(crew: Crew, role: DeskName | 'orders'): Promise<void> {
  await crew.kill(role);
  await crew.start(role);
}

const calm: Scenario = { name: 'calm', title: 'nothing', breaks: nothing, mends: nothing };
const ordersKilled: Scenario = {
  ...{ name: 'orders-killed', title: 'orders is killed', mends: nothing },
  breaks: (crew) => killAndStart(crew, 'orders'),
};

/** A short run sees each kind of fault once. */
export function scenariosOf(effort: Effort): readonly Scenario[] {
  const all = [calm, ...desks.flatMap(ofDesk), ordersKilled];
  const few = ['calm', 'payments-down', 'notifications-slow', 'warehouse-killed', 'orders-killed'];
  return effort === 'full' ? all : all.filter(({ name }) => few.includes(name));
}

/** So many of the orders before the fault must be answered in time, in each flow. */
const quiet = 0.9;
const tries = 3;

/**
 * Plays a scenario to all flows at once. A run in which orders were late before anything was wrong tells of the
 * machine; it is played again, and given up after the third time. A short run takes what it gets.
 */
export async function play(
  crews: readonly Crew[],
  scenario: Scenario,
  { effort, say }: { effort: Effort; say: (text: string) => void },
): Promise<ReadonlyMap<Flow, Summary>> {
  for (let tried = 1; tried <= tries; tried++) {
    const name = `${scenario.name}-${String(tried)}`;
    const played = await Promise.all(crews.map((crew) => playTo(crew, scenario, name)));
    if (effort === 'short' || played.every(({ before }) => before >= quiet)) {
      return new Map(played.map(({ flow, summary }) => [flow, summary]));
    }
    say('again: the machine was busy with something else');
  }
  throw new Error(`${scenario.title}: the machine is too busy to measure on; stop what else runs`);
}

async function playTo(
  crew: Crew,
  scenario: Scenario,
  name: string,
): Promise<{ flow: Flow; before: number; summary: Summary }> {
  await warmUp(crew, name);
  const [placed] = await Promise.all([placeMany(crew, { name, ...load }), happen(crew, scenario)]);
  const ledger = await settledLedger(crew, name, settleMs);
  // Not those just before the fault: they may still be under way when it comes.
  const first = placed.slice(0, (load.ratePerSecond * fault.fromMs) / 2000);
  const before = summarize(first, ledger).inTime;
  return { flow: crew.flow, before, summary: summarize(placed, ledger) };
}

async function happen(crew: Crew, { breaks, mends }: Scenario): Promise<void> {
  const begin = systemClock.monotonic();
  await systemClock.sleep(fault.fromMs);
  await breaks(crew);
  await systemClock.sleep(Math.max(0, begin + fault.toMs - systemClock.monotonic()));
  await mends(crew);
}
