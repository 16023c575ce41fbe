import { describe, expect, test } from '@jest/globals';
import { circleIn, inWaves } from './graph.ts';
import { type Stoppable, stopOrder } from './stopping.ts';

function service(name: string, over: Partial<Stoppable> = {}): Stoppable {
  return { id: `${name}#1`, service: name, kind: 'service', after: [], calls: [], ...over };
}
const server = (name: string): Stoppable => ({
  ...service(name),
  id: name,
  kind: 'infrastructure',
});

describe('the order of stopping', () => {
  test('is: callers, those they call, NATS, Consul', () => {
    const mesh = [
      server('consul'),
      server('nats'),
      service('orders', { calls: ['inventory', 'payments'] }),
      service('inventory', { after: ['database'] }),
      service('payments'),
      service('database'),
    ];
    expect(stopOrder(mesh)).toEqual([
      ['orders#1'],
      ['inventory#1', 'payments#1'],
      ['database#1'],
      ['nats'],
      ['consul'],
    ]);
  });

  test('lets those who call each other go together', () => {
    const mesh = [server('consul'), service('a', { calls: ['b'] }), service('b', { calls: ['a'] })];
    expect(stopOrder(mesh)).toEqual([['a#1', 'b#1'], ['consul']]);
  });
});

describe('waves and circles', () => {
  test('a name stands in a later wave than all it waits for', () => {
    const edges = new Map([
      ['a', ['b', 'c']],
      ['b', ['c']],
      ['c', []],
      ['d', ['elsewhere']],
    ]);
    expect(inWaves(edges)).toEqual([['c', 'd'], ['b'], ['a']]);
  });

  test('a circle is named along its way', () => {
    const edges = new Map([
      ['a', ['b']],
      ['b', ['c']],
      ['c', ['b']],
    ]);
    expect(circleIn(edges)).toBe('b -> c -> b');
    expect(circleIn(new Map([['a', ['b']]]))).toBeUndefined();
  });
});
