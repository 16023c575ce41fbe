import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { CanStatus, DispenserServiceDefinition } from '#gen/vending/dispenser/v1/dispenser.ts';
import type { Client } from '#mesh';
import { createInProcessMesh, type InProcessMesh } from '../../../mesh/testing/in-process.ts';
import { dispenserParts } from './parts.ts';
import { type DispenserDb, dispenserMigrations } from './tables.ts';

let mesh: InProcessMesh;
let client: Client<DispenserServiceDefinition>;
beforeEach(async () => {
  mesh = createInProcessMesh();
  await mesh.start<DispenserDb>({
    ...{ name: 'dispenser', migrations: dispenserMigrations, build: dispenserParts },
  });
  client = mesh.client(DispenserServiceDefinition);
});
afterEach(() => mesh.close());

const machineId = 'lobby';
const of = (saleId: string) => ({ machineId, saleId, itemId: 'cola' });
const load = (cans: number, loadId: string) =>
  client.load({ machineId, itemId: 'cola', cans, loadId });
const slot = async () => (await client.getCans({ machineId })).slots[0];

test('one sale drops one can, however often it is asked', async () => {
  await load(2, 'l1');
  await load(2, 'l1');
  for (let time = 1; time <= 2; time++) {
    expect((await client.dispense(of('s1'))).can?.status).toBe(CanStatus.DROPPED);
  }
  expect(await slot()).toEqual({ itemId: 'cola', loaded: 2, left: 1 });
});

test('the last can is dropped once, and the next sale is told', async () => {
  await load(1, 'l1');
  await client.dispense(of('s1'));
  const second = { status: CanStatus.MISSING, reason: 'SOLD_OUT' };
  expect((await client.dispense(of('s2'))).can).toMatchObject(second);
  await load(1, 'l2');
  expect((await client.dispense(of('s2'))).can).toMatchObject(second);
  expect(await slot()).toEqual({ itemId: 'cola', loaded: 2, left: 1 });
});

test('what was given up never drops, what has dropped is not given up', async () => {
  await load(2, 'l1');
  await client.giveUp(of('s1'));
  expect((await client.dispense(of('s1'))).can?.status).toBe(CanStatus.MISSING);
  await client.dispense(of('s2'));
  expect((await client.giveUp(of('s2'))).can?.status).toBe(CanStatus.DROPPED);
});

test('a can that is stuck stays in the machine', async () => {
  await load(1, 'l1');
  await client.setJammed({ machineId, jammed: true });
  expect((await client.dispense(of('s1'))).can).toMatchObject({ reason: 'JAMMED' });
  await client.setJammed({ machineId, jammed: false });
  expect((await client.dispense(of('s2'))).can?.status).toBe(CanStatus.DROPPED);
});
