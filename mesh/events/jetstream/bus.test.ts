import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connect, StringCodec } from 'nats';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { type BusContract, busContract } from '../../testing/bus-contract.ts';
import { channelContract } from '../../testing/bus-contract-channels.ts';
import { readingContract } from '../../testing/bus-contract-reading.ts';
import { eventually } from '../../testing/eventually.ts';
import { freeze } from '../../testing/freeze.ts';
import { latestContract } from '../../testing/latest-contract.ts';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import type { Bus, Outgoing } from '../bus/bus.ts';
import { partitionOf } from '../bus/subject.ts';
import { createJetStreamBus } from './bus.ts';

let nats: NatsServer;
beforeAll(async () => {
  nats = await startNats();
}, 60_000);
afterAll(() => nats.close());

const subject: BusContract = {
  name: 'JetStream',
  features: {
    broker: {
      kill: () => nats.kill(),
      restart: () => nats.restart(),
    },
  },
  newBus,
};
busContract(subject);
channelContract(subject);
readingContract(subject);

latestContract(newBus);

function newBus(): Bus {
  return createJetStreamBus({
    servers: [nats.url],
    ...{ clock: systemClock, random: systemRandom, log: silentLog },
    ...{ connectWaitMs: 500, heartbeatMs: 500, ackTimeoutMs: 500 },
  });
}

test('a server that hangs is UNAVAILABLE after the ack timeout, and used again when it answers', async () => {
  const bus = newBus();
  const message = (id: string): Outgoing => ({
    ...{ channel: 'hangs', subject: 'hangs.Placed', id, headers: {}, data: new Uint8Array() },
  });
  await bus.ensureChannel({ name: 'hangs' });
  const thaw = await freeze(nats.pid);
  const [outcome] = await bus.publish([message('a')]);
  thaw();
  expect(outcome).toMatchObject({ stored: false, error: { status: 'UNAVAILABLE' } });
  // It had arrived all the same: this is why whoever sends again uses the same id.
  await eventually(async () => {
    const [again] = await bus.publish([message('a')]);
    return again?.stored === true && again.duplicate;
  });
  await bus.close();
});

test('a message larger than the server takes is refused for itself; the others of its batch pass', async () => {
  const bus = newBus();
  const message = (id: string, size: number): Outgoing => ({
    ...{ channel: 'large', subject: 'large.Placed', id, headers: {}, data: new Uint8Array(size) },
  });
  await bus.ensureChannel({ name: 'large' });
  const outcomes = await bus.publish([message('a', 1), message('b', 2_000_000), message('c', 1)]);
  expect(outcomes).toMatchObject([
    { stored: true },
    { stored: false, error: { status: 'INVALID_ARGUMENT', reason: 'MESSAGE_REFUSED' } },
    { stored: true },
  ]);
  await bus.close();
});

test('behind a message that the server refuses those of its key are held back, and others go', async () => {
  const bus = newBus();
  await bus.ensureChannel({ name: 'keyed' });
  const connection = await connect({ servers: nats.url });
  const { streams } = await connection.jetstreamManager();
  await streams.update('keyed', { max_msg_size: 200 });
  await connection.close();
  const message = (id: string, key: string, size = 1): Outgoing => ({
    ...{ channel: 'keyed', subject: 'keyed.Placed', id, headers: {}, key },
    data: new Uint8Array(size),
  });
  const first = bus.publish([message('a1', 'a'), message('a2', 'a', 500), message('b1', 'b')]);
  // Another call, while the first is on its way.
  const second = bus.publish([message('a3', 'a'), message('b2', 'b'), message('a4', 'a')]);
  expect([...(await first), ...(await second)]).toMatchObject([
    { stored: true },
    { stored: false, error: { reason: 'MESSAGE_REFUSED' } },
    { stored: true },
    { stored: false, error: { status: 'ABORTED', reason: 'HELD_BACK' } },
    { stored: true },
    { stored: false, error: { reason: 'HELD_BACK' } },
  ]);
  expect(await bus.publish([message('a5', 'a')])).toMatchObject([{ stored: true }]);
  await bus.close();
});

test('a header with a line break is refused before it can become a line of the protocol', async () => {
  const bus = newBus();
  await bus.ensureChannel({ name: 'breaks' });
  const headers = { 'weft-key': 'x\r\nNats-Msg-Id: y' };
  const message = { channel: 'breaks', subject: 'breaks.Placed', id: 'a', headers };
  const outcomes = await bus.publish([{ ...message, data: new Uint8Array() }]);
  expect(outcomes).toMatchObject([{ stored: false, error: { status: 'INVALID_ARGUMENT' } }]);
  await bus.close();
});

test('a partition is the one that the server would choose', async () => {
  const connection = await connect({ servers: nats.url });
  const { streams } = await connection.jetstreamManager();
  const dest = 'divided.{{partition(13,1)}}.{{wildcard(1)}}';
  await streams.add({
    ...{ name: 'divided', subjects: ['undivided.*'] },
    subject_transform: { src: 'undivided.*', dest },
  });
  const keys = ['order-1', '', 'Zürich', '東京', '💶'].map((key) => `key-${key}`);
  for (let i = 0; i < 200; i++) keys.push(`01J${String(i * 7919)}`);
  const client = connection.jetstream();
  for (const key of keys) await client.publish(`undivided.${key}`, StringCodec().encode(key));
  const stored = await Promise.all(
    keys.map((_, i) => streams.getMessage('divided', { seq: i + 1 })),
  );
  expect(stored.map(({ subject }) => subject)).toEqual(
    keys.map((key) => `divided.${partitionOf(key, 13)}.${key}`),
  );
  await connection.close();
});
