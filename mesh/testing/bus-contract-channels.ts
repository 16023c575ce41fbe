import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Bus, Outgoing } from '../events/bus/bus.ts';
import type { BusContract } from './bus-contract.ts';

/** What every bus says of its channels, and keeps of the order of keys. */
export function channelContract({ name, newBus }: Omit<BusContract, 'features'>): void {
  let bus: Bus;
  let channel: string;
  let channels = 0;
  beforeEach(async () => {
    bus = newBus();
    channel = `holds-${String(process.pid)}-${String(++channels)}`;
    await bus.ensureChannel({ name: channel });
  });
  afterEach(() => bus.close());
  const message = (id: string, key = ''): Outgoing => ({
    ...{ channel, subject: `${channel}.Placed`, id, headers: {}, key },
    data: new Uint8Array([1]),
  });

  describe(`${name}: channels`, () => {
    test('a large batch of few keys keeps the order of each key', async () => {
      const batch = Array.from({ length: 300 }, (_, i) => message(`m${String(i)}`, String(i % 3)));
      const outcomes = await bus.publish(batch);
      const places = outcomes.map((outcome) => (outcome.stored ? outcome.sequence : 0));
      for (const key of [0, 1, 2]) {
        const ofKey = places.filter((_, i) => i % 3 === key);
        expect(ofKey).toEqual([...ofKey].sort((a, b) => a - b));
      }
      expect(new Set(places).size).toBe(300);
    });

    test('say what they hold', async () => {
      expect(await bus.inspect('never-made')).toBeUndefined();
      await bus.publish([message('a'), message('b')]);
      expect(await bus.inspect(channel)).toMatchObject({ firstSequence: 1, lastSequence: 2 });
      expect(await bus.idAt(channel, 2)).toBe('b');
      expect(await bus.idAt(channel, 3)).toBeUndefined();
      expect(bus.epoch()).toBeGreaterThan(0);
    });
  });
}
