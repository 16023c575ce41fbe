import { CashierServiceDefinition } from '../../gen/vending/cashier/v1/cashier.ts';
import { PaymentCompleted } from '../../gen/vending/cashier/v1/events.ts';
import { DispenserServiceDefinition } from '../../gen/vending/dispenser/v1/dispenser.ts';
import { MachineServiceDefinition } from '../../gen/vending/machine/v1/machine.ts';
import type { Ground } from '../../services/vending/ground.ts';
import { systemClock } from '../kernel/clock.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { eventually } from './eventually.ts';
import { loseMessage, repeatMessage } from './stored-messages.ts';
import { openStoryRig } from './story-rig.ts';

/** The three services of the vending story as processes, over a real Consul and nats-server; all are up. */
export async function openVendingGround(): Promise<Ground & Closeable> {
  const rig = await openStoryRig('vending');
  const payment = (key: string) => {
    return { channel: 'vending-payments', type: PaymentCompleted.$type, key };
  };
  const ground: Ground & Closeable = {
    machine: rig.client(MachineServiceDefinition),
    cashier: rig.client(CashierServiceDefinition),
    dispenser: rig.client(DispenserServiceDefinition),
    clock: systemClock,
    kill: (service) => rig.kill(service),
    start(service, env) {
      rig.start(service, { env: { ASK_MS: '500', ...env } });
    },
    freeze: (service) => rig.freeze(service),
    losePayment: (machineId) => loseMessage(rig.nats.url, payment(machineId)),
    repeatPayment: (machineId) => repeatMessage(rig.nats.url, payment(machineId)),
    close: () => rig.close(),
  };
  for (const service of ['cashier', 'dispenser', 'machine'] as const) ground.start(service);
  const { machine, cashier, dispenser } = ground;
  const all: (() => Promise<unknown>)[] = [
    () => machine.getMachine({ machineId: 'any' }),
    () => cashier.listPayments({ machineId: 'any' }),
    () => dispenser.getCans({ machineId: 'any' }),
  ];
  for (const probe of all) await eventually(probe, { withinMs: 60_000, everyMs: 100 });
  return ground;
}
