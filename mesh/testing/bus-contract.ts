import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Bus, ConsumeOptions, Consumption, Delivery, Outgoing } from '../events/bus/bus.ts';
import { systemClock } from '../kernel/clock.ts';
import { carriedHeaders } from './carried-headers.ts';
import { eventually } from './eventually.ts';

/** What a bus can do; an honest difference is declared here, not hidden in a test. */
export interface BusFeatures {
  /** The broker can be ended and started again, and keeps what it stored. */
  readonly broker?: {
    kill(): Promise<void>;
    restart(): Promise<void>;
  };
}

export interface BusContract {
  readonly name: string;
  readonly features: BusFeatures;
  /** A bus; several at a time reach the same channels. */
  newBus(): Bus;
}

/** Every bus passes this suite: the one in memory, and JetStream. */
export function busContract({ name, features, newBus }: BusContract): void {
  let bus: Bus;
  let channel: string;
  let channels = 0;
  const buses: Bus[] = [];
  const open = (): Bus => {
    const opened = newBus();
    buses.push(opened);
    return opened;
  };
  beforeEach(async () => {
    bus = open();
    channel = `test-${String(process.pid)}-${String(++channels)}`;
    await bus.ensureChannel({ name: channel });
  });
  afterEach(async () => {
    await Promise.all(buses.splice(0).map((opened) => opened.close()));
  });

  const message = (id: string, type = 'Placed'): Outgoing => ({
    channel,
    subject: `${channel}.${type}`,
    id,
    headers: { 'ce-id': id, 'weft-key': 'order-1', ...carriedHeaders },
    data: new TextEncoder().encode(`data of ${id}`),
  });
  const messages = (count: number): Outgoing[] =>
    Array.from({ length: count }, (_, i) => message(`m${String(i)}`));
  const consume = (
    options: Partial<ConsumeOptions> & Pick<ConsumeOptions, 'onDelivery'>,
    from: Bus = bus,
  ): Consumption =>
    from.consume({
      channel: { name: channel },
      consumer: 'reader',
      subjects: [`${channel}.Placed`],
      maxInFlight: 16,
      ...options,
    });
  /** Acks everything, and gives the ids in the order in which they came. */
  const collect = (options: Partial<ConsumeOptions> = {}, from: Bus = bus): string[] => {
    const ids: string[] = [];
    const onDelivery = (delivery: Delivery): void => {
      ids.push(delivery.headers['ce-id'] ?? '');
      delivery.ack();
    };
    consume({ ...options, onDelivery }, from);
    return ids;
  };

  describe(`${name}: publishing`, () => {
    test('what was stored is delivered with subject, headers and data, in order', async () => {
      const seen: Delivery[] = [];
      consume({
        onDelivery: (delivery) => {
          seen.push(delivery);
          delivery.ack();
        },
      });
      const outcomes = await bus.publish([message('a'), message('b')]);
      expect(outcomes).toEqual([
        { stored: true, sequence: 1, duplicate: false },
        { stored: true, sequence: 2, duplicate: false },
      ]);
      await eventually(() => seen.length === 2);
      expect(seen[0]).toMatchObject({
        subject: `${channel}.Placed`,
        headers: { 'ce-id': 'a', 'weft-key': 'order-1', ...carriedHeaders },
        ...{ sequence: 1, deliveries: 1 },
      });
      expect(new TextDecoder().decode(seen[1]?.data)).toBe('data of b');
    });

    test('a large batch keeps its order', async () => {
      const batch = messages(1_000);
      const outcomes = await bus.publish(batch);
      expect(outcomes.every((outcome) => outcome.stored)).toBe(true);
      const ids = collect({ maxInFlight: 100 });
      await eventually(() => ids.length === batch.length);
      expect(ids).toEqual(batch.map(({ id }) => id));
    });

    test('an id that was stored is not stored again', async () => {
      await bus.publish([message('a')]);
      const outcomes = await bus.publish([message('a'), message('b')]);
      expect(outcomes).toMatchObject([{ stored: true, duplicate: true }, { duplicate: false }]);
      const ids = collect();
      await eventually(() => ids.includes('b'));
      expect(ids).toEqual(['a', 'b']);
    });

    test('nothing is published by nothing', async () => {
      expect(await bus.publish([])).toEqual([]);
    });

    test.each(['ev.>', 'ev.*', 'ev..a', '', '$JS.API', 'a b', 'a\r\nPUB x 0', 'x'.repeat(65)])(
      'the name %j is refused',
      async (hostile) => {
        const refusal = { status: 'INVALID_ARGUMENT', reason: 'INVALID_TOKEN' };
        await expect(bus.ensureChannel({ name: hostile })).rejects.toMatchObject(refusal);
        const onDelivery = (): void => undefined;
        expect(() => consume({ consumer: hostile, onDelivery })).toThrow('cannot be a consumer');
        expect(() => consume({ channel: { name: hostile }, onDelivery })).toThrow('cannot be');
      },
    );
  });

  describe(`${name}: consuming`, () => {
    test('a consumer gets the subjects it asked for, a star for any token, and no others', async () => {
      const ids = collect({ subjects: [`${channel}.Placed`, `${channel}.*.Shipped`] });
      await bus.publish(['Placed', '0.Placed', '0.Shipped'].map((type) => message(type, type)));
      await eventually(() => ids.length > 1);
      expect(ids).toEqual(['Placed', '0.Shipped']);
    });

    test('each consumer gets everything; a new one begins where it was told to', async () => {
      await bus.publish([message('before')]);
      const all = collect({ consumer: 'all' });
      const fresh = collect({ consumer: 'fresh', from: 'now' });
      // A consumer that exists can be told from one that is being made by what it gets.
      await eventually(async () => {
        await bus.publish([message(`probe ${String(fresh.length)} ${String(all.length)}`)]);
        return fresh.length > 0;
      });
      await bus.publish([message('after')]);
      await eventually(() => all.includes('after') && fresh.includes('after'));
      expect(all[0]).toBe('before');
      expect(fresh).not.toContain('before');
    });

    test('consumptions of one name share the messages', async () => {
      const one = collect({ maxInFlight: 4 });
      const other = collect({ maxInFlight: 4 }, open());
      await eventually(async () => {
        const round = [...messages(20)].map(({ id }) => message(`${id}/${String(one.length)}`));
        await bus.publish(round);
        return one.length > 0 && other.length > 0;
      });
      const both = [...one, ...other];
      expect(new Set(both).size).toBe(both.length);
    });

    test('no more are in hand than maxInFlight', async () => {
      const held: Delivery[] = [];
      consume({ maxInFlight: 3, onDelivery: (delivery) => held.push(delivery) });
      await bus.publish(messages(10));
      await eventually(() => held.length === 3);
      await systemClock.sleep(50);
      expect(held.length).toBe(3);
      for (const delivery of held) delivery.ack();
      await eventually(() => held.length === 6);
    });

    test('a consumer goes on where its last consumption ended', async () => {
      const first = collect();
      await bus.publish([message('a')]);
      await eventually(() => first.length === 1);
      await bus.close();
      const again = open();
      await again.publish([message('b')]);
      const second = collect({}, again);
      await eventually(() => second.length > 0);
      expect(second).toEqual(['b']);
    });
  });

  describe(`${name}: settling`, () => {
    test('what nobody settles comes again, and says so', async () => {
      const seen: number[] = [];
      consume({
        ackWaitMs: 300,
        onDelivery: (delivery) => {
          seen.push(delivery.deliveries);
          if (seen.length === 3) delivery.ack();
        },
      });
      await bus.publish([message('a')]);
      await eventually(() => seen.length === 3);
      expect(seen).toEqual([1, 2, 3]);
    });

    test('whoever says that he is still at it keeps the message', async () => {
      const seen: Delivery[] = [];
      consume({ ackWaitMs: 300, onDelivery: (delivery) => seen.push(delivery) });
      await bus.publish([message('a')]);
      await eventually(() => seen.length === 1);
      for (let i = 0; i < 6; i++) {
        await systemClock.sleep(100);
        seen[0]?.working();
      }
      expect(seen.length).toBe(1);
      seen[0]?.ack();
    });

    test('a nak brings it back after the delay, and others pass meanwhile', async () => {
      const seen: { id: string; atMs: number }[] = [];
      consume({
        onDelivery: (delivery) => {
          const id = delivery.headers['ce-id'] ?? '';
          seen.push({ id, atMs: systemClock.monotonic() });
          if (id === 'a' && delivery.deliveries === 1) delivery.nak(200);
          else delivery.ack();
        },
      });
      await bus.publish([message('a'), message('b')]);
      await eventually(() => seen.length === 3);
      expect(seen.map(({ id }) => id)).toEqual(['a', 'b', 'a']);
      expect((seen[2]?.atMs ?? 0) - (seen[0]?.atMs ?? 0)).toBeGreaterThan(150);
    });

    test('only the first settling counts', async () => {
      const seen: Delivery[] = [];
      consume({
        onDelivery: (delivery) => {
          seen.push(delivery);
          delivery.ack();
          delivery.nak();
          delivery.ack();
        },
      });
      await bus.publish([message('a')]);
      await eventually(() => seen.length === 1);
      await bus.publish([message('b')]);
      await eventually(() => seen.length === 2);
      expect(seen.map(({ headers }) => headers['ce-id'])).toEqual(['a', 'b']);
    });

    test('close ends deliveries; what is given back goes to others at once', async () => {
      const held: Delivery[] = [];
      const mine = consume({ onDelivery: (delivery) => held.push(delivery), maxInFlight: 4 });
      await bus.publish(messages(8));
      await eventually(() => held.length === 4);
      const closed = mine.close();
      for (const delivery of held) delivery.nak();
      await closed;
      expect(mine.state).toBe('closed');
      const ids = collect({}, open());
      await eventually(() => ids.length === 8);
      expect(held.length).toBe(4);
    });

    test('close may be called twice, and while nothing has been connected yet', async () => {
      const other = open();
      const early = consume({ onDelivery: () => undefined }, other);
      await Promise.all([early.close(), other.close()]);
      await early.close();
      await other.close();
    });
  });

  const { broker } = features;
  if (broker === undefined) return;

  describe(`${name}: outages`, () => {
    test('publishing while the broker is away is UNAVAILABLE; it works when the broker is back', async () => {
      await bus.publish([message('before')]);
      await broker.kill();
      // Nothing was sent, or it is open whether it arrived: both say the same to who sends it again.
      const during = await bus.publish([message('during')]).then(
        ([outcome]) => outcome?.stored === false && outcome.error,
        (thrown: unknown) => thrown,
      );
      expect(during).toMatchObject({ status: 'UNAVAILABLE' });
      await broker.restart();
      await eventually(async () => {
        const [outcome] = await bus.publish([message('after')]);
        return outcome?.stored === true;
      });
      const ids = collect();
      await eventually(() => ids.includes('after'));
      expect(ids).toEqual(['before', 'after']);
    });

    test('a consumption heals by itself', async () => {
      const ids = collect();
      await bus.publish([message('before')]);
      await eventually(() => ids.length === 1);
      await broker.kill();
      await broker.restart();
      await eventually(async () => {
        const [outcome] = await bus.publish([message('after')]);
        return outcome?.stored === true;
      });
      await eventually(() => ids.includes('after'), { withinMs: 20_000 });
    });

    test('a bus that is made while the broker is away does its work when it comes', async () => {
      await broker.kill();
      const late = open();
      const ids = collect({}, late);
      await broker.restart();
      await eventually(async () => {
        const [outcome] = await late.publish([message('a')]);
        return outcome?.stored === true;
      });
      await eventually(() => ids.includes('a'));
    });

    test('a caller that gives up waits no longer', async () => {
      await broker.kill();
      const late = open();
      const caller = new AbortController();
      const publishing = late.publish([message('a')], caller.signal);
      caller.abort();
      await expect(publishing).rejects.toMatchObject({ status: 'CANCELLED' });
      await broker.restart();
    });
  });
}
