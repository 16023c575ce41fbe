import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Offer } from '../../../gen/bistro/couriers/v1/messages.ts';
import { DishReady, PrepareDish } from '../../../gen/bistro/kitchen/v1/messages.ts';
import { systemClock } from '../../kernel/clock.ts';
import { runInContext } from '../../kernel/context.ts';
import { deadlineIn } from '../../kernel/deadline.ts';
import { MeshError } from '../../kernel/error.ts';
import { createRig, listen, type Rig, type RigTables } from '../../testing/events-rig.ts';
import { eventually } from '../../testing/eventually.ts';
import { createSeededRandom } from '../../testing/seeded-random.ts';
import type { Bus } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';
import type { EventContext } from '../consume/handler.ts';
import { eventTables } from '../tables.ts';
import { exchange } from './exchange.ts';
import { onReply } from './on-reply.ts';
import { onRequest } from './on-request.ts';
import type { Outcome } from './outcome.ts';

const preparation = exchange(PrepareDish, DishReady);
const dish = (orderId: string): PrepareDish => ({ orderId, table: 'three', dish: 'soup' });
const fast = { retryMs: 5, pauseMs: 20 };

let bus: Bus;
let waiter: Rig;
let kitchen: Rig;
const rigs: Rig[] = [];
const rigOf = async (source: string, url?: string): Promise<Rig> => {
  const rig = await createRig({ bus, source, ...(url !== undefined && { url }) });
  rigs.push(rig);
  rig.events.start();
  return rig;
};
beforeEach(async () => {
  bus = createMemoryBus({ clock: systemClock });
  waiter = await rigOf('waiter');
  kitchen = await rigOf('kitchen');
});
afterEach(async () => {
  await Promise.all(rigs.splice(0).map((rig) => rig.close()));
  await bus.close();
});

/** The cook, who says what `answer` gives or throws. */
const cook = (
  answer: (order: PrepareDish, context: EventContext<RigTables>) => Promise<DishReady | undefined>,
  options = {},
): Promise<unknown> =>
  kitchen.events.subscribe({
    ...{ consumer: 'kitchen', ...fast, ...options },
    handlers: [onRequest(preparation, answer)],
  });
const ready = async ({ orderId }: PrepareDish): Promise<DishReady> => ({ orderId, cook: 'ada' });
const ask = (orderId: string, timeoutMs = 20_000, rig = waiter): Promise<string> =>
  rig.store.transaction((tx) => rig.events.ask(tx, preparation, dish(orderId), { timeoutMs }));
/** What the waiter hears, in order; each outcome is an effect too. */
const hearOutcomes = async (rig = waiter): Promise<[string, Outcome<DishReady>][]> => {
  const heard: [string, Outcome<DishReady>][] = [];
  await rig.events.subscribe({
    ...{ consumer: 'waiter', ...fast },
    handlers: [
      onReply<PrepareDish, DishReady, RigTables>(preparation, async (outcome, { request, tx }) => {
        heard.push([request.orderId, outcome]);
        await rig.effect(tx, request.orderId);
      }),
    ],
  });
  return heard;
};

describe('asking', () => {
  test('the reply reaches the handler of whoever asked, with what was asked', async () => {
    const heard = await hearOutcomes();
    await cook(ready);
    await ask('order-1');
    await waiter.hasEffects('order-1');
    const reply = { orderId: 'order-1', cook: 'ada' };
    expect(heard).toEqual([['order-1', { kind: 'reply', source: 'kitchen', reply }]]);
  });

  test('on the wire request and reply belong together', async () => {
    await cook(ready);
    const asked = listen(bus, 'kitchen-orders', 'kitchen-orders.*.PrepareDish');
    const replied = listen(bus, 'weft-replies', 'weft-replies.waiter.DishReady');
    const id = await ask('order-1');
    await eventually(() => replied.length === 1);
    expect(asked[0]?.headers).toMatchObject({
      ...{ 'ce-id': id, 'ce-correlationid': id, 'weft-reply-to': 'waiter' },
      'ce-expirytime': expect.stringMatching(/Z$/),
    });
    expect(replied[0]?.headers).toMatchObject({
      ...{ 'ce-causationid': id, 'ce-correlationid': id, 'weft-key': 'three' },
    });
  });

  test('a refusal reaches whoever asked at once, and the replier has done nothing', async () => {
    const heard = await hearOutcomes();
    let tries = 0;
    await cook(async (_, { tx }) => {
      tries++;
      await kitchen.effect(tx, 'half done');
      throw new MeshError('no soup today', {
        ...{ status: 'NOT_FOUND', reason: 'NO_SUCH_DISH', details: { facts: { dish: 'soup' } } },
      });
    });
    await ask('order-1');
    await waiter.hasEffects('order-1');
    expect(heard).toMatchObject([['order-1', { kind: 'failure', source: 'kitchen' }]]);
    const [, outcome] = heard[0] ?? [];
    expect(outcome?.kind === 'failure' && outcome.error).toMatchObject({
      ...{ status: 'NOT_FOUND', reason: 'NO_SUCH_DISH', rawMessage: 'no soup today' },
      details: { facts: { dish: 'soup' } },
    });
    expect(tries).toBe(1);
    expect(await kitchen.effects()).toEqual([]);
  });

  test('a replier that fails tries again; when it gives up, whoever asked hears it', async () => {
    const heard = await hearOutcomes();
    let tries = 0;
    await cook(
      async () => {
        tries++;
        throw new Error('the stove is off');
      },
      { maxDeliveries: 3 },
    );
    await ask('order-1');
    await waiter.hasEffects('order-1');
    expect(tries).toBe(3);
    expect(heard).toMatchObject([['order-1', { kind: 'failure' }]]);
  });

  test('when nobody answers the handler hears of it; late and second replies are passed over', async () => {
    const heard = await hearOutcomes();
    const late = await ask('order-1', 1);
    await waiter.hasEffects('order-1');
    expect(heard[0]?.[1]).toMatchObject({ kind: 'timeout', error: { reason: 'ASK_TIMEOUT' } });
    const id = await ask('order-2');
    await kitchen.store.transaction(async (tx) => {
      const asked = { service: 'waiter', id, correlationId: id, key: '' };
      const reply = (orderId: string, to = asked): Promise<string> =>
        kitchen.events.reply(tx, to, preparation, { orderId, cook: 'bob' });
      await reply('order-1', { ...asked, id: late });
      await reply('order-2');
      await reply('order-2');
    });
    await eventually(async () => {
      const rows = await eventTables(waiter.store.db)
        .selectFrom('weft_inbox')
        .selectAll()
        .execute();
      return rows.length === 4;
    });
    expect(await waiter.effects()).toEqual(['order-1', 'order-2']);
    expect(heard.map(([, { kind }]) => kind)).toEqual(['timeout', 'reply']);
  });

  test('a handler of a reply that fails is called again, and so is one of a timeout', async () => {
    const seen: string[] = [];
    await waiter.events.subscribe({
      ...{ consumer: 'waiter', ...fast },
      handlers: [
        onReply(preparation, async ({ kind }, { request, tx }) => {
          seen.push(`${request.orderId} ${kind}`);
          if (seen.filter((it) => it.startsWith(request.orderId)).length < 3) throw new Error('no');
          await waiter.effect(tx, request.orderId);
        }),
      ],
    });
    await ask('late', 1);
    await waiter.hasEffects('late');
    await cook(ready);
    await ask('order-1');
    await waiter.hasEffects('late', 'order-1');
    expect(seen).toEqual([
      ...['late timeout', 'late timeout', 'late timeout'],
      ...['order-1 reply', 'order-1 reply', 'order-1 reply'],
    ]);
  });

  test('a reply can be given later, by another transaction', async () => {
    const heard = await hearOutcomes();
    let asked: EventContext<RigTables>['asked'];
    await cook(async ({ orderId }, context) => {
      asked = context.asked;
      await kitchen.effect(context.tx, orderId);
      return undefined;
    });
    await ask('order-1');
    await kitchen.hasEffects('order-1');
    const stored = JSON.parse(JSON.stringify(asked)) as NonNullable<typeof asked>;
    const later = { orderId: 'order-1', cook: 'eve' };
    await kitchen.store.transaction((tx) => kitchen.events.reply(tx, stored, preparation, later));
    await waiter.hasEffects('order-1');
    expect(heard).toMatchObject([['order-1', { kind: 'reply', reply: later }]]);
  });

  test('the types of an exchange are held against the schema', async () => {
    const wrong = exchange(PrepareDish, Offer);
    const attempt = waiter.store.transaction((tx) =>
      waiter.events.ask(tx, wrong, dish('order-1'), { timeoutMs: 1_000 }),
    );
    await expect(attempt).rejects.toThrow(
      'bistro.kitchen.v1.PrepareDish is replied with bistro.kitchen.v1.DishReady in the schema, not bistro.couriers.v1.Offer',
    );
    const handlers = [onRequest<PrepareDish, Offer, RigTables>(wrong, async () => undefined)];
    const subscribing = kitchen.events.subscribe({ consumer: 'kitchen', handlers });
    await expect(subscribing).rejects.toMatchObject({ reason: 'NOT_AN_EXCHANGE' });
    await expect(ask('order-1', 0)).rejects.toMatchObject({ reason: 'INVALID_TIMEOUT' });
  });
});

test('replies, second replies, refusals and timeouts race: each question has one outcome', async () => {
  const heard = await hearOutcomes();
  const random = createSeededRandom(7);
  await cook(async ({ orderId }, { asked, tx }) => {
    const again = asked && { ...asked };
    if (again && random.next() < 0.5) {
      await kitchen.events.reply(tx, again, preparation, { orderId, cook: 'twice' });
    }
    if (random.next() < 0.3) throw new MeshError('no', { status: 'NOT_FOUND' });
    await systemClock.sleep(30 * random.next());
    return { orderId, cook: 'ada' };
  });
  const ids = Array.from({ length: 100 }, (_, i) => `order-${String(i)}`);
  // A third of them too short, a third long enough, and a third about as long as an answer takes.
  const times = [1, 20_000, 1 + 1_000 * random.next()];
  await Promise.all(ids.map((id, i) => ask(id, times[i % 3])));
  await eventually(async () => (await waiter.effects()).length >= ids.length, { withinMs: 20_000 });
  await eventually(async () => (await kitchen.events.outbox()).unsent === 0);
  await waiter.hasEffects(...ids);
  expect(new Set(heard.map(([id]) => id)).size).toBe(ids.length);
  const kinds = heard.map(([, { kind }]) => kind);
  expect([...new Set(kinds)].sort()).toEqual(['failure', 'reply', 'timeout']);
});

describe('asking survives a restart', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weft-ask-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test.each([
    ['a reply', 20_000],
    ['a timeout', 1],
  ])('of whoever asked: %s reaches the process that came after it', async (_, timeoutMs) => {
    const url = `sqlite:${join(folder, 'waiter.db')}`;
    const before = await createRig({ bus, source: 'waiter', url });
    before.events.start();
    await before.store.transaction((tx) =>
      before.events.ask(tx, preparation, dish('order-1'), { timeoutMs }),
    );
    await before.close();
    if (timeoutMs > 1) await cook(ready);
    const after = await rigOf('waiter', url);
    const heard = await hearOutcomes(after);
    await after.hasEffects('order-1');
    expect(heard).toHaveLength(1);
    expect(heard[0]?.[1].kind).toBe(timeoutMs > 1 ? 'reply' : 'timeout');
  });
});

describe('requesting', () => {
  const request = (options = {}): Promise<DishReady> =>
    waiter.events.request(preparation, dish('order-1'), { timeoutMs: 20_000, ...options });

  test('gives the reply to the caller who stays', async () => {
    await cook(ready);
    expect(await request()).toEqual({ orderId: 'order-1', cook: 'ada' });
  });

  test('throws what the replier refused with', async () => {
    await cook(async () => {
      throw new MeshError('no soup today', { status: 'NOT_FOUND', reason: 'NO_SUCH_DISH' });
    });
    await expect(request()).rejects.toMatchObject({ status: 'NOT_FOUND', reason: 'NO_SUCH_DISH' });
  });

  test('ends with its time, the deadline of its caller, or its signal', async () => {
    const late = { status: 'DEADLINE_EXCEEDED', reason: 'ASK_TIMEOUT' };
    await expect(request({ timeoutMs: 20 })).rejects.toMatchObject(late);
    const deadline = deadlineIn(20, systemClock);
    await expect(runInContext({ deadline }, request)).rejects.toMatchObject(late);
    const caller = new AbortController();
    const waiting = request({ signal: caller.signal });
    caller.abort();
    await expect(waiting).rejects.toMatchObject({ status: 'CANCELLED' });
    const open = await eventTables(waiter.store.db)
      .selectFrom('weft_ask')
      .select('id')
      .where('closed_at', 'is', null)
      .execute();
    expect(open).toEqual([]);
  });

  test('inside a transaction is refused: the request would never leave', async () => {
    const inside = waiter.store.transaction(() => request());
    await expect(inside).rejects.toMatchObject({ reason: 'NESTED_TRANSACTION' });
  });

  test('hears a reply that another instance of the service has taken', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weft-ask-'));
    const url = `sqlite:${join(folder, 'waiter.db')}`;
    const [one, other] = [await rigOf('waiter', url), await rigOf('waiter', url)];
    await cook(ready);
    // Both take replies; each of many is taken by either.
    const replies = Array.from({ length: 20 }, (_, i) =>
      (i % 2 === 0 ? one : other).events.request(preparation, dish(`order-${String(i)}`), {
        timeoutMs: 20_000,
      }),
    );
    expect((await Promise.all(replies)).map(({ orderId }) => orderId)).toEqual(
      replies.map((_, i) => `order-${String(i)}`),
    );
    await Promise.all([one.close(), other.close()]);
    rigs.splice(0, rigs.length, waiter, kitchen);
    await rm(folder, { recursive: true, force: true });
  });
});
