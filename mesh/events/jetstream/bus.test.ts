import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { busContract } from '../../testing/bus-contract.ts';
import { eventually } from '../../testing/eventually.ts';
import { freeze } from '../../testing/freeze.ts';
import { type NatsServer, startNats } from '../../testing/nats.ts';
import type { Bus, Outgoing } from '../bus/bus.ts';
import { createJetStreamBus } from './bus.ts';

let nats: NatsServer;
beforeAll(async () => {
  nats = await startNats();
}, 60_000);
afterAll(() => nats.close());

busContract({
  name: 'JetStream',
  features: {
    broker: {
      kill: () => nats.kill(),
      restart: () => nats.restart(),
    },
  },
  newBus,
});

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

test('a header with a line break is refused before it can become a line of the protocol', async () => {
  const bus = newBus();
  await bus.ensureChannel({ name: 'breaks' });
  const headers = { 'weft-key': 'x\r\nNats-Msg-Id: y' };
  const message = { channel: 'breaks', subject: 'breaks.Placed', id: 'a', headers };
  const outcomes = await bus.publish([{ ...message, data: new Uint8Array() }]);
  expect(outcomes).toMatchObject([{ stored: false, error: { status: 'INVALID_ARGUMENT' } }]);
  await bus.close();
});
