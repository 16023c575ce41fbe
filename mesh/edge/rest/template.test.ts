import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseTemplate } from './template.ts';

const matched = (template: string, path: string): Record<string, string> | undefined => {
  const values = parseTemplate(template).match(path);
  return values && Object.fromEntries(values);
};

describe('a path template', () => {
  test.each([
    ['/v1/orders', '/v1/orders', {}],
    ['/v1/orders/{order_id}', '/v1/orders/ord_1', { order_id: 'ord_1' }],
    ['/v1/orders/{order_id}', '/v1/orders/a%2Fb%20c', { order_id: 'a/b c' }],
    ['/v1/orders/{order_id}:watch', '/v1/orders/ord_1:watch', { order_id: 'ord_1' }],
    ['/v1/{name=shelves/*}', '/v1/shelves/7', { name: 'shelves/7' }],
    ['/v1/{name=shelves/*/books/*}', '/v1/shelves/7/books/9', { name: 'shelves/7/books/9' }],
    ['/v1/{name=shelves/*}', '/v1/shelves/a%2Fb%20c', { name: 'shelves/a%2Fb c' }],
    [
      '/v1/{book.name=shelves/*}/{page}',
      '/v1/shelves/7/3',
      { 'book.name': 'shelves/7', page: '3' },
    ],
    ['/files/{path=**}', '/files/a/b/c', { path: 'a/b/c' }],
    ['/files/{path=**}', '/files', { path: '' }],
    ['/files/{path=**}', '/files/', { path: '' }],
    ['/files/{path=**}', '/files/a%2Fb/c', { path: 'a%2Fb/c' }],
    ['/v1/{name=shelves/**}', '/v1/shelves/7/books', { name: 'shelves/7/books' }],
    ['/v1/{name=shelves/**}', '/v1/shelves', { name: 'shelves' }],
    ['/files/**', '/files/a/b', {}],
    ['/v1/orders/{order_id}:watch', '/v1/orders/a%3Awatch:watch', { order_id: 'a:watch' }],
    ['/files/{path=**}:read', '/files/a/b:read', { path: 'a/b' }],
    ['/v1/*/stock', '/v1/anything/stock', {}],
  ])('%s takes %s', (template, path, values) => {
    expect(matched(template, path)).toEqual(values);
  });

  test.each([
    ['/v1/orders/{order_id}', '/v1/orders/'],
    ['/v1/orders/{order_id}', '/v1/orders/a/b'],
    ['/v1/{name=shelves/*}', '/v1/books/7'],
    ['/v1/orders/{order_id}:watch', '/v1/orders/ord_1'],
    ['/v1/a.b', '/v1/aXb'],
    ['/files/{path=**}', '/filesystem'],
    ['/files/**', '/filesystem'],
    ['/v1/{name=shelves/**}', '/v1/shelvesmore'],
    ['/v1/orders/{order_id}', '/v1/orders/%zz'],
  ])('%s does not take %s', (template, path) => {
    expect(matched(template, path)).toBeUndefined();
  });

  test.each([
    ['orders', 'must begin with "/"'],
    ['/v1/**/stock', 'must be its last segment'],
    ['/v1/{a}/{a}', '{a} stands in it twice'],
    ['/v1/{1a}', 'no path of a field'],
    ['/v1//a', 'a segment is empty'],
    ['/v1/{a', 'no segment'],
    ['/v1/a:b:c d', 'is no verb'],
  ])('%s is refused', (template, why) => {
    expect(() => parseTemplate(template)).toThrow(why);
  });

  test('gives back whatever was put into it', () => {
    const values = fc.record({
      // "." and ".." are no names in a path: whoever resolves it takes them away.
      one: fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/^\.+$/.test(text)),
      many: fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1 }),
    });
    const template = parseTemplate('/v1/{one}/{rest=shelves/*}:verb');
    fc.assert(
      fc.property(values, ({ one, many }) => {
        const rest = `shelves/${many.join('').replaceAll(/[/%]/g, '_')}`;
        const given = new Map(Object.entries({ one, rest }));
        const path = template.expand(given);
        expect(path).toBeDefined();
        expect(template.match(path ?? '')).toEqual(given);
      }),
    );
  });

  test('no path takes longer than it should, whatever it is', () => {
    const template = parseTemplate('/v1/{a}/{b}/{c=**}:verb');
    const startedAt = performance.now();
    template.match(`/v1/${'a/'.repeat(50_000)}`);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });
});
