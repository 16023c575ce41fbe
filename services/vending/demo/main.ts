/** The demo of the vending machines: a sale, a declined card, a can that is stuck, a dispenser that is away, a can that nobody pays, the last can. */
import { CashierServiceDefinition, PaymentStatus } from '#gen/vending/cashier/v1/cashier.ts';
import { DispenserServiceDefinition } from '#gen/vending/dispenser/v1/dispenser.ts';
import { MachineServiceDefinition, SaleStatus } from '#gen/vending/machine/v1/machine.ts';
import { MeshError } from '#mesh';
import { play, type Stage } from '../../stage/stage.ts';

/** The ends of a sale. */
const endings: ReadonlyMap<SaleStatus, string> = new Map([
  [SaleStatus.DONE, 'done'],
  [SaleStatus.SETTLED, 'cancelled'],
  [SaleStatus.WRITTEN_OFF, 'written off'],
]);

await play('vending', async (stage) => {
  const { say, until, traced, draw, weft } = stage;
  const { machineId, dispenser, statusOf, select, pay, ends } = customerOf(stage);

  await until('the dispenser is there', async () => {
    await dispenser.load({ machineId, itemId: 'cola', cans: 4, loadId: machineId });
    return true;
  });

  say.chapter('1. A cola is selected, paid with two euros, and dispensed');
  const first = `${machineId}-1`;
  const { traceId } = await traced(async () => {
    await select(first);
    await pay(first);
  });
  await ends(first);
  await draw(traceId, { consumed: 3 });

  say.chapter('2. A card is declined');
  const declined = `${machineId}-2`;
  await select(declined);
  await pay(declined, 'tok_declined');
  await ends(declined);

  say.chapter('3. The can is stuck after it was paid: the money comes back');
  const stuck = `${machineId}-3`;
  await dispenser.setJammed({ machineId, jammed: true });
  await select(stuck);
  await pay(stuck);
  await ends(stuck);
  await dispenser.setJammed({ machineId, jammed: false });

  say.chapter('4. The dispenser is away while a sale is paid, and drops the can when it is back');
  const waiting = `${machineId}-4`;
  await select(waiting);
  await weft('stop', 'dispenser');
  await pay(waiting);
  say.line('paid; nobody is there to drop the can');
  await weft('start', 'dispenser');
  await until('the dispenser is there', async () => {
    return (await dispenser.getCans({ machineId })).slots.length > 0;
  });
  await ends(waiting);

  say.chapter('5. A can drops by itself, and its card is declined: it is written off');
  const early = `${machineId}-5`;
  await select(early);
  await dispenser.dispense({ machineId, saleId: early, itemId: 'cola' });
  await until('the machine has heard of the can', async () => {
    return (await statusOf(early)) === SaleStatus.EARLY;
  });
  await pay(early, 'tok_declined');
  await ends(early);

  say.chapter('6. The last can, and one that is not there');
  const last = [`${machineId}-6`, `${machineId}-7`];
  for (const saleId of last) {
    await select(saleId);
    await pay(saleId);
    await ends(saleId);
  }
});

/** Somebody who stands at a machine of the demo's own. */
function customerOf({ client, say, until, random }: Stage) {
  const machine = client(MachineServiceDefinition);
  const cashier = client(CashierServiceDefinition);
  const dispenser = client(DispenserServiceDefinition);
  const machineId = `demo-${random.hex(4)}`;
  const statusOf = async (saleId: string): Promise<SaleStatus | undefined> =>
    (await machine.getSale({ saleId })).sale?.status;
  return {
    ...{ machineId, dispenser, statusOf },
    select: (saleId: string) => machine.selectItem({ machineId, saleId, itemId: 'cola' }),
    async pay(saleId: string, card = ''): Promise<void> {
      await machine.pay({ machineId, saleId, cents: 200, card }).catch((thrown: unknown) => {
        say.line(`the machine answered: ${MeshError.from(thrown).reason ?? ''}`);
      });
    },
    async ends(saleId: string): Promise<void> {
      await until(`the end of ${saleId}`, async () => {
        const status = await statusOf(saleId);
        return status !== undefined && endings.has(status);
      });
      const { sale } = await machine.getSale({ saleId });
      const { slots } = await dispenser.getCans({ machineId });
      const { payments } = await cashier.listPayments({ machineId });
      const till = payments
        .filter(({ status }) => status === PaymentStatus.COMPLETED)
        .reduce((sum, { cents, changeCents }) => sum + cents - changeCents, 0);
      const end = endings.get(sale?.status ?? SaleStatus.UNSPECIFIED) ?? '';
      const why = sale?.reason === '' ? '' : ` (${sale?.reason ?? ''})`;
      say.line(
        `${end}${why}; ${String(slots[0]?.left)} cans left, ${String(till)} cents in the till`,
      );
    },
  };
}
