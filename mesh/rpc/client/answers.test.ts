import { expect, test } from '@jest/globals';
import { OrdersServiceDefinition } from '../../../gen/shop/orders/v1/orders.ts';
import { MeshError } from '../../kernel/error.ts';
import { createCabledMesh } from '../../testing/cabled-mesh.ts';
import { orders } from '../../testing/shop-handlers.ts';
import { createPeers } from './peers.ts';

const order = {
  idempotencyKey: 'key-00000001',
  customerId: 'c1',
  cardToken: 'tok_1',
  lines: [{ sku: 'TEA', quantity: 1 }],
};

/** Fifty orders that all end with `reason`; then one more, and what its caller knows of the target. */
async function fiftyThen(reason: string) {
  const mesh = createCabledMesh();
  const details = { retryAfterMs: 1000 };
  let fine = false;
  let asked = 0;
  const handlers = orders({
    placeOrder() {
      asked++;
      if (fine) return Promise.resolve({ order: undefined });
      return Promise.reject(new MeshError('not now', { status: 'UNAVAILABLE', reason, details }));
    },
  });
  await mesh.start(OrdersServiceDefinition, handlers);
  const peers = createPeers(mesh);
  const stub = peers.client(OrdersServiceDefinition, {
    retry: { attempts: 1 },
    methods: { PlaceOrder: { attempts: 1 } },
  });
  const reasons = new Set<string | undefined>();
  for (let i = 0; i < 50; i++) {
    await stub
      .placeOrder(order)
      .catch((thrown: unknown) => reasons.add(MeshError.from(thrown).reason));
  }
  fine = true;
  const next = await stub.placeOrder(order).then(
    () => 'OK',
    (thrown: unknown) => MeshError.from(thrown).reason,
  );
  const [target] = peers.describe();
  const { breaker } = target?.guard ?? {};
  const outcome = {
    reasons: [...reasons],
    next,
    asked,
    breaker,
    health: target?.endpoints[0]?.health,
  };
  await peers.close();
  await mesh.close();
  return outcome;
}

test('a target that answers every call with a refusal of its own goes on being asked', async () => {
  expect(await fiftyThen('ORDER_PENDING')).toEqual({
    ...{ reasons: ['ORDER_PENDING'], next: 'OK', asked: 51 },
    ...{ breaker: 'closed', health: 'in' },
  });
});

test('one that is cut off from what it needs by a breaker of its own is not', async () => {
  const { asked, breaker } = await fiftyThen('BREAKER_OPEN');
  expect(breaker).toBe('open');
  expect(asked).toBeLessThan(50);
});
