import { expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { eventually } from '../../testing/eventually.ts';
import { createFakeClock } from '../../testing/fake-clock.ts';
import { createGate, type Gate, type Pass } from './gate.ts';

const away = new MeshError('payments is away', { status: 'UNAVAILABLE' });
const never = new AbortController().signal;

const gateWith = (firstMs: number): Gate =>
  createGate({
    ...{ pause: { firstMs, longestMs: 10_000 }, log: silentLog },
    ...{ clock: systemClock, random: systemRandom },
  });

test('an open gate lets everyone pass, and stays open while all is well', async () => {
  const gate = gateWith(5);
  const passes = await Promise.all([gate.enter(never), gate.enter(never)]);
  for (const pass of passes) pass.well();
  expect(gate.state.kind).toBe('open');
});

test('of many who meet one outage, the first shuts the gate', async () => {
  const gate = gateWith(1_000);
  const passes = await Promise.all([gate.enter(never), gate.enter(never), gate.enter(never)]);
  for (const pass of passes) await pass.ill(away, never);
  expect(gate.state).toEqual({ kind: 'shut', failures: 1, error: away });
});

test('good news of somebody who passed before the outage does not open it', async () => {
  const gate = gateWith(1_000);
  const [early, ill] = await Promise.all([gate.enter(never), gate.enter(never)]);
  await ill.ill(away, never);
  early.well();
  expect(gate.state.kind).toBe('shut');
});

test('after the pause one passes; the others wait for what it finds', async () => {
  const gate = gateWith(5);
  await (await gate.enter(never)).ill(away, never);
  const passes: Pass[] = [];
  const enter = async (): Promise<void> => {
    passes.push(await gate.enter(never));
  };
  const all = Promise.all([enter(), enter(), enter()]);
  await eventually(() => gate.state.kind === 'probing');
  expect(passes.length).toBe(1);
  await passes[0]?.ill(away, never);
  expect(gate.state).toMatchObject({ kind: 'shut', failures: 2 });
  await eventually(() => gate.state.kind === 'probing');
  expect(passes.length).toBe(2);
  passes[1]?.well();
  await all;
  expect(gate.state.kind).toBe('open');
});

test('whoever waits leaves when the signal aborts', async () => {
  const gate = gateWith(60_000);
  await (await gate.enter(never)).ill(away, never);
  const stop = new AbortController();
  const waiting = gate.enter(stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ status: 'CANCELLED' });
});

test('a breaker that is open says how long the pause is', async () => {
  const clock = createFakeClock();
  const gate = createGate({
    ...{ pause: { firstMs: 10, longestMs: 20 }, log: silentLog, clock },
    random: { next: () => 0, hex: () => '' },
  });
  const open = { status: 'UNAVAILABLE', reason: 'BREAKER_OPEN' } as const;
  const error = new MeshError('open', { ...open, details: { retryAfterMs: 700 } });
  await (await gate.enter(never)).ill(error, never);
  clock.advance(699);
  expect(gate.state.kind).toBe('shut');
  clock.advance(1);
  expect(gate.state.kind).toBe('ajar');
});

test('a full bulkhead lets half as many pass at a time, and more again as long as all is well', async () => {
  const gate = gateWith(10_000);
  const full = new MeshError('full', { status: 'RESOURCE_EXHAUSTED', reason: 'BULKHEAD_FULL' });
  const passes = await Promise.all(Array.from({ length: 8 }, () => gate.enter(never)));
  const [first, ...others] = passes;
  await first?.ill(full, never);
  expect(gate.state.kind).toBe('open');
  // Seven are inside, and four may be.
  let entered = 0;
  const waiting = Array.from({ length: 4 }, async () => {
    const pass = await gate.enter(never);
    entered++;
    return pass;
  });
  for (const pass of others.splice(0, 3)) pass.well();
  await systemClock.sleep(5);
  expect(entered).toBe(0);
  for (const pass of others) pass.well();
  const later = await Promise.all(waiting);
  for (const pass of later) pass.well();
});
