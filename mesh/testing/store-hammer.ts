/**
 * A process that a test starts beside others on one database: `node store-hammer.ts <url> <count>` adds 1 to
 * the same row `count` times, each in a transaction that reads and then writes. Prints how often it did.
 */
import { openStore } from '../store/store.ts';

const [, , url = '', count = '0'] = process.argv;
const store = await openStore<{ counters: { name: string; n: number } }>({
  url,
  migrations: [
    {
      name: '001-counters',
      up: "create table counters (name text primary key, n integer); insert into counters values ('hits', 0)",
    },
  ],
});
let done = 0;
const hit = (): Promise<void> =>
  store.transaction(async (tx) => {
    const { n } = await tx.selectFrom('counters').select('n').executeTakeFirstOrThrow();
    await tx
      .updateTable('counters')
      .set({ n: n + 1 })
      .execute();
    done++;
  });
// Two at a time, so that the queue inside the process and the lock between processes both work.
const worker = async (): Promise<void> => {
  for (let i = 0; i < Number(count) / 2; i++) await hit();
};
await Promise.all([worker(), worker()]);
await store.close();
process.stdout.write(String(done));
