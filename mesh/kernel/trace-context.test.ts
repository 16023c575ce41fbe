import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSeededRandom } from '../testing/seeded-random.ts';
import { childTrace, formatTraceparent, parseTraceparent } from './context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const parent = `00-${traceId}-${spanId}-01`;

const hex = (length: number): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${String(length)}}$`)).filter((it) => !/^0+$/.test(it));
const stateKey = fc.stringMatching(/^[a-z0-9][a-z0-9_*/@-]{0,10}$/);
const stateValue = fc.stringMatching(/^[ -+.-<>-~]{0,10}[!-+.-<>-~]$/);
const state = fc
  .dictionary(stateKey, stateValue, { minKeys: 1, maxKeys: 10 })
  .map((members) => Object.entries(members).map((each) => each.join('=')))
  .map((members) => members.join(','));

describe('a trace context', () => {
  test('comes back from its headers as it went in', () => {
    const trace = fc.record(
      { traceId: hex(32), spanId: hex(16), state, flags: fc.constantFrom(0, 2, 3) },
      { requiredKeys: ['traceId', 'spanId'] },
    );
    fc.assert(
      fc.property(trace, (at) => {
        expect(parseTraceparent(formatTraceparent(at), at.state)).toEqual(at);
      }),
    );
  });

  test('hands state and flags on to what it causes', () => {
    const random = createSeededRandom(1);
    const at = parseTraceparent(`00-${traceId}-${spanId}-00`, 'rojo=1') ?? { traceId, spanId };
    const child = childTrace(at, random);
    expect(child).toEqual({ traceId, spanId: child.spanId, state: 'rojo=1', flags: 0 });
    expect(formatTraceparent(child)).toBe(`00-${traceId}-${child.spanId}-00`);
    expect(childTrace({ traceId, spanId }, random)).toStrictEqual({
      ...{ traceId, spanId: expect.any(String) },
    });
  });

  test.each([
    ['an unknown version', 'ff', ''],
    ['more than this version has', '00', '-x'],
    ['a later version with a tail that is none', '01', 'x'],
  ])('is not read with %s, and its state is dropped', (_, version, tail) => {
    const header = `${version}-${traceId}-${spanId}-01${tail}`;
    expect(parseTraceparent(header, 'rojo=1')).toBeUndefined();
  });

  test('of a later version is read as far as it is known', () => {
    expect(parseTraceparent(`cc-${traceId}-${spanId}-ff-more`)).toEqual({
      ...{ traceId, spanId, flags: 3 },
    });
  });

  test.each([
    ['one system', 'rojo=00f067aa0ba902b7'],
    ['several', 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'],
    ['a tenant', 'fw529a3039@dt=FfAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['blanks and holes', 'rojo=a b , ,congo=1'],
    ['32 members', Array.from({ length: 32 }, (_, i) => `k${String(i)}=1`).join(',')],
    ['512 characters', `a=${'1'.repeat(255)},b=${'1'.repeat(252)}`],
  ])('passes the state of %s on as it came', (_, tracestate) => {
    expect(parseTraceparent(parent, tracestate)?.state).toBe(tracestate.trim());
  });

  test.each([
    ['nothing', ''],
    ['no member', ' , '],
    ['a member without a value', 'rojo'],
    ['a key in capitals', 'Rojo=1'],
    ['a value beyond ASCII', 'rojo=ü'],
    ['two lines', 'rojo=1\r\nevil: 1'],
    ['33 members', Array.from({ length: 33 }, (_, i) => `k${String(i)}=1`).join(',')],
    ['513 characters', `a=${'1'.repeat(200)},b=${'1'.repeat(200)},c=${'1'.repeat(105)}`],
  ])('drops a state of %s and goes on', (_, tracestate) => {
    expect(parseTraceparent(parent, tracestate)).toEqual({ traceId, spanId });
  });

  test('carries no tab, which is no metadata of gRPC', () => {
    expect(parseTraceparent(parent, 'rojo=1\t,\tcongo=2')?.state).toBe('rojo=1 , congo=2');
  });
});
