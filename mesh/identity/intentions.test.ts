import { describe, expect, test } from '@jest/globals';
import type { Intention, IntentionPermission } from '../consul/types.ts';
import { fixedIntentions, type Said } from './intentions.ts';
import { parseSpiffeId, type SpiffeId } from './spiffe.ts';

const path = '/shop.payments.v1.PaymentsService/Charge';
const id = (service: string): SpiffeId => {
  const parsed = parseSpiffeId(`spiffe://1.consul/ns/default/dc/dc1/svc/${service}`);
  if (parsed === undefined) throw new Error(service);
  return parsed;
};

function said(source: string, destination: string, action: string, over: Partial<Intention> = {}) {
  const exact = (name: string, weight: number): number => (name === '*' ? 0 : weight);
  return {
    ...{ source, destination, action, sourceNamespace: 'default', destinationNamespace: 'default' },
    ...{ sourcePeer: '', permissions: [], needsToken: false },
    // As Consul counts it: 9, 8, 6, 5.
    precedence: 5 + exact(destination, 3) + exact(source, 1),
    ...over,
  } satisfies Intention;
}

function may(
  source: string,
  intentions: readonly Intention[],
  byDefault: Said['byDefault'] = 'allow',
  at = path,
) {
  return fixedIntentions(id('payments'), { intentions, byDefault }).verdict(id(source), at);
}

describe('intentions', () => {
  test('leave to the default what nobody spoke of', () => {
    expect(may('orders', [], 'allow').allowed).toBe(true);
    expect(may('orders', [], 'deny')).toEqual({
      allowed: false,
      because: 'no intention speaks of it, and the default is to deny',
      remedy: 'consul intention create -allow orders payments',
    });
    expect(may('orders', [said('orders', 'inventory', 'deny')]).allowed).toBe(true);
    expect(may('orders', [said('edge', 'payments', 'deny')]).allowed).toBe(true);
  });

  test('say of one that denies which it is, and what allows it', () => {
    expect(may('orders', [said('orders', 'payments', 'deny')])).toEqual({
      allowed: false,
      because: 'the intention orders -> payments denies it',
      remedy: 'consul intention create -replace -allow orders payments',
    });
  });

  test.each<[string, [string, string, string][], boolean]>([
    [
      'the pair before every source',
      [
        ['*', 'payments', 'deny'],
        ['orders', 'payments', 'allow'],
      ],
      true,
    ],
    [
      'the pair before every destination',
      [
        ['orders', '*', 'allow'],
        ['orders', 'payments', 'deny'],
      ],
      false,
    ],
    [
      'the destination before the source',
      [
        ['orders', '*', 'deny'],
        ['*', 'payments', 'allow'],
      ],
      true,
    ],
    [
      'the source before everybody',
      [
        ['*', '*', 'deny'],
        ['orders', '*', 'allow'],
      ],
      true,
    ],
    ['everybody before the default', [['*', '*', 'deny']], false],
  ])('put %s', (_, list, allowed) => {
    const intentions = list.map(([from, to, action]) => said(from, to, action));
    expect(may('orders', intentions).allowed).toBe(allowed);
    expect(may('orders', intentions.reverse()).allowed).toBe(allowed);
  });

  test('of another cluster or namespace are about somebody else', () => {
    const foreign = said('orders', 'payments', 'allow', { sourcePeer: 'cluster-2' });
    expect(may('orders', [foreign], 'deny').allowed).toBe(false);
    const other = said('orders', 'payments', 'allow', { sourceNamespace: 'blue' });
    expect(may('orders', [other], 'deny').allowed).toBe(false);
    const elsewhere = said('orders', 'payments', 'deny', { destinationNamespace: 'blue' });
    expect(may('orders', [elsewhere]).allowed).toBe(true);
  });

  test('of an action that is unknown, or that want a token, allow nothing', () => {
    expect(may('orders', [said('orders', 'payments', 'audit')]).allowed).toBe(false);
    expect(may('orders', [said('orders', 'payments', 'allow', { needsToken: true })]).allowed).toBe(
      false,
    );
  });
});

describe('permissions of an intention', () => {
  const permission = (
    action: string,
    over: Partial<IntentionPermission> = {},
  ): IntentionPermission => ({
    ...{ action, pathExact: '', pathPrefix: '', pathRegex: '', methods: [], more: false },
    ...over,
  });
  const by = (
    permissions: readonly IntentionPermission[],
    at: string,
    byDefault: Said['byDefault'],
  ) => may('orders', [said('orders', 'payments', '', { permissions })], byDefault, at).allowed;

  test('decide by method: the first that fits, else the default', () => {
    const list = [
      permission('deny', { pathExact: '/shop.payments.v1.PaymentsService/Refund' }),
      permission('allow', { pathPrefix: '/shop.payments.v1.PaymentsService/' }),
      permission('allow', { pathRegex: '/grpc[.]reflection[.].*' }),
    ];
    expect(by(list, path, 'deny')).toBe(true);
    expect(by(list, '/shop.payments.v1.PaymentsService/Refund', 'allow')).toBe(false);
    expect(by(list, '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', 'deny')).toBe(
      true,
    );
    expect(by(list, '/x/grpc.reflection.v1', 'deny')).toBe(false);
    expect(by(list, '/x/y', 'allow')).toBe(true);
  });

  test('ask for the method of HTTP, which is POST', () => {
    expect(by([permission('allow', { methods: ['GET', 'POST'] })], path, 'deny')).toBe(true);
    expect(by([permission('allow', { methods: ['GET'] })], path, 'deny')).toBe(false);
  });

  test('that ask for more than weft looks at deny, and never allow', () => {
    expect(by([permission('allow', { more: true })], path, 'deny')).toBe(false);
    expect(by([permission('deny', { more: true })], path, 'allow')).toBe(false);
    expect(by([permission('allow', { pathRegex: '(?P<x>' })], path, 'deny')).toBe(false);
    expect(by([permission('deny', { pathRegex: '(?P<x>' })], path, 'allow')).toBe(false);
  });
});
