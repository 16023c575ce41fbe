import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatBaggage, parseBaggage, pickBaggage } from './baggage.ts';
import { currentContext, runInContext } from './context.ts';
import { createScope } from './scope.ts';
import { withBaggage } from './with-baggage.ts';

const key = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/);
const properties = fc.stringMatching(/^[a-z]{1,4}(=[!#-+.-:<-[\]-~]{0,6})?(;[a-z]{1,4})?$/);
const member = fc.record(
  { value: fc.string({ unit: 'binary' }).map((it) => it.toWellFormed()), properties },
  { requiredKeys: ['value'] },
);
const baggage = fc
  .array(fc.tuple(key, member), { minLength: 1, maxLength: 20 })
  .map((members) => new Map(members));

const valuesOf = (header: string): Record<string, string> =>
  Object.fromEntries([...(parseBaggage(header) ?? [])].map(([name, { value }]) => [name, value]));

describe('baggage', () => {
  test('comes back from its header as it went in, whatever its values hold', () => {
    fc.assert(
      fc.property(baggage, (told) => {
        const header = formatBaggage(told) ?? '';
        expect(header).toMatch(/^[!-~]+$/);
        expect(parseBaggage(header)).toEqual(told);
      }),
    );
  });

  test('read from anything is within the limits, and is written as it was read', () => {
    const piece = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constant('a=b'), key);
    const headers = fc.array(piece, { maxLength: 200, size: 'max' }).map((them) => them.join(','));
    fc.assert(
      fc.property(headers, (header) => {
        const read = parseBaggage(header);
        if (read === undefined) return;
        expect(read.size).toBeLessThanOrEqual(64);
        const written = formatBaggage(read) ?? '';
        expect(written.length).toBeLessThanOrEqual(8192);
        expect(parseBaggage(written)).toEqual(read);
      }),
    );
  });

  test('of others is read as the specification writes it', () => {
    const header =
      'key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue';
    expect(Object.fromEntries(parseBaggage(header) ?? [])).toEqual({
      key1: { value: 'value1', properties: 'property1;property2' },
      key2: { value: 'value2' },
      key3: { value: 'value3', properties: 'propertyKey=propertyValue' },
    });
    expect(valuesOf('serverNode=DF%2028,userId=Am%C3%A9lie,x=a%3Db=c,gone=')).toEqual({
      ...{ serverNode: 'DF 28', userId: 'Amélie', x: 'a=b=c', gone: '' },
    });
  });

  test.each([
    ['a member without a value', 'a,b=2', { b: '2' }],
    ['a key that is none', 'a b=1,b=2', { b: '2' }],
    ['a value with a space', 'a=1 1,b=2', { b: '2' }],
    ['a property that is none', 'a=1;x y,b=2', { b: '2' }],
    ['an escape that is no UTF-8', 'a=%ff1,b=2', { a: '\ufffd1', b: '2' }],
    ['a percent sign that begins no escape', 'a=100%,b=2', { a: '100%', b: '2' }],
    ['the same key twice', 'a=1,a=2', { a: '2' }],
    ['a member that is too large', `a=${'x'.repeat(8192)},b=2`, { b: '2' }],
    ['a name from the prototype', '__proto__=1,b=2', { ['__proto__']: '1', b: '2' }],
  ])('with %s keeps what is good', (_, header, expected) => {
    expect(valuesOf(header)).toEqual(expected);
  });

  test('of nothing that is good is none', () => {
    for (const header of ['', ' ', ',', '=', 'a', 'ü=1']) {
      expect(parseBaggage(header)).toBeUndefined();
    }
  });

  test('has 64 members at most, and 8192 bytes', () => {
    const many = Array.from({ length: 70 }, (_, i) => `k${String(i)}=1`);
    expect([...(parseBaggage(many.join(',')) ?? [])]).toHaveLength(64);
    const large = new Map(many.map((name) => [name.slice(0, -2), { value: 'x'.repeat(500) }]));
    const written = formatBaggage(large) ?? '';
    expect(written.length).toBeLessThanOrEqual(8192);
    expect(parseBaggage(written)?.size).toBe(16);
    expect(formatBaggage(new Map([['a', { value: 'x'.repeat(9000) }]]))).toBeUndefined();
  });

  test('is picked from by key', () => {
    const told = parseBaggage('a=1,b=2;p,c=3');
    expect([...(pickBaggage(told, new Set(['b', 'd'])) ?? [])]).toEqual([
      ['b', { value: '2', properties: 'p' }],
    ]);
    expect(pickBaggage(told, new Set())).toBeUndefined();
  });
});

describe('baggage that is set', () => {
  const told = parseBaggage('tenant=blue,session=7;ttl=60') ?? new Map();
  const here = (): string | undefined => {
    const { baggage: now } = currentContext();
    return now && formatBaggage(now);
  };

  test('holds for the work, before what was there, and for nothing after it', async () => {
    await runInContext({ baggage: told }, async () => {
      const within = await withBaggage(
        { tenant: 'red', step: { value: '1', properties: 'p=q' } },
        () => Promise.resolve().then(here),
      );
      expect(within).toBe('tenant=red,step=1;p=q,session=7;ttl=60');
      expect(withBaggage({ tenant: undefined }, here)).toBe('session=7;ttl=60');
      expect(withBaggage({ tenant: undefined, session: undefined }, here)).toBeUndefined();
      expect(here()).toBe('tenant=blue,session=7;ttl=60');
    });
  });

  test('leaves everything else of the context, also where that is made on demand', () => {
    // As the object of a call is: nothing of it is its own property.
    const scope = createScope();
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    const all = { trace, deadline: { at: 7 }, cause: { id: '1', correlationId: '2' } };
    let signals = 0;
    const onDemand = Object.create({
      ...all,
      cancellation: scope,
      get signal() {
        signals++;
        return scope.signal;
      },
    }) as object;
    runInContext(onDemand, () =>
      withBaggage({ tenant: 'red' }, () => {
        const { trace: at, deadline, cause, cancellation } = currentContext();
        expect({ trace: at, deadline, cause }).toEqual(all);
        expect(cancellation).toBe(scope);
        expect(signals).toBe(0);
        expect(currentContext().signal).toBe(scope.signal);
      }),
    );
  });

  test.each([
    ['no key', { '': '1' }],
    ['a key with a space', { 'a b': '1' }],
    ['a key beyond ASCII', { ü: '1' }],
    ['properties that are none', { a: { value: '1', properties: 'x y' } }],
    ['properties that would begin a member', { a: { value: '1', properties: 'x,b=2' } }],
  ])('is refused with %s', (_, changes) => {
    const refusal = expect.objectContaining({ reason: 'INVALID_BAGGAGE' });
    expect(() => withBaggage(changes, here)).toThrow(refusal);
  });
});
