import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OrderConfirmed } from '../../../gen/shop/orders/v1/events.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { confirmed, createRig } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import type { Bus, Outgoing, PublishOutcome } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';

/** What becomes of a message at the bus, one entry for each that reaches it; then all goes well. */
type Fate = 'stored' | 'refused' | 'away' | 'ack lost';

// A second takes 2 ms: refused messages wait for seconds.
const factor = 500;
const begin = systemClock.now();
const fast = (ms: number): number => begin + (ms - begin) * factor;
const swift: Clock = {
  ...systemClock,
  now: () => Math.round(fast(systemClock.now())),
  monotonic: () => systemClock.monotonic() * factor,
  after: (ms, task) => systemClock.after(ms / factor, task),
  sleep: (ms, signal) => systemClock.sleep(ms / factor, signal),
};

const refusal = new MeshError('too large', { status: 'INVALID_ARGUMENT' });
const away = new MeshError('cut', { status: 'UNAVAILABLE' });
const heldBack = new MeshError('behind', { status: 'ABORTED', reason: 'HELD_BACK' });

/** A bus on which each message has a fate, and that keeps what it stored, in order. */
function fatefulBus(fates: Fate[]): { readonly bus: Bus; readonly stored: string[] } {
  const inner = createMemoryBus({ clock: systemClock });
  const stored: string[] = [];
  const tails = new Map<string, Promise<boolean>>();
  const one = async (message: Outgoing): Promise<PublishOutcome> => {
    // Some turns of the event loop, so that batches overlap.
    await systemClock.sleep(fates.length % 3);
    const fate = fates.shift() ?? 'stored';
    if (fate === 'refused') return { stored: false, error: refusal };
    if (fate === 'away') return { stored: false, error: away };
    const [outcome] = await inner.publish([message]);
    if (outcome?.stored === true && !outcome.duplicate)
      stored.push(`${message.key ?? ''}${message.id}`);
    return fate === 'ack lost' || outcome === undefined ? { stored: false, error: away } : outcome;
  };
  const bus: Bus = {
    ...inner,
    publish: (messages) =>
      Promise.all(
        messages.map((message) => {
          const before = tails.get(message.key ?? '') ?? Promise.resolve(true);
          const outcome = before.then((went) =>
            went ? one(message) : { stored: false as const, error: heldBack },
          );
          const tail = outcome.then((it) => it.stored);
          tails.set(message.key ?? '', tail);
          // The contract: who comes when nobody is on the way waits for nobody.
          void tail.then(
            () => tails.get(message.key ?? '') === tail && tails.delete(message.key ?? ''),
          );
          return outcome;
        }),
      ),
  };
  return { bus, stored };
}

test('whatever the bus refuses or leaves open, events of one key are stored in the order in which they were written', async () => {
  const fate = fc.constantFrom<Fate>('stored', 'stored', 'refused', 'away', 'ack lost');
  const keys = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 24 });
  await fc.assert(
    fc.asyncProperty(keys, fc.array(fate, { maxLength: 24 }), async (written, fates) => {
      const { bus, stored } = fatefulBus([...fates]);
      const rig = await createRig({ bus, clock: swift, relay: { batch: 3 } });
      rig.events.start();
      const ids: string[] = [];
      for (const key of written) {
        const id = await rig.store.transaction((tx) =>
          rig.events.publish(tx, OrderConfirmed, confirmed(key)),
        );
        ids.push(key + id);
      }
      await eventually(async () => (await rig.events.outbox()).unsent === 0, { withinMs: 20_000 });
      for (const key of ['a', 'b', 'c']) {
        const of = (entry: string): boolean => entry.startsWith(key);
        expect(stored.filter(of)).toEqual(ids.filter(of));
      }
      await rig.close();
    }),
    { numRuns: 25, endOnFailure: true },
  );
}, 60_000);
