import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { MessageReceived, MessagesSent } from '#gen/chat/messages/v1/events.ts';
import {
  type Message,
  MessageStatus,
  MessagesServiceDefinition,
} from '#gen/chat/messages/v1/messages.ts';
import { type Client, on } from '#mesh';
import { onEachDialect } from '../../../mesh/testing/databases.ts';
import { errorOf } from '../../../mesh/testing/error-of.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { messagesParts } from './parts.ts';
import { type MessagesDb, messageMigrations } from './store.ts';

onEachDialect((urlOf) => {
  let mesh: InProcessMesh;
  let messages: Client<MessagesServiceDefinition>;
  let heard: (MessageReceived | MessagesSent)[];

  beforeEach(async () => {
    heard = [];
    mesh = createInProcessMesh();
    // Two, so that what comes at once is written at once wherever the database lets it.
    for (let instance = 1; instance <= 2; instance++) {
      await mesh.start<MessagesDb>({
        ...{ name: 'messages', store: await urlOf('messages') },
        ...{ migrations: messageMigrations, build: messagesParts },
      });
    }
    await mesh.start({
      name: 'listener',
      build: () => ({
        services: [],
        consumer: {
          concurrency: 1,
          handlers: [
            on(MessageReceived, async (event) => void heard.push(event)),
            on(MessagesSent, async (event) => void heard.push(event)),
          ],
        },
      }),
    });
    messages = mesh.client(MessagesServiceDefinition);
  });

  afterEach(() => mesh.close());

  const send = async (clientId: string, words: Partial<Message> = {}): Promise<Message> => {
    const draft = { sender: 'ada', recipient: 'bob', clientId, text: 'hello', ...words };
    const { message } = await messages.send(draft);
    if (message === undefined) throw new Error('Send answered without a message');
    return message;
  };
  const placesOf = async (after?: number): Promise<number[]> => {
    const page = await messages.readMailbox({ userId: 'bob', after, limit: 0 });
    return page.messages.map(({ place }) => place);
  };

  test('messages of many senders at once stand in the mailbox at 1, 2, 3, with no gap', async () => {
    const sent = await Promise.all(
      Array.from({ length: 40 }, (_, i) => send(`c${String(i)}`, { sender: `user-${String(i)}` })),
    );
    const places = sent.map(({ place }) => place).sort((a, b) => a - b);
    expect(places).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    expect(await placesOf()).toEqual(places);
    expect(sent.every(({ status }) => status === MessageStatus.RECEIVED)).toBe(true);
  });

  test('sent again under its id it is the same message, and is told once', async () => {
    const first = await send('c1');
    const again = await Promise.all([send('c1'), send('c1')]);
    expect(again).toEqual([first, first]);
    expect(await send('c1', { sender: 'eve' })).toMatchObject({ place: 2 });
    await eventually(() => heard.length === 2);
    expect(heard.map((event) => 'place' in event && event.place)).toEqual([1, 2]);
  });

  test('other words under a known id are refused', async () => {
    await send('c1');
    expect(await errorOf(send('c1', { text: 'goodbye' }))).toMatchObject({
      ...{ status: 'ALREADY_EXISTS', reason: 'CLIENT_ID_REUSED' },
    });
  });

  test('what is acknowledged is sent, once and for all who wrote it', async () => {
    for (const id of ['c1', 'c2', 'c3']) await send(id);
    expect(await messages.acknowledge({ userId: 'bob', place: 2 })).toEqual({ place: 2 });
    // An old connection speaks late, and one that boasts.
    expect(await messages.acknowledge({ userId: 'bob', place: 1 })).toEqual({ place: 2 });
    expect(await placesOf()).toEqual([3]);
    expect(await placesOf(0)).toEqual([1, 2, 3]);
    expect(await messages.acknowledge({ userId: 'bob', place: 99 })).toEqual({ place: 3 });
    await eventually(() => heard.filter((event) => 'clientIds' in event).length === 2);
    expect(heard.flatMap((event) => ('clientIds' in event ? [event.clientIds] : []))).toEqual([
      ['c1', 'c2'],
      ['c3'],
    ]);
    expect(await messages.acknowledge({ userId: 'nobody', place: 5 })).toEqual({ place: 0 });
  });

  test('who write to each other in all directions at once wait for nobody, and no place is given twice', async () => {
    const users = ['ada', 'bob', 'eve', 'kim'];
    const pairs = users.flatMap((sender) => users.map((recipient) => ({ sender, recipient })));
    await Promise.all(
      pairs.flatMap((pair) =>
        [1, 2, 3, 4].map((n) => send(`${pair.recipient}-${String(n)}`, pair)),
      ),
    );
    for (const userId of users) {
      const page = await messages.readMailbox({ userId, after: 0, limit: 100 });
      expect(page.messages.map(({ place }) => place)).toEqual(
        Array.from({ length: 16 }, (_, i) => i + 1),
      );
    }
  });

  test('two who acknowledge the same at once tell each sender once', async () => {
    for (let i = 1; i <= 10; i++) await send(`c${String(i)}`);
    await Promise.all(
      [10, 10, 7, 10].map((place) => messages.acknowledge({ userId: 'bob', place })),
    );
    const told = () => heard.flatMap((event) => ('clientIds' in event ? event.clientIds : []));
    await eventually(() => told().length >= 10);
    await send('later', { recipient: 'eve' });
    await eventually(() =>
      heard.some((event) => 'clientId' in event && event.clientId === 'later'),
    );
    expect(told()).toHaveLength(10);
  });

  test('a conversation is what two wrote to each other, oldest first, with its status', async () => {
    await send('c1', { text: 'one' });
    await send('c2', { sender: 'bob', recipient: 'ada', text: 'two' });
    await send('c3', { sender: 'eve', text: 'not theirs' });
    await messages.acknowledge({ userId: 'bob', place: 1 });
    const { messages: found } = await messages.readConversation({
      ...{ userId: 'bob', other: 'ada', limit: 0 },
    });
    expect(found.map(({ text, status }) => [text, status])).toEqual([
      ['one', MessageStatus.SENT],
      ['two', MessageStatus.RECEIVED],
    ]);
  });
});
