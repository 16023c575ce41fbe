import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { MachineServiceDefinition, MachineStatus } from '#gen/vending/machine/v1/machine.ts';
import type { Client } from '#mesh';
import { errorOf } from '../../../mesh/testing/error-of.ts';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { machineParts } from './parts.ts';
import { type VendingDb, vendingMigrations } from './store.ts';

let mesh: InProcessMesh;
let client: Client<MachineServiceDefinition>;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-vending-'));
  mesh = createInProcessMesh();
  client = mesh.client(MachineServiceDefinition);
});
afterEach(async () => {
  await mesh.close();
  await rm(folder, { recursive: true, force: true });
});

const start = () =>
  mesh.start<VendingDb>({
    name: 'machine',
    store: `sqlite:${join(folder, 'machine.db')}`,
    migrations: vendingMigrations,
    build: machineParts,
  });
const sale = (saleId: string, machineId = 'lobby') => ({ machineId, saleId });
const dispensed = async (machineId = 'lobby'): Promise<number> =>
  (await client.getMachine({ machineId })).machine?.dispensed ?? 0;

test('a sale goes from selected to dispensed, and what is asked twice happens once', async () => {
  await start();
  const select = () => client.selectItem({ ...sale('s1'), itemId: 'tea' });
  expect((await select()).machine).toMatchObject({ status: MachineStatus.SELECTED, itemId: 'tea' });
  await select();
  await client.pay({ ...sale('s1'), cents: 200 });
  await eventually(async () => (await dispensed()) === 1);
  expect((await client.getMachine({ machineId: 'lobby' })).machine).toMatchObject({
    status: MachineStatus.IDLE,
  });
  await eventually(async () => (await client.listSales({})).sales.length === 1);
  expect((await client.listSales({})).sales).toEqual([{ itemId: 'tea', count: 1 }]);
});

test('a refusal has its reason', async () => {
  await start();
  const error = await errorOf(client.pay({ ...sale('s1'), cents: 200 }));
  expect(error).toMatchObject({ status: 'FAILED_PRECONDITION', reason: 'NOT_SELECTED' });
});

test('two instances that sell at one machine at once make one sale', async () => {
  await start();
  await start();
  const tries = await Promise.allSettled(
    Array.from({ length: 10 }, (_, i) => client.selectItem({ ...sale(`s${i}`), itemId: 'tea' })),
  );
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('sales of many machines are all dispensed and counted', async () => {
  await start();
  await start();
  const ids = Array.from({ length: 12 }, (_, i) => `m${i}`);
  await Promise.all(
    ids.map(async (machineId) => {
      await client.selectItem({ ...sale('s1', machineId), itemId: 'coffee' });
      await client.pay({ ...sale('s1', machineId), cents: 220 });
    }),
  );
  await eventually(async () => (await client.listSales({})).sales[0]?.count === 12);
  for (const machineId of ids) expect(await dispensed(machineId)).toBe(1);
});
