import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startApp } from '../app/app.ts';
import type { App } from '../app/options.ts';
import { readSettings } from '../app/settings.ts';
import type { Saga } from '../saga/definition.ts';
import type { Sagas } from '../saga/sagas.ts';
import type { Store } from '../store/store.ts';
import { type ConsulServer, startConsul } from '../testing/consul.ts';
import { eventually } from '../testing/eventually.ts';
import {
  bug,
  createWorld,
  full,
  many,
  oneWayStep,
  type SagaRigTables,
  sagaRigMigrations,
  type Trip,
  tripSaga,
  worldStep,
} from '../testing/saga-rig.ts';
import type { CommandIo } from './mesh-door.ts';
import { sagaCommand } from './saga.ts';

let consul: ConsulServer;
let folder: string;
const apps: App[] = [];
const world = createWorld();
const retry = { firstMs: 1, longestMs: 2 };
const trip: Saga<SagaRigTables, Trip> = tripSaga([
  worldStep(world, 'hotel', { retry }),
  oneWayStep(world, 'pay', { pivot: true, retry }),
  oneWayStep(world, 'print', { retry }),
]);
let sagas: Sagas<SagaRigTables>;
let store: Store<SagaRigTables>;

/** Two instances of the agency share a database. */
async function start(instance: string): Promise<void> {
  const settings = readSettings({
    ...{ MESH_CONSUL: consul.address, INSTANCE_ID: instance, LOG_LEVEL: 'silent' },
    ...{ STORE: `sqlite:${join(folder, 'agency.db')}`, DRAIN_SPREAD_MS: '0' },
  });
  apps.push(
    await startApp<SagaRigTables>({
      ...{ name: 'agency', settings, migrations: sagaRigMigrations },
      build(tools) {
        ({ store } = tools);
        sagas = tools.sagas([trip]);
        return { services: [] };
      },
    }),
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-saga-cli-'));
  consul = await startConsul();
  await start('agency-1');
  await start('agency-2');
  await eventually(async () => (await weft('ls', '-s', 'agency').catch(() => '')) !== '');
}, 60_000);

afterAll(async () => {
  for (const app of apps) await app.close();
  await consul.close();
  await rm(folder, { recursive: true });
});

/** Runs `weft saga ...`, and gives what it prints. */
async function weft(...args: string[]): Promise<string> {
  let text = '';
  const io: CommandIo = {
    print: (line) => {
      text += `${line}\n`;
    },
    note: () => undefined,
    environment: { MESH_CONSUL: consul.address },
  };
  await sagaCommand(io).parseAsync(args, { from: 'user' });
  return text;
}

/** Starts a trip whose steps fail so, and waits until it rests. */
async function book(id: string, faults: Readonly<Record<string, unknown[]>>): Promise<void> {
  for (const [step, some] of Object.entries(faults)) world.faults.set(step, some);
  const data = { traveller: 'ada', booked: [] };
  await store.transaction((tx) => sagas.start(tx, trip, { id, data }));
  await sagas.outcome(trip, id);
}

test('weft saga ls shows once what two instances know: those that need a person', async () => {
  await book('good', {});
  await book('stuck', { print: many(5, bug) });
  const [heading, ...rows] = (await weft('ls')).trim().split('\n');
  expect(heading).toMatch(/^ID +SERVICE +SAGA +STATUS +STEP +STARTED +TRIES +NEXT +LAST ERROR$/);
  expect(rows).toHaveLength(1);
  expect(rows[0]).toMatch(
    /^stuck +agency +trip +stuck +print +\d+ s ago +5 +- +UNKNOWN: undefined is not a train$/,
  );
  const all = (await weft('ls', '--all')).trim().split('\n').slice(1);
  expect(all.map((row) => row.split(/ +/, 1)[0])).toEqual(['stuck', 'good']);
  expect(await weft('ls', '-o', 'json')).toContain('"status": "stuck"');
});

test('weft saga show tells what happened', async () => {
  await book('refused', { pay: [full()] });
  const text = await weft('show', 'refused');
  expect(text).toMatch(/^id +refused\nsaga +trip, version 1, of agency\nstatus +compensated$/m);
  expect(text).toMatch(/^went back +NO_SEAT at pay: the train is full$/m);
  expect(text).toMatch(/^hotel +done +\d{4}-\S+ +\d+ ms +1 +-$/m);
  expect(text).toMatch(/^pay +refused .*the train is full$/m);
  expect(text).toMatch(/^undo hotel +done/m);
});

test('weft saga retry and skip bring one that is stuck to its end', async () => {
  await book('again', { print: many(5, bug) });
  await weft('retry', 'again');
  await eventually(async () => (await weft('show', 'again')).includes('\nstatus     done\n'));
  await book('by-hand', { print: many(5, bug) });
  await expect(weft('compensate', 'by-hand')).rejects.toMatchObject({ reason: 'NO_WAY_BACK' });
  await weft('skip', 'by-hand');
  await eventually(async () => (await weft('show', 'by-hand')).includes('\nstatus     done\n'));
  await expect(weft('retry', 'by-hand')).rejects.toMatchObject({ reason: 'SAGA_OVER' });
});

test('a saga that nobody has is an error that says who was asked', async () => {
  await expect(weft('show', 'nothing')).rejects.toThrow(
    'nobody has the saga "nothing"; asked were all instances of agency',
  );
});
