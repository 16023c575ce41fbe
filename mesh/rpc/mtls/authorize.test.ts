import { expect, test } from '@jest/globals';
import type { Intention } from '../../consul/types.ts';
import { fixedIntentions, type Intentions } from '../../identity/intentions.ts';
import { MeshError } from '../../kernel/error.ts';
import { createAuthority } from '../../testing/authority.ts';
import { askAll, laned, startRig } from '../../testing/mtls-rig.ts';
import type { RefusedCaller } from './authorize.ts';

const authority = createAuthority();
const identity = authority.identity('inventory');
const own = identity.credentials.leaf.id;
const rule = (source: string, action: string): Intention => ({
  ...{ source, destination: 'inventory', action, sourceNamespace: '', destinationNamespace: '' },
  ...{ sourcePeer: '', precedence: 9, permissions: [], needsToken: false },
});

test('an intention decides for each call, on lanes, plainly and for streams, and what changes holds for the next', async () => {
  let current = fixedIntentions(own, { intentions: [], byDefault: 'allow' });
  const intentions: Intentions = {
    verdict: (source, path) => current.verdict(source, path),
    close: () => Promise.resolve(),
  };
  const refused: RefusedCaller[] = [];
  const rig = await startRig({
    ...{ identity, intentions },
    onRefused: (each) => refused.push(each),
  });
  const orders = rig.connect(authority.identity('orders'));
  const plainly = rig.connect(authority.identity('orders'), { metadata: {} });
  const edge = rig.connect(authority.identity('edge'));
  await laned(orders);
  await laned(edge);
  expect(await askAll(plainly)).toEqual(['OK', 'OK', 'OK']);

  current = fixedIntentions(own, { intentions: [rule('orders', 'deny')], byDefault: 'allow' });
  const before = rig.seen.length;
  for (const connection of [orders, plainly]) {
    const errors = await askAll(connection);
    expect(errors).toHaveLength(3);
    for (const error of errors.map(MeshError.from)) {
      expect(error).toMatchObject({ status: 'PERMISSION_DENIED', reason: 'INTENTION_DENIED' });
      expect(error.details.facts).toMatchObject({
        caller: authority.uriOf('orders'),
        callee: 'inventory',
      });
      expect(error.message).toMatch(
        /orders may not call .* of inventory: the intention orders -> inventory denies it; to allow it: consul intention create -replace -allow orders inventory/,
      );
    }
  }
  expect(rig.seen).toHaveLength(before);
  expect(orders.stats().lanes).toBe(1);
  expect(refused.map(({ reason, caller }) => [reason, caller])).toEqual(
    Array(6).fill(['INTENTION_DENIED', 'orders']),
  );
  expect(await askAll(edge)).toEqual(['OK', 'OK', 'OK']);

  current = fixedIntentions(own, { intentions: [rule('orders', 'allow')], byDefault: 'deny' });
  expect(await askAll(orders)).toEqual(['OK', 'OK', 'OK']);
  expect((await askAll(edge)).map((each) => MeshError.from(each).reason)).toEqual(
    Array(3).fill('INTENTION_DENIED'),
  );
  await rig.close();
});
