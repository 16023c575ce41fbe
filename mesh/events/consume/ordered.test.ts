import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { createRig, type Rig, type RigTables } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import { publishSteps, stepsOf } from '../../testing/steps.ts';
import type { Bus, Delivery } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';
import { eventTables } from '../tables.ts';
import { parkKey } from './blame.ts';
import { on } from './handler.ts';
import type { ConsumerTuning } from './subscribe.ts';

// Time runs a hundred times as fast.
const begunMs = Date.now();
const swift: Clock = {
  ...systemClock,
  now: () => begunMs + (systemClock.now() - begunMs) * 100,
  after: (ms, task) => systemClock.after(ms / 100, task),
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
};

let bus: Bus;
let rig: Rig;
beforeEach(async () => {
  bus = createMemoryBus({ clock: swift });
  rig = await createRig({ bus, clock: swift });
  rig.events.start();
});
afterEach(async () => {
  await rig.close();
  await bus.close();
});

/** Keeps the order of the steps of each key, and leaves them as effects. */
const hear = (
  fail: (key: string, step: number) => Error | undefined = () => undefined,
  options: ConsumerTuning = {},
): Promise<unknown> =>
  rig.events.subscribe({
    ...{ consumer: 'warehouse', ordered: true, retryMs: 20, pauseMs: 20, ...options },
    handlers: [
      on<OrderConfirmed, RigTables>(OrderConfirmed, async ({ orderId, total }, { tx }) => {
        const step = Number(total?.minorUnits);
        await rig.effect(tx, orderId, String(step));
        const thrown = fail(orderId, step);
        if (thrown !== undefined) throw thrown;
      }),
    ],
  });
const steps = (): Promise<Map<string, number[]>> => stepsOf(rig.store);
const count = async (): Promise<number> => [...(await steps()).values()].flat().length;

test('while an event of a key fails, later ones of the key wait, and other keys go on', async () => {
  let tries = 0;
  const seen: string[] = [];
  await hear((key, step) => {
    seen.push(`${key}${String(step)}`);
    return key === 'a' && step === 1 && ++tries < 3 ? new Error('no such shelf') : undefined;
  });
  await publishSteps(rig, ['a', 1], ['a', 2], ['b', 1], ['a', 3], ['b', 2]);
  await eventually(async () => (await count()) === 5);
  expect(await steps()).toEqual(
    new Map([
      ['a', [1, 2, 3]],
      ['b', [1, 2]],
    ]),
  );
  expect(tries).toBe(3);
  expect(seen.indexOf('b2')).toBeLessThan(seen.lastIndexOf('a1'));
});

test('an event that waits long is parked, and the later ones of its key behind it', async () => {
  let tries = 0;
  await hear(
    (key, step) => (key === 'a' && step === 1 && ++tries < 3 ? new Error('x') : undefined),
    {
      retryMs: 1_500,
      concurrency: 2,
    },
  );
  const many = Array.from({ length: 20 }, (_, i): [string, number] => ['a', i + 1]);
  await publishSteps(rig, ...many, ['b', 1]);
  await eventually(async () => (await steps()).get('b')?.length === 1);
  await eventually(async () => (await count()) === 21, { withinMs: 20_000 });
  expect((await steps()).get('a')).toEqual(many.map(([, step]) => step));
  expect(await rig.deadLetters()).toEqual([]);
}, 30_000);

test('after the last failure the key goes on, unless it shall wait for a person', async () => {
  await hear((_, step) => (step === 1 ? new Error('x') : undefined), { maxDeliveries: 2 });
  await publishSteps(rig, ['a', 1], ['a', 2], ['a', 3]);
  await eventually(async () => (await count()) === 2);
  expect(await steps()).toEqual(new Map([['a', [2, 3]]]));
  expect(await rig.deadLetters()).toMatchObject([{ key: 'a', keyWaits: undefined }]);
});

test.each(['the consumer', 'the handler'])(
  'a key that %s stops stands still until its dead letter is replayed, and then goes on in order',
  async (who) => {
    let broken = true;
    const failing = (key: string, step: number): Error | undefined => {
      if (!broken || key !== 'a' || step !== 2) return undefined;
      return who === 'the handler' ? parkKey(new Error('x')) : new Error('x');
    };
    await hear(failing, who === 'the handler' ? {} : { onDead: 'park-key', maxDeliveries: 2 });
    await publishSteps(rig, ['a', 1], ['a', 2], ['a', 3], ['b', 1], ['a', 4]);
    await eventually(async () => (await rig.deadLetters()).length === 1);
    await eventually(async () => (await count()) === 2);
    broken = false;
    await publishSteps(rig, ['a', 5]);
    expect((await steps()).get('a')).toEqual([1]);
    // Whoever looks sees that the key stands still, and what for.
    await eventually(async () => (await rig.deadLetters())[0]?.keyWaits === 3);
    const [letter] = await rig.deadLetters();
    await rig.events.deadLetters.replay({ ids: [letter?.id ?? ''] });
    await eventually(async () => (await count()) === 6);
    expect((await steps()).get('a')).toEqual([1, 2, 3, 4, 5]);
    expect((await rig.deadLetters())[0]?.keyWaits).toBeUndefined();
  },
);

test('a key whose dead letter is dropped goes on without it', async () => {
  await hear((_, step) => (step === 1 ? new Error('x') : undefined), {
    ...{ onDead: 'park-key', maxDeliveries: 1 },
  });
  await publishSteps(rig, ['a', 1], ['a', 2]);
  await eventually(async () => (await rig.deadLetters()).length === 1);
  await rig.events.deadLetters.drop({ filter: {} });
  await eventually(async () => (await count()) === 1);
  expect((await steps()).get('a')).toEqual([2]);
});

test('a stopped key whose dead letter is gone can be released, with its event or without, and goes on in order', async () => {
  let broken = true;
  await hear((_, step) => (broken && step === 1 ? new Error('x') : undefined), {
    ...{ onDead: 'park-key', maxDeliveries: 1 },
  });
  await publishSteps(rig, ['a', 1], ['b', 1], ['a', 2], ['a', 3], ['b', 2]);
  const { deadLetters, stoppedKeys } = rig.events;
  const waits = async (): Promise<unknown> =>
    Object.fromEntries((await stoppedKeys.list({})).map(({ key, waits: held }) => [key, held]));
  await eventually(async () => JSON.stringify(await waits()) === '{"a":2,"b":1}');
  await eventTables(rig.store.db).deleteFrom('weft_dead_letter').execute();
  expect(await deadLetters.replay({ filter: {} })).toMatchObject({ ids: [] });
  const [a, b] = await stoppedKeys.list({ consumer: 'warehouse' });
  expect(a).toMatchObject({ key: 'a', letterId: undefined, channel: 'shop-orders' });
  broken = false;
  const eventIds = [a?.eventId ?? ''];
  expect(await stoppedKeys.release({ eventIds, consumer: 'other', how: 'handle' })).toEqual([]);
  expect(await stoppedKeys.release({ eventIds, how: 'handle' })).toEqual(eventIds);
  expect(await stoppedKeys.release({ eventIds, how: 'handle' })).toEqual([]);
  await stoppedKeys.release({ eventIds: [b?.eventId ?? ''], how: 'skip' });
  await eventually(async () => (await count()) === 4);
  expect(Object.fromEntries(await steps())).toEqual({ a: [1, 2, 3], b: [2] });
  expect(await stoppedKeys.list({})).toEqual([]);
});

test('releasing a stopped key does to its dead letter what replay and drop would', async () => {
  let broken = true;
  await hear((_, step) => (broken && step === 1 ? new Error('x') : undefined), {
    ...{ onDead: 'park-key', maxDeliveries: 1 },
  });
  await publishSteps(rig, ['a', 1], ['b', 1]);
  const { stoppedKeys } = rig.events;
  await eventually(async () => (await stoppedKeys.list({})).length === 2);
  broken = false;
  const [a] = await stoppedKeys.list({ key: 'a' });
  const [b] = await stoppedKeys.list({ key: 'b' });
  // Of one millisecond: the newer one is not known by its id.
  const letters = (await rig.deadLetters()).map(({ id }) => id);
  expect(letters.sort()).toEqual([a?.letterId, b?.letterId].sort());
  await stoppedKeys.release({ eventIds: [b?.eventId ?? ''], how: 'skip' });
  await stoppedKeys.release({ eventIds: [a?.eventId ?? ''], how: 'handle' });
  await eventually(async () => (await rig.deadLetters())[0]?.state === 'handled');
  expect(await rig.deadLetters()).toMatchObject([{ id: a?.letterId, replays: 1 }]);
  expect(Object.fromEntries(await steps())).toEqual({ a: [1] });
});

const faults = fc.record({
  keys: fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 12 }),
  /** What the n-th run of a handler does. */
  runs: fc.array(fc.constantFrom('fine', 'fine', 'throws', 'outage'), { maxLength: 12 }),
  /** The first wait after a failure: in memory, or parked. */
  retryMs: fc.constantFrom(50, 1_500),
  /** What becomes of the n-th delivery. */
  deliveries: fc.array(fc.constantFrom('fine', 'fine', 'twice', 'ack lost'), { maxLength: 12 }),
});

test('whatever fails, is parked, comes twice or is not acked: every key keeps its order, and nothing is lost or done twice', async () => {
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(faults, async (plan) => {
      const own = createMemoryBus({ clock: swift });
      const each = await createRig({ bus: faulty(own, [...plan.deliveries]), clock: swift });
      each.events.start();
      const fates = [...plan.runs];
      runs++;
      await each.events.subscribe({
        ...{ consumer: 'warehouse', ordered: true, pauseMs: 20, ackWaitMs: 500 },
        ...{ retryMs: plan.retryMs, maxDeliveries: 100 },
        handlers: [
          on(OrderConfirmed, async ({ orderId, total }, { tx }) => {
            await each.effect(tx, orderId, String(total?.minorUnits));
            const fate = fates.shift();
            if (fate === 'throws') throw new Error('x');
            if (fate === 'outage') throw new MeshError('away', { status: 'UNAVAILABLE' });
          }),
        ],
      });
      const wanted = new Map<string, number[]>();
      const list = plan.keys.map((key): [string, number] => {
        const before = wanted.get(key) ?? [];
        wanted.set(key, [...before, before.length + 1]);
        return [key, before.length + 1];
      });
      await publishSteps(each, ...list);
      const seen = async (): Promise<number> =>
        [...(await stepsOf(each.store)).values()].flat().length;
      await eventually(async () => (await seen()) >= list.length, { withinMs: 15_000 });
      await systemClock.sleep(20);
      expect(await stepsOf(each.store)).toEqual(wanted);
      await each.close();
      await own.close();
    }),
    { numRuns: 25, endOnFailure: true },
  );
  expect(runs).toBeGreaterThan(0);
}, 60_000);

function faulty(inner: Bus, fates: string[]): Bus {
  return {
    ...inner,
    consume: (options) =>
      inner.consume({
        ...options,
        onDelivery(delivery: Delivery) {
          const fate = fates.shift();
          options.onDelivery(
            fate === 'ack lost' ? { ...delivery, ack: () => undefined } : delivery,
          );
          if (fate === 'twice') options.onDelivery(delivery);
        },
      }),
  };
}
