/**
 * A service in a process of its own, which a test starts to kill or stop it:
 * `node events-process.ts <store url> <nats url> <role>`.
 *
 * relay     sends what the outbox holds; prints "relaying" when it has the lease
 * crash     hears OrderConfirmed and kills itself after the effect is committed and before the ack
 */
import { createJetStreamBus } from '../events/jetstream/bus.ts';
import { systemClock } from '../kernel/clock.ts';
import { silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { type ConfirmedHandler, createRig } from './events-rig.ts';
import { eventually } from './eventually.ts';

const [, , url = '', nats = '', role = ''] = process.argv;
const bus = createJetStreamBus({
  servers: [nats],
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
});
const rig = await createRig({ bus, url, relay: { leaseMs: 1_000 } });
// Nothing else keeps the process alive while it waits.
setInterval(() => undefined, 1_000);
if (role === 'crash') {
  const killAfterCommit: ConfirmedHandler = async (_, { tx }) => {
    rig.store.onCommit(tx, () => process.kill(process.pid, 'SIGKILL'));
  };
  await rig.hear(killAfterCommit, { ackWaitMs: 500 });
} else {
  rig.events.start();
  await eventually(() => rig.events.relay.kind === 'relaying', { withinMs: 60_000 });
}
process.stdout.write('ready\n');
