/** The three services in one process, over memory in place of Consul and NATS. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CashierServiceDefinition, PaymentStatus } from '#gen/vending/cashier/v1/cashier.ts';
import { CanStatus, DispenserServiceDefinition } from '#gen/vending/dispenser/v1/dispenser.ts';
import {
  MachineServiceDefinition,
  MachineStatus,
  SaleStatus,
} from '#gen/vending/machine/v1/machine.ts';
import type { Client, Endpoint, ServiceDefinition } from '#mesh';
import { onEachDialect } from '../../mesh/testing/databases.ts';
import { errorOf } from '../../mesh/testing/error-of.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import {
  createInProcessMesh,
  type InProcessInstance,
  type InProcessMesh,
} from '../../mesh/testing/in-process.ts';
import { cashierParts } from './cashier/parts.ts';
import { type CashierDb, cashierMigrations } from './cashier/store.ts';
import { dispenserParts } from './dispenser/parts.ts';
import { type DispenserDb, dispenserMigrations } from './dispenser/tables.ts';
import { machineParts } from './machine/parts.ts';
import { type VendingDb, vendingMigrations } from './machine/store.ts';

onEachDialect((urlOf) => {
  let mesh: InProcessMesh;
  let machine: Client<MachineServiceDefinition>;
  let cashier: Client<CashierServiceDefinition>;
  let dispenser: Client<DispenserServiceDefinition>;
  beforeEach(() => {
    mesh = createInProcessMesh();
    machine = mesh.client(MachineServiceDefinition);
    cashier = mesh.client(CashierServiceDefinition);
    dispenser = mesh.client(DispenserServiceDefinition);
  });
  afterEach(() => mesh.close());

  const startMachine = async (giveUpMs = 60_000) =>
    mesh.start<VendingDb>({
      ...{ name: 'machine', store: await urlOf('machine'), migrations: vendingMigrations },
      build: (tools) => machineParts(tools, { askMs: 100, giveUpMs }),
    });
  const startCashier = async () =>
    mesh.start<CashierDb>({
      ...{ name: 'cashier', store: await urlOf('cashier'), migrations: cashierMigrations },
      build: cashierParts,
    });
  const startDispenser = async (): Promise<InProcessInstance<DispenserDb>> =>
    mesh.start<DispenserDb>({
      ...{ name: 'dispenser', store: await urlOf('dispenser'), migrations: dispenserMigrations },
      build: dispenserParts,
    });
  const startAll = async (): Promise<void> => {
    await Promise.all([startMachine(), startCashier(), startDispenser()]);
  };

  const load = (machineId = 'lobby', cans = 5) =>
    dispenser.load({ machineId, itemId: 'tea', cans, loadId: `load-${machineId}` });
  const id = (saleId: string, machineId = 'lobby') => ({ machineId, saleId });
  const select = (saleId: string, machineId = 'lobby') =>
    machine.selectItem({ ...id(saleId, machineId), itemId: 'tea' });
  const pay = (saleId: string, machineId = 'lobby', card = '') =>
    machine.pay({ ...id(saleId, machineId), cents: 200, card });
  const ends = (saleId: string, status: SaleStatus): Promise<unknown> =>
    eventually(async () => (await machine.getSale({ saleId })).sale?.status === status);

  test('a sale goes from selected to dispensed, and what is asked twice happens once', async () => {
    await startAll();
    await load();
    expect((await select('s1')).machine).toMatchObject({ status: MachineStatus.SELECTED });
    await select('s1');
    await pay('s1');
    await pay('s1');
    await ends('s1', SaleStatus.DONE);
    const idle = { status: MachineStatus.IDLE, dispensed: 1, saleId: '' };
    expect((await machine.getMachine({ machineId: 'lobby' })).machine).toMatchObject(idle);
    await eventually(async () => (await machine.listSales({})).sales.length === 1);
    expect((await machine.listSales({})).sales).toEqual([
      { itemId: 'tea', count: 1, writtenOff: 0 },
    ]);
    const { slots } = await dispenser.getCans({ machineId: 'lobby' });
    expect(slots).toEqual([{ itemId: 'tea', loaded: 5, left: 4 }]);
  });

  test('a refusal has its reason, and one machine sells to one customer', async () => {
    await startAll();
    await load();
    expect(await errorOf(pay('s1'))).toMatchObject({
      ...{ status: 'FAILED_PRECONDITION', reason: 'NOT_SELECTED' },
    });
    const tries = await Promise.allSettled(
      Array.from({ length: 6 }, (_, i) => select(`s${String(i)}`)),
    );
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('without a can the sale is cancelled and what was paid is given back', async () => {
    await startAll();
    await select('s1');
    await ends('s1', SaleStatus.SETTLED);
    expect((await machine.getSale({ saleId: 's1' })).sale?.reason).toBe('SOLD_OUT');
    expect((await errorOf(pay('s1'))).reason).toBe('SALE_CANCELLED');
  });

  test('a can that is stuck gives the money back', async () => {
    await startAll();
    await load();
    await dispenser.setJammed({ machineId: 'lobby', jammed: true });
    await select('s1');
    await pay('s1');
    await ends('s1', SaleStatus.SETTLED);
    const { payment } = await cashier.getPayment({ saleId: 's1' });
    expect(payment?.status).toBe(PaymentStatus.RETURNED);
  });

  test('a sale that nobody pays is given up, and cannot be paid any more', async () => {
    await Promise.all([startMachine(200), startCashier(), startDispenser()]);
    await load();
    await select('s1');
    await ends('s1', SaleStatus.SETTLED);
    const late = await cashier.charge({
      ...{ ...id('s1'), itemId: 'tea', priceCents: 150, cents: 150, card: '' },
    });
    expect(late.payment?.status).toBe(PaymentStatus.VOID);
  });

  test('a dispenser that was away when the sale was given up drops nothing when it is back', async () => {
    await Promise.all([startMachine(300), startCashier()]);
    const first = await startDispenser();
    await load();
    await first.close();
    await select('s1');
    await pay('s1');
    await ends('s1', SaleStatus.PAID);
    await startDispenser();
    // Whichever of the two the dispenser hears first, the payment or that it is too late: both books say the same.
    await eventually(async () => {
      const { sale } = await machine.getSale({ saleId: 's1' });
      return sale?.status === SaleStatus.DONE || sale?.status === SaleStatus.SETTLED;
    });
    const { sale } = await machine.getSale({ saleId: 's1' });
    const dropped = sale?.status === SaleStatus.DONE;
    const { slots } = await dispenser.getCans({ machineId: 'lobby' });
    expect(slots).toEqual([{ itemId: 'tea', loaded: 5, left: dropped ? 4 : 5 }]);
    const { payment } = await cashier.getPayment({ saleId: 's1' });
    expect(payment?.status).toBe(dropped ? PaymentStatus.COMPLETED : PaymentStatus.RETURNED);
  });

  test('a can that drops and is never paid is written off, and the machine sells again', async () => {
    await Promise.all([startMachine(300), startCashier(), startDispenser()]);
    await load();
    await select('s1');
    await dispenser.dispense({ ...id('s1'), itemId: 'tea' });
    await ends('s1', SaleStatus.WRITTEN_OFF);
    expect((await machine.getSale({ saleId: 's1' })).sale?.reason).toBe('NOT_PAID');
    expect((await errorOf(pay('s1'))).reason).toBe('SALE_WRITTEN_OFF');
    const idle = { status: MachineStatus.IDLE, dispensed: 1 };
    expect((await machine.getMachine({ machineId: 'lobby' })).machine).toMatchObject(idle);
    const loss = { itemId: 'tea', count: 1, writtenOff: 1 };
    await eventually(async () => (await machine.listSales({})).sales[0]?.writtenOff === 1);
    expect((await machine.listSales({})).sales).toEqual([loss]);
    await select('s2');
  });

  test('a can that has dropped is written off at once when its payment is refused', async () => {
    await startAll();
    await load();
    await select('s1');
    await dispenser.dispense({ ...id('s1'), itemId: 'tea' });
    await ends('s1', SaleStatus.EARLY);
    expect((await errorOf(pay('s1', 'lobby', 'tok_declined'))).reason).toBe('CARD_DECLINED');
    await ends('s1', SaleStatus.WRITTEN_OFF);
  });

  /** Two instances of one service, each to be spoken to. */
  const both = <D extends ServiceDefinition>(
    definition: D,
    instances: readonly { readonly endpoint: Endpoint }[],
  ): readonly Client<D>[] => instances.map(({ endpoint }) => mesh.client(definition, endpoint));

  test('the last can is promised once, however many ask two dispensers for it at once', async () => {
    const instances = [await startDispenser(), await startDispenser()];
    const dispensers = both(DispenserServiceDefinition, instances);
    for (let round = 1; round <= 5; round++) {
      const machineId = `m${String(round)}`;
      await load(machineId, 1);
      const sales = Array.from({ length: 6 }, (_, i) => `s${String(round)}-${String(i)}`);
      const answers = await Promise.all(
        dispensers.flatMap((each, i) =>
          sales.map((saleId) =>
            each.dispense({ ...id(`${saleId}-${String(i)}`, machineId), itemId: 'tea' }),
          ),
        ),
      );
      const dropped = answers.filter(({ can }) => can?.status === CanStatus.DROPPED);
      expect(dropped).toHaveLength(1);
    }
  });

  test('a can is dropped or given up, never both, when two dispensers are told at once', async () => {
    const instances = [await startDispenser(), await startDispenser()];
    const dispensers = both(DispenserServiceDefinition, instances);
    await load('lobby', 20);
    for (let round = 1; round <= 20; round++) {
      const can = { ...id(`s${String(round)}`), itemId: 'tea' };
      const answers = await Promise.all(
        dispensers.map((each, i) => (i === 0 ? each.dispense(can) : each.giveUp(can))),
      );
      expect(new Set(answers.map((answer) => answer.can?.status)).size).toBe(1);
    }
  });

  test('money is given back once, and everybody who asks hears that it is, of two cashiers', async () => {
    const cashiers = both(CashierServiceDefinition, [await startCashier(), await startCashier()]);
    for (let round = 1; round <= 10; round++) {
      const sale = id(`s${String(round)}`);
      await cashier.charge({ ...sale, itemId: 'tea', priceCents: 150, cents: 150, card: '' });
      const answers = await Promise.all(cashiers.map((each) => each.returnPayment(sale)));
      for (const { payment } of answers) expect(payment?.status).toBe(PaymentStatus.RETURNED);
    }
  });

  test('sales of many machines are all dispensed and counted, by two instances of each', async () => {
    await startAll();
    await startAll();
    const machines = Array.from({ length: 8 }, (_, i) => `m${String(i)}`);
    await Promise.all(
      machines.map(async (machineId) => {
        await load(machineId);
        await select(`s-${machineId}`, machineId);
        await pay(`s-${machineId}`, machineId);
      }),
    );
    for (const machineId of machines) await ends(`s-${machineId}`, SaleStatus.DONE);
    await eventually(async () => (await machine.listSales({})).sales[0]?.count === 8);
  });
});
