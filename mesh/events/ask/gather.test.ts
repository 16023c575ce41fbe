import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Offer } from '../../../gen/bistro/couriers/v1/messages.ts';
import { DeliveryWanted } from '../../../gen/bistro/waiter/v1/messages.ts';
import { systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { createRig, type Rig, type RigTables } from '../../testing/events-rig.ts';
import type { Bus } from '../bus/bus.ts';
import { createMemoryBus } from '../bus/memory.ts';
import { on } from '../consume/handler.ts';
import { exchange } from './exchange.ts';
import { onAnswers } from './on-reply.ts';
import { onRequest } from './on-request.ts';
import type { Answer } from './outcome.ts';

const delivery = exchange(DeliveryWanted, Offer);
const fast = { retryMs: 5, pauseMs: 20 };

let bus: Bus;
let waiter: Rig;
let kitchen: Rig;
const rigs: Rig[] = [];
const rigOf = async (source: string): Promise<Rig> => {
  const rig = await createRig({ bus, source });
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

const wanted = { orderId: 'order-1', address: 'Main Street 1' };
const offer = (rig: Rig, courier: string, priceCents: number): Promise<unknown> =>
  rig.events.subscribe({
    ...{ consumer: courier, ...fast },
    handlers: [onRequest(delivery, async () => ({ courier, priceCents }))],
  });
const hearOffers = async (enough?: (offers: readonly Answer<Offer>[]) => boolean) => {
  const heard: (readonly Answer<Offer>[])[] = [];
  await waiter.events.subscribe({
    ...{ consumer: 'waiter', ...fast },
    handlers: [
      onAnswers<DeliveryWanted, Offer, RigTables>(
        delivery,
        async (answers, { request, tx }) => {
          heard.push(answers);
          await waiter.effect(tx, request.orderId);
        },
        enough,
      ),
    ],
  });
  return heard;
};
const gather = (options: { timeoutMs: number; wanted?: number }): Promise<string> =>
  waiter.store.transaction((tx) => waiter.events.gather(tx, delivery, wanted, options));
const names = (answers: readonly Answer<Offer>[] | undefined): (string | undefined)[] =>
  (answers ?? []).map((it) => (it.kind === 'reply' ? it.reply.courier : it.error.reason)).sort();

test('a gathering ends when as many have answered as were wanted', async () => {
  const heard = await hearOffers();
  await offer(kitchen, 'ada', 300);
  await offer(await rigOf('couriers'), 'bob', 200);
  await gather({ timeoutMs: 20_000, wanted: 2 });
  await waiter.hasEffects('order-1');
  expect(heard.map(names)).toEqual([['ada', 'bob']]);
});

test('a gathering ends when an answer is good enough', async () => {
  const cheap = ({ kind, ...it }: Answer<Offer>): boolean =>
    kind === 'reply' && 'reply' in it && it.reply.priceCents < 250;
  const heard = await hearOffers((offers) => offers.some(cheap));
  await offer(kitchen, 'ada', 200);
  await gather({ timeoutMs: 20_000 });
  await waiter.hasEffects('order-1');
  expect(heard.map(names)).toEqual([['ada']]);
});

test('a gathering ends with its time, with the answers that came: refusals too, silence not', async () => {
  const heard = await hearOffers();
  await offer(kitchen, 'ada', 300);
  const couriers = await rigOf('couriers');
  await couriers.events.subscribe({
    ...{ consumer: 'couriers', ...fast },
    handlers: [
      onRequest<DeliveryWanted, Offer, RigTables>(delivery, async () => {
        throw new MeshError('not there', { status: 'OUT_OF_RANGE', reason: 'TOO_FAR' });
      }),
    ],
  });
  const others = await rigOf('others');
  await others.events.subscribe({
    ...{ consumer: 'others', ...fast },
    handlers: [onRequest<DeliveryWanted, Offer, RigTables>(delivery, async () => undefined)],
  });
  await others.events.subscribe({
    ...{ consumer: 'listener', ...fast },
    handlers: [on<DeliveryWanted, RigTables>(DeliveryWanted, async () => undefined)],
  });
  await gather({ timeoutMs: 700 });
  await waiter.hasEffects('order-1');
  expect(heard.map(names)).toEqual([['TOO_FAR', 'ada']]);
});
