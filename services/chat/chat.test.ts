/** The chat in one process: two gateways, messages and presence; sockets, stores and the stack as they are. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../mesh/testing/in-process.ts';
import { type ChatClient, type ChatMessage, createChatClient } from './demo/chat-client.ts';
import { tokenOf } from './demo/token.ts';
import { gatewayParts } from './gateway/parts.ts';
import { messagesParts } from './messages/parts.ts';
import { type MessagesDb, messageMigrations } from './messages/store.ts';
import { presenceParts } from './presence/parts.ts';
import { type PresenceDb, presenceMigrations } from './presence/store.ts';

const secret = 'a secret of at least thirty-two bytes';
let mesh: InProcessMesh;
let gateways: { readonly address: string; close(): Promise<void> }[];
let clients: ChatClient[];

beforeEach(async () => {
  clients = [];
  mesh = createInProcessMesh();
  await mesh.start<MessagesDb>({
    ...{ name: 'messages', migrations: messageMigrations, build: messagesParts },
  });
  await mesh.start<PresenceDb>({
    ...{ name: 'presence', migrations: presenceMigrations, build: presenceParts },
  });
  gateways = [await startGateway('gateway-1'), await startGateway('gateway-2')];
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await mesh.close();
});

async function startGateway(instanceId: string): Promise<(typeof gateways)[number]> {
  const { endpoint, close } = await mesh.start({
    name: 'chat-gateway',
    build: (tools) =>
      gatewayParts(tools, {
        ...{ host: '127.0.0.1', edgePort: 0, tokenSecret: secret, origins: [] },
        ...{ reportEveryMs: 100, instanceId },
      }),
  });
  return { address: endpoint.metadata['weft-edge'] ?? '', close };
}

/** A user at a gateway, and what arrives there; one that is gone is left for the next. */
function user(
  userId: string,
  at: 0 | 1,
): { client: ChatClient; heard: ChatMessage[]; sent: string[] } {
  const heard: ChatMessage[] = [];
  const sent: string[] = [];
  let tries = 0;
  const client = createChatClient({
    ...{ userId, secret, onMessage: (message) => void heard.push(message) },
    onSent: (_, clientIds) => void sent.push(...clientIds),
    gateway: () => gateways[(at + tries++) % 2]?.address ?? '',
  });
  clients.push(client);
  return { client, heard, sent };
}

const textsOf = (heard: readonly ChatMessage[]): string[] => heard.map(({ text }) => text);
const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => String(i));

test('a user on one gateway writes to a user on another, and hears when it has arrived', async () => {
  const [ada, bob] = [user('ada', 0), user('bob', 1)];
  await eventually(() => bob.client.state === 'open');
  const ids: string[] = [];
  for (const text of numbers(20)) ids.push(await ada.client.send('bob', text));
  await eventually(() => bob.heard.length === 20);
  expect(textsOf(bob.heard)).toEqual(numbers(20));
  expect(bob.heard[0]).toMatchObject({ from: 'ada', place: 1, clientId: ids[0] });
  await eventually(() => ada.sent.length === 20);
  expect(ada.sent).toEqual(ids);
  expect(bob.client.repeated).toBe(0);
});

test('what came while a user was away is there on return, in order and once', async () => {
  const ada = user('ada', 0);
  for (const text of numbers(120)) await ada.client.send('bob', text);
  const first = user('bob', 1);
  await eventually(() => first.heard.length === 120);
  expect(textsOf(first.heard)).toEqual(numbers(120));
  await eventually(() => ada.sent.length === 120);
  await first.client.close();
  await ada.client.send('bob', 'later');
  const answer = await ada.client.request({ type: 'history', with: 'bob', limit: 2 });
  expect(answer['messages']).toMatchObject([
    { text: '119', status: 'SENT', to: 'bob' },
    { text: 'later', status: 'RECEIVED' },
  ]);
  // A device that remembers nothing begins behind what was acknowledged.
  const again = user('bob', 0);
  await eventually(() => again.heard.length > 0);
  expect(textsOf(again.heard)).toEqual(['later']);
});

test('many users write to one at the same time, each in its own order', async () => {
  const bob = user('bob', 1);
  const names = numbers(8).map((n) => `user-${n}`);
  const all = names.map((name, i) => user(name, i % 2 === 0 ? 0 : 1));
  await Promise.all(
    all.map(async ({ client }) => {
      for (const text of numbers(15)) await client.send('bob', text);
    }),
  );
  await eventually(() => bob.heard.length === 8 * 15);
  for (const name of names) {
    expect(textsOf(bob.heard.filter(({ from }) => from === name))).toEqual(numbers(15));
  }
  expect(bob.client.repeated).toBe(0);
});

test('a gateway that leaves sends its users to another, and they go on behind their place', async () => {
  const [ada, bob] = [user('ada', 0), user('bob', 1)];
  await eventually(() => bob.client.state === 'open');
  const writing = (async () => {
    for (const text of numbers(60)) await ada.client.send('bob', text);
  })();
  await eventually(() => bob.heard.length >= 5);
  await gateways[1]?.close();
  await writing;
  await eventually(() => bob.heard.length === 60);
  expect(textsOf(bob.heard)).toEqual(numbers(60));
  expect(bob.client.repeated).toBe(0);
});

test('who is connected is seen from everywhere', async () => {
  const ada = user('ada', 0);
  const bob = user('bob', 1);
  const online = async (): Promise<unknown> => {
    const { users } = await ada.client.request({ type: 'presence', users: ['bob', 'eve'] });
    return (users as { online: boolean }[]).map((each) => each.online);
  };
  await eventually(async () => expect(await online()).toEqual([true, false]));
  await bob.client.close();
  await eventually(async () => expect(await online()).toEqual([false, false]));
});

test('who polls gets the same messages over plain HTTP', async () => {
  const ada = user('ada', 0);
  await ada.client.send('bob', 'hello');
  const ask = async (path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${gateways[1]?.address ?? ''}${path}`, {
      headers: { authorization: `Bearer ${tokenOf('bob', secret)}` },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    return { status: answer.status, ...((await answer.json()) as object) };
  };
  expect(await ask('/mailbox?after=0')).toMatchObject({
    ...{ status: 200, acknowledged: 0 },
    messages: [{ place: 1, from: 'ada', text: 'hello' }],
  });
  expect(await ask('/acknowledge', { place: 1 })).toMatchObject({ place: 1 });
  expect(await ask('/mailbox?after=1')).toMatchObject({ messages: [], acknowledged: 1 });
  expect(await ask('/messages', { to: 'ada', clientId: 'b1', text: 'hi' })).toMatchObject({
    messageId: expect.any(String),
  });
  await eventually(() => ada.heard.length === 1);
  expect(await ask('/mailbox?after=x')).toMatchObject({ status: 400 });
  expect(await ask('/messages', { to: 'ada' })).toMatchObject({ status: 400 });
});

test('a message that breaks a rule of the contract is refused, and the connection goes on', async () => {
  const ada = user('ada', 0);
  expect(await errorOf(ada.client.send('bob', ''))).toMatchObject({ reason: 'INVALID_FIELDS' });
  expect(await errorOf(ada.client.send('no body', 'x'))).toMatchObject({
    reason: 'INVALID_FIELDS',
  });
  await ada.client.send('bob', 'x');
});
