/** What can happen to a flow: nothing, or one of its processes is down, slow, or killed. */
import { systemClock } from '#mesh';
import type { Effort } from '../experiment.ts';
import type { Crew } from './crew.ts';
import { placeMany, warmUp } from './customers.ts';
import { settledLedger } from './ledger.ts';
import { type Summary, summarize } from './summary.ts';
import { type DeskName, desks, usualMs } from './wire.ts';

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

/** Plays a scenario to one flow. */
export async function play(crew: Crew, scenario: Scenario): Promise<Summary> {
  const { name } = scenario;
  await warmUp(crew, name);
  const [placed] = await Promise.all([placeMany(crew, { name, ...load }), happen(crew, scenario)]);
  return summarize(placed, await settledLedger(crew, name, settleMs));
}

async function happen(crew: Crew, { breaks, mends }: Scenario): Promise<void> {
  const begin = systemClock.monotonic();
  await systemClock.sleep(fault.fromMs);
  await breaks(crew);
  await systemClock.sleep(Math.max(0, begin + fault.toMs - systemClock.monotonic()));
  await mends(crew);
}
