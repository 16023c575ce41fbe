import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { eventually } from '../../testing/eventually.ts';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import type { Bus, Stored } from '../bus/bus.ts';
import { createJetStreamBus } from './bus.ts';

let nats: NatsServer;
let connection: NatsConnection;
let manager: JetStreamManager;
let bus: Bus;
let channel: string;
let channels = 0;
beforeAll(async () => {
  nats = await startNats();
  connection = await connect({ servers: nats.url });
  manager = await connection.jetstreamManager();
}, 60_000);
afterAll(async () => {
  await connection.close();
  await nats.close();
});
beforeEach(async () => {
  channel = `reading-${String(++channels)}`;
  bus = createJetStreamBus({
    servers: [nats.url],
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
    ...{ connectWaitMs: 500, heartbeatMs: 300, ackTimeoutMs: 500 },
  });
  await bus.ensureChannel({ name: channel });
});
afterEach(() => bus.close());

async function publish(ids: readonly string[]): Promise<void> {
  await bus.publish(
    ids.map((id) => ({
      ...{ channel, subject: `${channel}.Placed`, id, headers: { 'ce-id': id } },
      data: new Uint8Array(),
    })),
  );
}

function read(): { ids: () => (string | undefined)[]; close: () => Promise<void> } {
  const seen: Stored[] = [];
  const reading = bus.read({
    ...{ channel: { name: channel }, subjects: [`${channel}.Placed`] },
    onMessage(message) {
      seen.push(message);
      reading.done(1);
    },
  });
  return { ids: () => seen.map(({ headers }) => headers['ce-id']), close: () => reading.close() };
}

const consumers = async (): Promise<string[]> =>
  (await manager.consumers.list(channel).next()).map(({ name }) => name);

test('a reading whose consumer was deleted goes on where it was', async () => {
  await publish(['a', 'b']);
  const { ids } = read();
  await eventually(() => ids().length === 2);
  for (const name of await consumers()) await manager.consumers.delete(channel, name);
  await publish(['c']);
  await eventually(() => ids().length === 3);
  expect(ids()).toEqual(['a', 'b', 'c']);
});

test('a reading of a channel that was deleted and made anew reads the new one from its beginning', async () => {
  await publish(['a', 'b', 'c']);
  const { ids } = read();
  await eventually(() => ids().length === 3);
  await manager.streams.delete(channel);
  await eventually(async () => {
    const there = await bus.inspect(channel);
    if (there === undefined) return false;
    await publish(['d']);
    return true;
  });
  await eventually(() => ids().length === 4);
  expect(ids()).toEqual(['a', 'b', 'c', 'd']);
});

test('a reading that is closed leaves nothing at the server', async () => {
  const { close } = read();
  await eventually(async () => (await consumers()).length === 1);
  await close();
  expect(await consumers()).toEqual([]);
});
