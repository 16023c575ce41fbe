/**
 * A process that works on sagas until it kills itself, which a test starts beside others on one database:
 * `node saga-process.ts <store url> <n>` sends itself SIGKILL at its n-th crossing of a place where a process
 * can die (see `durableTrip`).
 */
import { createSagas } from '../saga/sagas.ts';
import { openStore } from '../store/store.ts';
import { type DurableTables, durableMigrations, durableTrip } from './saga-trip.ts';

const [, , url = '', place = '0'] = process.argv;
let left = Number(place);
const cross = (): void => {
  if (--left === 0) process.kill(process.pid, 'SIGKILL');
};
const store = await openStore<DurableTables>({ url, migrations: durableMigrations });
// Another world than the saga's own database: its writes are not in the saga's transactions.
const world = await openStore<DurableTables>({ url, migrations: durableMigrations });
// Not all for one: several of these share the work.
const sagas = createSagas({
  store,
  sagas: [durableTrip(world, cross)],
  pollMs: 20,
  concurrency: 8,
});
sagas.run();
// Nothing else keeps the process alive while it waits.
setInterval(() => undefined, 1_000);
