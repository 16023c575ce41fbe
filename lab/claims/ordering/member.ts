/** One process of a consumer of turns. */
import { on, openStore, systemRandom, weftImage } from '#mesh';
import { createEvents } from '../../../mesh/events/events.ts';
import { eventMigrations } from '../../../mesh/events/migrations.ts';
import { openBus } from '../bus.ts';
import { childOptions, tellReady } from '../child.ts';
import { memberOptions, type TurnTables, turnMigrations, typeOf } from './turns.ts';

const { way, store: url, nats, failures } = childOptions(memberOptions);
const store = await openStore<TurnTables>({
  url,
  migrations: [...eventMigrations, ...turnMigrations],
});
const events = createEvents<TurnTables>({
  ...{ image: weftImage(), store, bus: openBus(nats), source: 'scores' },
});
await events.subscribe({
  ...{ consumer: 'scores', ackWaitMs: 2000, retryMs: 100 },
  concurrency: way === 'one at a time' ? 1 : 16,
  handlers: [
    on(typeOf(way), async ({ player, number }, { tx, deliveries }) => {
      if (deliveries === 1 && systemRandom.next() < failures) throw new Error('not this time');
      await tx.insertInto('turns').values({ player, number }).execute();
    }),
  ],
});
tellReady();
