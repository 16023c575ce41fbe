/**
 * What can happen to a chain, told as a fault that comes and goes. Each is played to two chains side by side
 * at the same time: one of plain grpc-js, one through weft, each with processes and a front end of its own.
 */
import { systemClock } from '#mesh';
import { startConsul } from '../../../mesh/testing/consul.ts';
import { type Crew, type CrewOptions, startCrew } from './crew.ts';
import { type Watch, watchFront } from './front.ts';
import { meshedFront } from './meshed.ts';
import { plainFront } from './plain.ts';
import { type FaultTime, type Summary, summarize } from './summary.ts';
import type { Kind } from './wire.ts';

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly instances: CrewOptions['instances'];
  readonly standby?: boolean;
  readonly fault: FaultTime;
  readonly lastsMs: number;
  readonly breaks: (crew: Crew) => Promise<void>;
  readonly mends: (crew: Crew) => Promise<void>;
}

/** Questions a second to each of the two chains. */
export const ratePerSecond = 60;
export const binMs = 250;
/** 6 connections of 40 ms make 150 answers a second: C is well used, not idle, when trouble comes. */
const external = { connections: 6, usualMs: 40 };

const one = { a: 1, b: 1, c: 1 };
const two = { a: 1, b: 2, c: 2 };
const killC = {
  breaks: (crew: Crew) => crew.kill('c-1'),
  mends: (crew: Crew) => crew.start('c-1'),
};
const hangC = {
  breaks: (crew: Crew) => crew.setHanging('c-1', true),
  mends: (crew: Crew) => crew.setHanging('c-1', false),
};

export const scenarios: readonly Scenario[] = [
  {
    name: 'crash',
    title: 'C crashes and comes back',
    ...{ instances: one, fault: { fromMs: 3000, toMs: 7000 }, lastsMs: 18_000, ...killC },
  },
  {
    name: 'hang',
    title: 'C waits for an external call that hangs',
    ...{ instances: one, fault: { fromMs: 3000, toMs: 8000 }, lastsMs: 18_000, ...hangC },
  },
  {
    name: 'redundant-crash',
    title: 'two B and two C; one C crashes',
    ...{ instances: two, fault: { fromMs: 3000, toMs: 7000 }, lastsMs: 12_000, ...killC },
  },
  {
    name: 'redundant-hang',
    title: 'two B and two C; one C hangs',
    ...{ instances: two, fault: { fromMs: 3000, toMs: 8000 }, lastsMs: 14_000, ...hangC },
  },
  {
    name: 'standby-crash',
    title: 'an active C and one that stands by; the active one crashes',
    ...{ instances: { a: 1, b: 1, c: 2 }, standby: true },
    ...{ fault: { fromMs: 3000, toMs: 9000 }, lastsMs: 14_000, ...killC },
  },
];

/** One chain in one scenario. */
export interface Played {
  readonly watch: Watch;
  readonly summary: Summary;
}

/** So many of the questions before the fault must be answered in time. */
const quiet = 0.98;
const tries = 3;

/**
 * Plays a scenario to both chains at once. A run in which questions were late before anything was wrong tells of
 * the machine, not of the chain; it is played again, and given up after the third time.
 */
export async function play(
  scenario: Scenario,
  say: (text: string) => void,
): Promise<Record<Kind, Played>> {
  for (let tried = 1; tried <= tries; tried++) {
    const played = await playOnce(scenario);
    const { plain, weft } = played;
    if (Math.min(plain.summary.inTimeBefore, weft.summary.inTimeBefore) >= quiet) return played;
    say('again: the machine was busy with something else');
  }
  throw new Error(`${scenario.title}: the machine is too busy to measure on; stop what else runs`);
}

async function playOnce(scenario: Scenario): Promise<Record<Kind, Played>> {
  const consul = await startConsul();
  try {
    const [plain, weft] = await Promise.all([
      playTo('plain', scenario, consul.address),
      playTo('weft', scenario, consul.address),
    ]);
    return { plain, weft };
  } finally {
    await consul.close();
  }
}

async function playTo(kind: Kind, scenario: Scenario, consul: string): Promise<Played> {
  const { instances, standby = false, fault, lastsMs } = scenario;
  const crew = await startCrew({ kind, consul, instances, standby, external });
  const front = kind === 'plain' ? plainFront(crew.front) : meshedFront(consul);
  try {
    await warmUp(front.ask);
    const [watch] = await Promise.all([
      watchFront({
        ask: front.ask,
        ...{ ratePerSecond, lastsMs, binMs, graceMs: 1500 },
        gauge: () => [crew.inFlight('a'), crew.inFlight('b'), crew.inFlight('c')],
      }),
      happen(scenario, crew),
    ]);
    return { watch, summary: summarize(watch, fault) };
  } finally {
    // The processes first: closing a client that waits for their answers would wait as well.
    await crew.close();
    await front.close();
  }
}

async function happen({ fault, breaks, mends }: Scenario, crew: Crew): Promise<void> {
  await systemClock.sleep(fault.fromMs);
  await breaks(crew);
  await systemClock.sleep(fault.toMs - fault.fromMs);
  await mends(crew);
}

/** Questions until a second's worth of them was answered in a row: connections are open, code is compiled. */
async function warmUp(ask: () => Promise<unknown>): Promise<void> {
  const end = systemClock.monotonic() + 30_000;
  for (let inARow = 0; inARow < ratePerSecond; ) {
    inARow = await ask().then(
      () => inARow + 1,
      () => 0,
    );
    if (systemClock.monotonic() > end) throw new Error('the chain did not become well within 30 s');
    if (inARow === 0) await systemClock.sleep(200);
  }
}
