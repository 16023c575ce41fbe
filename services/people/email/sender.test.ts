import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openStore, type Store, silentLog } from '#mesh';
import { createFakeClock } from '../../../mesh/testing/fake-clock.ts';
import { createPauseStore, type PauseStore } from './pauses.ts';
import { createDeliver } from './provider.ts';
import { createSender } from './sender.ts';
import { createEmailStore, type EmailDb, type EmailStore, emailMigrations } from './store.ts';
import { welcome } from './welcome.ts';

/** What the provider answers, one after another; 202 when the list is empty. */
let script: { readonly status: number; readonly retryAfter?: string }[];
let keys: string[];
let server: Server;
let store: Store<EmailDb>;
let emails: EmailStore;
let pauses: PauseStore;
const clock = createFakeClock();
const calm = new AbortController().signal;

beforeEach(async () => {
  [script, keys] = [[], []];
  server = createServer((request, response) => {
    const { status, retryAfter } = script.shift() ?? { status: 202 };
    keys.push(String(request.headers['idempotency-key']));
    if (retryAfter !== undefined) response.setHeader('retry-after', retryAfter);
    request.resume().on('end', () => response.writeHead(status).end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  store = await openStore<EmailDb>({ url: 'sqlite::memory:', migrations: emailMigrations });
  emails = createEmailStore(store);
  pauses = createPauseStore(store);
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await store.close();
});

/** As a process that has just started: what it knows is in the database. */
const send = (signal = calm): Promise<void> => {
  const { port } = server.address() as AddressInfo;
  const deliver = createDeliver({ url: `http://127.0.0.1:${String(port)}`, clock });
  return createSender({ emails, pauses, deliver, clock, log: silentLog, lanes: 1 })(signal);
};
const register = async (...ids: readonly string[]): Promise<void> => {
  for (const id of ids) {
    const customer = { customerId: id, name: id, email: `${id}@example.org` };
    await store.transaction((tx) => emails.add(tx, welcome(id, customer)));
  }
};

test('a provider that says when to come back is left alone until then, by everybody', async () => {
  await register('a', 'b', 'c');
  script = [{ status: 202 }, { status: 429, retryAfter: '7' }];
  await send();
  expect(keys).toEqual(['a', 'b']);
  clock.advance(6_999);
  await send();
  expect(keys).toEqual(['a', 'b']);
  clock.advance(1);
  await send();
  expect(keys).toEqual(['a', 'b', 'b', 'c']);
  expect(await emails.counts()).toEqual({ waiting: 0, sent: 3, refused: 0 });
});

test('however often a day is full nothing is given up', async () => {
  await register('a');
  for (let day = 0; day < 30; day++) {
    script = [{ status: 429, retryAfter: '86400' }];
    await send();
    clock.advance(86_400_000);
  }
  await send();
  expect((await emails.listOf('a'))[0]).toMatchObject({ state: 'sent', tries: 31 });
});

test('a provider that fails without a word is asked less and less often', async () => {
  await register('a');
  const pausesMs: number[] = [];
  for (const status of [500, 503, 502]) {
    script = [{ status }];
    await send();
    const ms = ((await pauses.last())?.untilMs ?? 0) - clock.now();
    pausesMs.push(ms);
    clock.advance(ms);
  }
  expect(pausesMs).toEqual([1_000, 2_000, 4_000]);
  await send();
  expect(await pauses.last()).toMatchObject({ failures: 0 });
});

test('what the provider refuses for good stops nobody else', async () => {
  await register('a', 'b');
  script = [{ status: 422 }];
  await send();
  expect(await emails.counts()).toEqual({ waiting: 0, sent: 1, refused: 1 });
});

test('an e-mail that somebody died with is sent by another one, under the same key', async () => {
  await register('a');
  await emails.claim(clock.now(), clock.now() + 10_000);
  await send();
  expect(keys).toEqual([]);
  clock.advance(10_000);
  await send();
  expect(keys).toEqual(['a']);
});

test('a process that stops gives an e-mail back and blames nobody', async () => {
  await register('a');
  const stopping = new AbortController();
  server.removeAllListeners('request');
  server.on('request', () => {
    stopping.abort();
  });
  await send(stopping.signal);
  expect(await emails.counts()).toMatchObject({ waiting: 1 });
  expect(await pauses.last()).toBeUndefined();
});
