/**
 * A service in a process of its own, which a test starts to kill or stop it:
 * `node events-process.ts <store url> <nats url> <role>`.
 *
 * relay     sends what the outbox holds; prints "relaying" when it has the lease
 * crash     hears OrderConfirmed and kills itself after the effect is committed and before the ack
 * give-up   fails at OrderConfirmed and kills itself when the dead letter is written and not yet committed
 */
import { createJetStreamBus } from '../events/jetstream/bus.ts';
import { eventTables } from '../events/tables.ts';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import type { Store } from '../store/store.ts';
import { type ConfirmedHandler, createRig, type RigTables } from './events-rig.ts';
import { eventually } from './eventually.ts';
import { hearSteps, inPartitions } from './steps.ts';

const [, , url = '', nats = '', role = ''] = process.argv;
const bus = createJetStreamBus({
  servers: [nats],
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
});
const rig = await createRig({
  ...(role === 'ordered' && { image: inPartitions(8) }),
  ...{ bus, url, relay: { leaseMs: 1_000 } },
  ...(role === 'give-up' && { around: dyingWithTheLetter }),
});
// Nothing else keeps the process alive while it waits.
setInterval(() => undefined, 1_000);
if (role === 'crash') {
  const killAfterCommit: ConfirmedHandler = async (_, { tx }) => {
    rig.store.onCommit(tx, () => process.kill(process.pid, 'SIGKILL'));
  };
  await rig.hear(killAfterCommit, { ackWaitMs: 500 });
} else if (role === 'give-up') {
  const fail: ConfirmedHandler = () => Promise.reject(new Error('no such shelf'));
  await rig.hear(fail, { ackWaitMs: 500, maxDeliveries: 3 });
} else if (role === 'ordered') {
  await hearSteps(rig);
} else {
  rig.events.start();
  await eventually(() => rig.events.relay.kind === 'relaying', { withinMs: 60_000 });
}
process.stdout.write('ready\n');

function dyingWithTheLetter(store: Store<RigTables>): Store<RigTables> {
  return {
    ...store,
    transaction: (work, signal) =>
      store.transaction(async (tx) => {
        const result = await work(tx);
        const letters = await eventTables<RigTables>(tx)
          .selectFrom('weft_dead_letter')
          .select('id')
          .execute();
        if (letters.length > 0) process.kill(process.pid, 'SIGKILL');
        return result;
      }, signal),
  };
}
