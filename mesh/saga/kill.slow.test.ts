import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../kernel/clock.ts';
import { openStore, type Store } from '../store/store.ts';
import { eventually } from '../testing/eventually.ts';
import { type PostgresServer, startPostgres } from '../testing/postgres.ts';
import { type DurableTables, durableMigrations, durableTrip } from '../testing/saga-trip.ts';
import { createSagas } from './sagas.ts';

let folder: string;
let postgres: PostgresServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-saga-'));
  postgres = await startPostgres();
}, 60_000);
afterAll(async () => {
  await postgres.close();
  await rm(folder, { recursive: true, force: true });
});

const program = fileURLToPath(new URL('../testing/saga-process.ts', import.meta.url));
const children = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Runs a process until it has killed itself. */
async function dies(url: string, place: number): Promise<void> {
  const args = ['--disable-warning=ExperimentalWarning', program, url, String(place)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  children.add(child);
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  children.delete(child);
  expect(signal).toBe('SIGKILL');
}

const all = async (store: Store<DurableTables>) => ({
  effects: await store.db.selectFrom('effects').select(['key', 'what']).execute(),
  notes: await store.db.selectFrom('notes').select(['saga_id', 'text']).execute(),
});

const stories = {
  kept: { effects: ['hotel', 'car', 'train'], notes: ['noted', 'done'] },
  refused: {
    effects: ['hotel', 'car', 'undo car', 'undo hotel'],
    notes: ['noted', 'undo noted', 'compensated'],
  },
};

test.each(['sqlite', 'postgres'])(
  'whichever processes are killed, each saga ends once and either way (%s)',
  async (dialect) => {
    const url = dialect === 'sqlite' ? `sqlite:${join(folder, 'saga.db')}` : postgres.url;
    const store = await openStore<DurableTables>({ url, migrations: durableMigrations });
    // An hour late, so that it takes over at once from processes that are dead.
    const clock = { ...systemClock, now: () => systemClock.now() + 3_600_000 };
    const saga = durableTrip(store, () => undefined);
    const heir = createSagas({ store, sagas: [saga], clock, pollMs: 20 });
    const ids = Array.from({ length: 40 }, (_, i) => `trip-${String(i)}`);
    // Never runs: what it starts is due for whoever comes.
    const origin = createSagas({ store, sagas: [saga] });
    for (const [i, id] of ids.entries()) {
      const data = { refused: i % 2 === 0 };
      await store.transaction((tx) => origin.start(tx, saga, { id, data }));
    }
    await Promise.all([dies(url, 7), dies(url, 20), dies(url, 41)]);
    heir.run();
    await eventually(async () => (await heir.desk.list({ limit: 99 })).length === 0, {
      withinMs: 20_000,
    });
    await heir.close();
    const { effects, notes } = await all(store);
    for (const [i, id] of ids.entries()) {
      const { effects: wanted, notes: noted } = i % 2 === 0 ? stories.refused : stories.kept;
      const mine = effects.filter(({ key }) => key.startsWith(`${id}/`));
      expect(mine.map(({ what }) => what).sort()).toEqual([...wanted].sort());
      const own = notes.filter((note) => note.saga_id === id);
      expect(own.map(({ text }) => text).sort()).toEqual([...noted].sort());
    }
    await store.close();
  },
);
