import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, headers, type Msg, type NatsConnection } from 'nats';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import { lazyHeaders } from './headers.ts';

let nats: NatsServer;
let connection: NatsConnection;
beforeAll(async () => {
  nats = await startNats();
  connection = await connect({ servers: nats.url });
}, 60_000);
afterAll(async () => {
  await connection.close();
  await nats.close();
});

/** As it comes from the server. */
async function arrived(lines: readonly (readonly [string, string])[]): Promise<Msg> {
  const { promise, resolve } = Promise.withResolvers<Msg>();
  connection.subscribe('there', {
    max: 1,
    callback: (_, msg) => {
      resolve(msg);
    },
  });
  const wanted = headers();
  for (const [name, value] of lines) wanted.append(name, value);
  connection.publish('there', 'data', {
    reply: 'back',
    ...(lines.length > 0 && { headers: wanted }),
  });
  return promise;
}

test('each is found by its name, whoever asks first', async () => {
  const lines = [
    ['ce-id', 'a%20b'],
    ['Ce-Type', 'Placed'],
    ['empty', ''],
    ['size', 'größe'],
    ['Nats-Msg-Id', 'x'],
  ] as const;
  const all = { 'ce-id': 'a%20b', 'ce-type': 'Placed', empty: '', size: 'größe' };
  expect(lazyHeaders(await arrived(lines)).all()).toEqual(all);
  const one = lazyHeaders(await arrived(lines));
  expect(['ce-id', 'ce-type', 'empty', 'id', 'nats-msg-id'].map((name) => one.one(name))).toEqual([
    ...['a%20b', 'Placed', '', undefined, undefined],
  ]);
  expect(one.all()).toEqual(all);
});

test('of one name the first counts', async () => {
  const msg = await arrived([
    ['a', '1'],
    ['a', '2'],
  ]);
  expect(lazyHeaders(msg).one('a')).toBe('1');
  expect(lazyHeaders(msg).all()).toEqual({ a: '1' });
});

test('a message without headers has none', async () => {
  const none = lazyHeaders(await arrived([]));
  expect(none.one('ce-id')).toBeUndefined();
  expect(none.all()).toEqual({});
});

test('what the fast way reads is what the client reads', async () => {
  const lines = Array.from(
    { length: 12 },
    (_, i) => [`x-${String(i)}`, `  value ${String(i)}: é `] as const,
  );
  const msg = await arrived(lines);
  const theirs = Object.fromEntries(
    [...(msg.headers ?? [])].map(([name, [value]]) => [name, value]),
  );
  expect(lazyHeaders(msg).all()).toEqual(theirs);
  // And it is the fast way: a message without what it needs would be read by the client's.
  expect('size' in msg).toBe(true);
});
