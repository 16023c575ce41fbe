import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Bus, Outgoing, Reading, ReadMessage, ReadOptions } from '../events/bus/bus.ts';
import { systemClock } from '../kernel/clock.ts';
import type { BusContract } from './bus-contract.ts';
import { eventually } from './eventually.ts';

/** What every bus does for those who read a channel without a consumer. */
export function readingContract({ name, features, newBus }: BusContract): void {
  let bus: Bus;
  let channel: string;
  let channels = 0;
  beforeEach(async () => {
    bus = newBus();
    channel = `read-${String(process.pid)}-${String(++channels)}`;
    await bus.ensureChannel({ name: channel });
  });
  afterEach(() => bus.close());
  const publish = async (...ids: readonly string[]): Promise<void> => {
    const outcomes = await bus.publish(ids.map((id) => message(id)));
    expect(outcomes.every(({ stored }) => stored)).toBe(true);
  };
  const message = (id: string): Outgoing => ({
    ...{ channel, subject: `${channel}.${id.startsWith('x') ? 'Shipped' : 'Placed'}`, id },
    headers: { 'ce-id': id, 'weft-key': 'a%20b' },
    data: new TextEncoder().encode(`data of ${id}`),
  });
  const idsFrom = (first: number, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `m${String(first + i)}`);
  /** Reads, and notes what comes; done with each at once unless `hold`. */
  const read = (
    options: Partial<ReadOptions> & { hold?: boolean } = {},
  ): { reading: Reading; seen: ReadMessage[]; ids: () => string[]; caughtUp: () => number } => {
    const seen: ReadMessage[] = [];
    let ends = 0;
    const reading = bus.read({
      ...{ channel: { name: channel }, subjects: [`${channel}.Placed`], ...options },
      onMessage(it) {
        seen.push(it);
        if (options.hold !== true) reading.done(1);
      },
      onCaughtUp: () => ends++,
    });
    const ids = (): string[] => seen.map(({ headers }) => headers['ce-id'] ?? '');
    return { reading, seen, ids, caughtUp: () => ends };
  };

  describe(`${name}: reading`, () => {
    test('gives all that is kept of the subjects, in order, then what comes', async () => {
      await publish('m0', 'x1', 'm2');
      const { seen, ids, caughtUp } = read();
      await eventually(() => caughtUp() === 1);
      expect(ids()).toEqual(['m0', 'm2']);
      const [, second] = seen;
      expect(second).toMatchObject({ subject: `${channel}.Placed`, sequence: 3 });
      expect(second?.header('weft-key')).toBe('a%20b');
      expect(second?.header('weft')).toBeUndefined();
      expect(second?.headers).toEqual({ 'ce-id': 'm2', 'weft-key': 'a%20b' });
      expect(Buffer.from(second?.data ?? []).toString()).toBe('data of m2');
      await publish('m3', 'x4');
      await eventually(() => ids().length === 3);
      expect(ids()).toEqual(['m0', 'm2', 'm3']);
      expect(caughtUp()).toBe(1);
    });

    test('begins where it is told to', async () => {
      await publish('m0', 'm1', 'm2');
      const later = read({ from: 3 });
      const now = read({ from: 'now' });
      const beyond = read({ from: 1000 });
      await eventually(() => later.caughtUp() + now.caughtUp() + beyond.caughtUp() === 3);
      await publish('m3');
      await eventually(() => later.ids().length === 2 && now.ids().length === 1);
      await eventually(() => beyond.ids().length === 1);
      expect(later.ids()).toEqual(['m2', 'm3']);
      expect(now.ids()).toEqual(['m3']);
      expect(beyond.ids()).toEqual(['m3']);
    });

    test('of an empty channel has caught up at once', async () => {
      const { caughtUp, ids } = read();
      await eventually(() => caughtUp() === 1);
      expect(ids()).toEqual([]);
    });

    test('gives everybody everything, and no more at a time than there is room for', async () => {
      await publish(...idsFrom(0, 50));
      const held = read({ maxInFlight: 8, hold: true });
      const other = read();
      await eventually(() => other.ids().length === 50 && held.ids().length === 8);
      await systemClock.sleep(30);
      expect(held.ids()).toEqual(idsFrom(0, 8));
      held.reading.done(8);
      await eventually(() => held.ids().length === 16);
      expect(held.ids()).toEqual(idsFrom(0, 16));
    });

    test('of many messages gives each once, in order', async () => {
      const ids = idsFrom(0, 5_000);
      await publish(...ids);
      const reader = read({ maxInFlight: 256 });
      await eventually(() => reader.caughtUp() === 1, { withinMs: 20_000 });
      expect(reader.ids()).toEqual(ids);
    });

    test('ends with its close', async () => {
      const { reading, ids } = read();
      await eventually(() => reading.state === 'reading');
      await reading.close();
      expect(reading.state).toBe('closed');
      await publish('m0');
      await systemClock.sleep(30);
      expect(ids()).toEqual([]);
    });

    test('of what is no channel is refused', () => {
      expect(() => read({ channel: { name: 'a.>' } })).toThrow('cannot be a channel');
    });
  });

  const { broker } = features;
  if (broker === undefined) return;

  test(`${name}: a reading goes on after its broker was away, with nothing lost and nothing twice`, async () => {
    await publish('m0', 'm1');
    const { ids } = read();
    await eventually(() => ids().length === 2);
    await broker.kill();
    await broker.restart();
    await eventually(async () => {
      const [outcome] = await bus.publish([message('m2')]).catch(() => []);
      return outcome?.stored === true;
    });
    await eventually(() => ids().length === 3, { withinMs: 20_000 });
    expect(ids()).toEqual(['m0', 'm1', 'm2']);
  });
}
