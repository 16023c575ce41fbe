import { expect, test } from '@jest/globals';
import type { ServiceInstance } from '../../consul/types.ts';
import { createInstanceReader, toEndpoints } from './endpoints.ts';

const instance = (id: string, more: Partial<ServiceInstance> = {}): ServiceInstance => ({
  id,
  service: 'orders',
  host: '10.0.0.1',
  port: 7101,
  meta: {},
  node: 'north',
  health: 'passing',
  ...more,
});

test('instances become endpoints in the order of their ids', () => {
  const endpoints = toEndpoints('orders', [instance('b'), instance('a')], () => undefined);
  expect(endpoints.map((each) => each.instanceId)).toEqual(['a', 'b']);
  expect(endpoints[0]).toEqual({
    instanceId: 'a',
    service: 'orders',
    host: '10.0.0.1',
    port: 7101,
    metadata: {},
  });
});

test('instances of two agents that share an id are told apart by their node', () => {
  const twins = [instance('orders', { node: 'south' }), instance('orders'), instance('x')];
  const endpoints = toEndpoints('orders', twins, () => undefined);
  expect(endpoints.map((each) => each.instanceId)).toEqual(['orders@north', 'orders@south', 'x']);
});

test('an instance nobody should connect to is left out, and told', () => {
  const refused: string[] = [];
  const hostile = [instance('everywhere', { host: '0.0.0.0' }), instance('none', { port: 0 })];
  const endpoints = toEndpoints('orders', [...hostile, instance('a')], (id) => refused.push(id));
  expect(endpoints.map((each) => each.instanceId)).toEqual(['a']);
  expect(refused).toEqual(['everywhere', 'none']);
});

test('an instance that says the same is the same endpoint, one that says more is another', () => {
  const reader = createInstanceReader('orders', () => undefined);
  const [first] = reader.read([instance('a', { meta: { zone: 'x', version: '1' } })]);
  const [again] = reader.read([
    instance('a', { meta: { version: '1', zone: 'x' }, health: 'critical' }),
  ]);
  expect(again?.endpoint).toBe(first?.endpoint);
  expect([first?.passing, again?.passing]).toEqual([true, false]);
  for (const meta of [
    { zone: 'x' },
    { zone: 'x', version: '2' },
    { zone: 'x', version: '1', a: '' },
  ]) {
    const [other] = reader.read([instance('a', { meta })]);
    expect(other?.endpoint.metadata).toEqual(meta);
  }
});
