import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { MethodInfo } from '../kernel/call.ts';
import { defaultMethodPolicy, defaultTargetPolicy } from './defaults.ts';
import { effectiveMethod, effectiveTarget, policyRows } from './effective.ts';
import type { MethodPolicy } from './policy.ts';

const method = (over: Partial<MethodInfo> = {}): MethodInfo => ({
  service: 'shop.orders.v1.OrdersService',
  name: 'PlaceOrder',
  path: '/shop.orders.v1.OrdersService/PlaceOrder',
  kind: 'unary',
  idempotency: 'idempotent',
  policy: {},
  ...over,
});

describe('the effective policy', () => {
  test('is the defaults when nobody says anything', () => {
    expect(effectiveMethod(method(), {})).toEqual(defaultMethodPolicy);
    expect(effectiveTarget({})).toEqual(defaultTargetPolicy);
  });

  test('of a method is what the highest level says: default, schema, client, live, live for the method', () => {
    const levels: [MethodPolicy, string][] = [];
    const read = (): unknown[] => {
      const [schema, client, kv, kvMethod] = levels.map(([policy]) => policy);
      const info = method({ policy: schema ?? {} });
      const said = {
        client: { defaults: client ?? {} },
        kv: { defaults: kv ?? {}, ...(kvMethod && { methods: { PlaceOrder: kvMethod } }) },
      };
      const row = policyRows([info], said).find((each) => each.setting === 'timeoutMs');
      return [effectiveMethod(info, said).timeoutMs, row?.origin];
    };
    expect(read()).toEqual([2_000, 'default']);
    for (const [index, origin] of ['schema', 'client', 'kv', 'kv method'].entries()) {
      levels.push([{ timeoutMs: index + 1 }, origin]);
      expect(read()).toEqual([index + 1, origin]);
    }
  });

  test('takes each value by itself from whoever says it', () => {
    const levels = {
      client: { breaker: { openMs: 5 }, lane: false },
      kv: { breaker: { maxOpenMs: 50 }, bulkhead: { maxInFlight: 7 } },
    };
    expect(effectiveTarget(levels)).toEqual({
      ...defaultTargetPolicy,
      breaker: { ...defaultTargetPolicy.breaker, openMs: 5, maxOpenMs: 50 },
      bulkhead: { maxInFlight: 7 },
      lane: false,
    });
  });

  test('never hedges what has side effects, and repeats nothing that may run only once', () => {
    const kv = { defaults: { maxExtraLoad: 0.5, retryOn: ['ABORTED' as const], attempts: 2 } };
    const of = (idempotency: MethodInfo['idempotency']) =>
      effectiveMethod(method({ idempotency }), { kv });
    expect(of('unknown')).toMatchObject({ maxExtraLoad: 0, retryOn: [], attempts: 2 });
    expect(of('idempotent')).toMatchObject({ maxExtraLoad: 0, retryOn: ['ABORTED'] });
    expect(of('no-side-effects')).toMatchObject({ maxExtraLoad: 0.5, retryOn: ['ABORTED'] });
  });

  test('of a method called "constructor" is not what every object has', () => {
    const kv = { methods: { Other: { attempts: 1 } } };
    expect(effectiveMethod(method({ name: 'constructor' }), { kv })).toEqual(defaultMethodPolicy);
  });

  test('has a row for every value that means something, with its origin', () => {
    const stream = method({ name: 'Watch', kind: 'server-stream', idempotency: 'no-side-effects' });
    const kv = { lane: false, methods: { Watch: { idleTimeoutMs: 9, retryOn: [] } } };
    const rows = policyRows([method(), stream], { kv });
    const find = (name: string, setting: string) =>
      rows.find((row) => row.method === name && row.setting === setting);
    expect(find('', 'lane')).toMatchObject({ value: 'false', origin: 'kv' });
    expect(find('', 'breaker.openMs')).toMatchObject({ value: '1000', origin: 'default' });
    expect(find('Watch', 'idleTimeoutMs')).toMatchObject({ value: '9', origin: 'kv method' });
    expect(find('Watch', 'retryOn')).toMatchObject({ value: 'none', origin: 'kv method' });
    expect(find('Watch', 'timeoutMs')).toBeUndefined();
    expect(find('PlaceOrder', 'maxExtraLoad')).toBeUndefined();
  });

  test('says nothing that no level says', () => {
    const policy = fc.record(
      { timeoutMs: fc.nat(), attempts: fc.nat(), idleTimeoutMs: fc.nat() },
      { requiredKeys: [] },
    );
    const levels = fc.record({ schema: policy, client: policy, kv: policy, kvMethod: policy });
    const property = fc.property(levels, ({ schema, client, kv, kvMethod }) => {
      const info = method({ policy: schema });
      const live = { defaults: kv, methods: { PlaceOrder: kvMethod } };
      const effective = effectiveMethod(info, { client: { defaults: client }, kv: live });
      const expected = { ...defaultMethodPolicy, ...schema, ...client, ...kv, ...kvMethod };
      expect(effective).toEqual(expected);
    });
    fc.assert(property, { numRuns: 1_000 });
  });
});
