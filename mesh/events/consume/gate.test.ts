import { expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { eventually } from '../../testing/eventually.ts';
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
  for (const pass of passes) pass.ill(away);
  expect(gate.state).toEqual({ kind: 'shut', failures: 1, error: away });
});

test('good news of somebody who passed before the outage does not open it', async () => {
  const gate = gateWith(1_000);
  const [early, ill] = await Promise.all([gate.enter(never), gate.enter(never)]);
  ill.ill(away);
  early.well();
  expect(gate.state.kind).toBe('shut');
});

test('after the pause one passes; the others wait for what it finds', async () => {
  const gate = gateWith(5);
  (await gate.enter(never)).ill(away);
  const passes: Pass[] = [];
  const enter = async (): Promise<void> => {
    passes.push(await gate.enter(never));
  };
  const all = Promise.all([enter(), enter(), enter()]);
  await eventually(() => gate.state.kind === 'probing');
  expect(passes.length).toBe(1);
  passes[0]?.ill(away);
  expect(gate.state).toMatchObject({ kind: 'shut', failures: 2 });
  await eventually(() => gate.state.kind === 'probing');
  expect(passes.length).toBe(2);
  passes[1]?.well();
  await all;
  expect(gate.state.kind).toBe('open');
});

test('whoever waits leaves when the signal aborts', async () => {
  const gate = gateWith(60_000);
  (await gate.enter(never)).ill(away);
  const stop = new AbortController();
  const waiting = gate.enter(stop.signal);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ status: 'CANCELLED' });
});
