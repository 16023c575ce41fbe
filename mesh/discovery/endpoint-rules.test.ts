import { describe, expect, test } from '@jest/globals';
import { endpointFault } from './endpoint-rules.ts';

const fault = (more: Partial<Parameters<typeof endpointFault>[0]>): string | undefined =>
  endpointFault({ instanceId: 'a', host: '127.0.0.1', port: 1, metadata: {}, ...more });

describe('an endpoint', () => {
  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '::1',
    'fd12:3456::1',
    'localhost',
    'orders.internal',
    'orders_1',
    'Orders.Internal',
  ])('may be at %s', (host) => {
    expect(fault({ host })).toBeUndefined();
  });

  test.each([
    ...['', '0.0.0.0', '0.1.2.3', '::', '169.254.169.254', '::ffff:169.254.169.254', 'fe80::1'],
    ...['224.0.0.1', '255.255.255.255', 'ff02::1', 'fd00:ec2::254'],
    // An address in other words, as resolvers read it.
    ...['2852039166', '0xa9fe.0xa9fe', '0251.0376.0251.0376', '169.254.43518'],
    ...['a\r\nX-Evil: 1', 'a b', 'a/b', 'user@a', 'a:80', 'a?b', 'a#b', '%61', '-a', 'ä.example'],
    'x'.repeat(10_000),
  ])('is never at %j', (host) => {
    expect(fault({ host })).toBeDefined();
  });

  test.each([0, -1, 70_000, 1.5, Number.NaN])('never has port %p', (port) => {
    expect(fault({ port })).toBeDefined();
  });

  test.each(['', 'a b', 'a\n', 'x'.repeat(256)])('never has the id %j', (instanceId) => {
    expect(fault({ instanceId })).toBeDefined();
  });

  test('has metadata that Consul keeps', () => {
    expect(fault({ metadata: { version: '1.4.2', 'time-zone_1': 'ä b' } })).toBeUndefined();
    expect(fault({ metadata: { 'a.b': '' } })).toBeDefined();
    expect(fault({ metadata: { a: 'x'.repeat(513) } })).toBeDefined();
    const many = Array.from({ length: 65 }, (_, index) => [`k${index}`, ''] as const);
    expect(fault({ metadata: Object.fromEntries(many) })).toBeDefined();
  });
});
