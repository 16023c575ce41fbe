import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AckPolicy, connect } from 'nats';
import { eventually } from '../../testing/eventually.ts';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import { createBacklogView } from './backlog.ts';

let nats: NatsServer;
beforeAll(async () => {
  nats = await startNats();
}, 60_000);
afterAll(() => nats.close());

test('tells what each durable consumer has before it, and comes back with the broker', async () => {
  const connection = await connect({ servers: nats.url });
  const manager = await connection.jetstreamManager();
  await manager.streams.add({ name: 'placed', subjects: ['placed.>'] });
  await manager.consumers.add('placed', { durable_name: 'mail', ack_policy: AckPolicy.Explicit });
  await manager.consumers.add('placed', { ack_policy: AckPolicy.Explicit });
  await connection.jetstream().views.kv('elsewhere');
  for (let i = 0; i < 3; i++) await connection.jetstream().publish('placed.Order');
  const consumer = await connection.jetstream().consumers.get('placed', 'mail');
  await consumer.next();
  await connection.close();

  const view = createBacklogView({ servers: [nats.url] });
  try {
    expect(await view.read()).toEqual([
      { channel: 'placed', messages: 3, consumers: [{ consumer: 'mail', pending: 2, unacked: 1 }] },
    ]);
    await nats.kill();
    await expect(view.read()).rejects.toMatchObject({ reason: 'BROKER_UNAVAILABLE' });
    await nats.restart();
    await eventually(async () => expect(await view.read()).toHaveLength(1));
  } finally {
    await view.close();
  }
}, 60_000);
