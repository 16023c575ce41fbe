import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { MeshError } from '../kernel/error.ts';
import type { Log } from '../kernel/log.ts';
import { silentLog } from '../kernel/log.ts';
import { createAuthority, type LeafRequest } from '../testing/authority.ts';
import { createFakeClock } from '../testing/fake-clock.ts';
import { keep } from './kept.ts';
import { readCredentials } from './leaf.ts';
import { idOf, parseSpiffeId } from './spiffe.ts';

const authority = createAuthority();
const certificate = (request: LeafRequest): X509Certificate =>
  new X509Certificate(authority.issue('orders', request).certificates);

describe('a SPIFFE id', () => {
  test('is read in all its parts, with the partition of Consul Enterprise or without', () => {
    const uri = 'spiffe://11-22.consul/ns/default/dc/dc1/svc/orders';
    const id = { trustDomain: '11-22.consul', namespace: 'default', datacenter: 'dc1' };
    expect(parseSpiffeId(uri)).toEqual({ uri, ...id, service: 'orders' });
    const parted = uri.replace('/ns/', '/ap/blue/ns/');
    expect(parseSpiffeId(parted)).toEqual({ uri: parted, ...id, service: 'orders' });
  });

  test.each([
    '',
    'orders',
    'https://11-22.consul/ns/default/dc/dc1/svc/orders',
    'spiffe://11-22.consul/ns/default/dc/dc1/svc/',
    'spiffe://11-22.consul/ns/default/dc/dc1/svc/orders/',
    'spiffe://11-22.consul/ns/default/dc/dc1/svc/orders?x',
    'spiffe://11-22.consul/ns/default/dc/dc1/svc/%6frders',
    'spiffe://11-22.consul/ns/default/dc/dc1/svc/../payments',
    'spiffe://11-22.consul/agent/client/dc/dc1/id/node',
    'spiffe://user@11-22.consul/ns/default/dc/dc1/svc/orders',
    'spiffe://11-22.consul:80/ns/default/dc/dc1/svc/orders',
    'spiffe:///ns/default/dc/dc1/svc/orders',
    'SPIFFE://11-22.consul/ns/default/dc/dc1/svc/orders',
    'spiffe://11-22.consul/ns/default/dc/dc1/svc/orders\n',
  ])('%j is none of a service', (text) => {
    expect(parseSpiffeId(text)).toBeUndefined();
  });
});

describe('the name in a certificate', () => {
  const own = authority.uriOf('orders');

  test('is its one URI, whatever else it has', () => {
    expect(idOf(certificate({ names: ['payments', 'localhost'] })).service).toBe('orders');
  });

  test.each<[string, readonly string[], string[]]>([
    ['none', [], ['orders']],
    ['two', [own, authority.uriOf('payments')], []],
    ['the same twice', [own, own], []],
    ['one that Node would print as two', [`${own}, URI:${authority.uriOf('payments')}`], []],
    ['one with a quote in it', [`${own}", URI:"x`], []],
    ['one of something else', ['https://orders'], []],
    ['a DNS name that looks like one', [], [`URI:${own}`]],
  ])('is refused with %s', (_, uris, names) => {
    let thrown: unknown;
    try {
      idOf(certificate({ uris, names }));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ status: 'UNAUTHENTICATED', reason: 'NOT_AN_IDENTITY' });
  });
});

describe('credentials', () => {
  const good = authority.issue('orders');
  test.each([
    ['the key of another', { ...good, key: authority.issue('orders').key }],
    ['no certificate', { ...good, certificates: '' }],
    ['no key', { ...good, key: 'x' }],
    ['no root', { ...good, roots: [] }],
    ['a root that is none', { ...good, roots: ['x'] }],
    [
      'two names',
      authority.issue('orders', { uris: [authority.uriOf('a'), authority.uriOf('b')] }),
    ],
  ])('with %s are not usable, and the error shows no key', (_, raw) => {
    let thrown: unknown;
    try {
      readCredentials(raw, 'the test');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'IDENTITY_INVALID' });
    expect(MeshError.from(thrown).message).toContain('the test gave no usable identity');
    expect(MeshError.from(thrown).message).not.toContain('PRIVATE');
  });

  test('warn at nine tenths of their life, and are an error from their end until there are others', () => {
    const clock = createFakeClock();
    const logged: [string, string][] = [];
    const note =
      (level: string) =>
      (message: string): void => {
        logged.push([level, message]);
      };
    const log: Log = { ...silentLog, warn: note('warn'), error: note('error') };
    const credentials = (fromMs: number, toMs: number) => {
      const { leaf, roots } = readCredentials(good, 'the test');
      const begun = clock.now();
      return { roots, leaf: { ...leaf, notBeforeMs: begun + fromMs, notAfterMs: begun + toMs } };
    };
    const stop = (): void => undefined;
    const kept = keep(credentials(0, 1_000_000), { clock, log, source: 'the test', stop });
    clock.advance(890_000);
    expect(logged).toEqual([]);
    clock.advance(40_000);
    expect(logged.map(([level]) => level)).toEqual(['warn']);
    expect(kept.expired()).toBeUndefined();
    clock.advance(70_000);
    expect(logged.map(([level]) => level)).toEqual(['warn', 'error']);
    const error = kept.expired();
    expect(error).toMatchObject({ status: 'UNAVAILABLE', reason: 'IDENTITY_EXPIRED' });
    expect(error?.message).toMatch(/svc\/orders ended at .*the test has given no newer one/);
    kept.show(credentials(0, 1_000_000));
    expect(kept.expired()).toBeUndefined();
    clock.advance(100_000);
    expect(logged).toHaveLength(2);
  });
});
