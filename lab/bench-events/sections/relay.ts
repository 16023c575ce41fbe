import { systemClock, systemRandom, weftImage } from '#mesh';
import type { Bus } from '../../../mesh/events/bus/bus.ts';
import { createEvents } from '../../../mesh/events/events.ts';
import { closing, type Plan, type Section } from '../../suite/section.ts';
import { bareRelay } from '../bare.ts';
import {
  contest,
  over,
  perSecond,
  type Side,
  type SideSummary,
  showContest,
  summaryOf,
  timed,
} from '../contest.ts';
import { type Database, fill, openPostgresDatabase, openSqliteDatabase } from '../databases.ts';
import { channel } from '../messages.ts';
import { type Broker, openBroker } from '../servers.ts';

/** Rows of an outbox brought to the stream and marked as sent: weft's relay beside a bare pipelined loop. */
export const relay: Section = (plan) =>
  closing(async (later) => {
    const broker = later(await openBroker());
    const figures: Record<string, number> = {};
    const contests: Record<string, Record<string, SideSummary>> = {};
    let settings = await broker.empty();
    for (const open of [openSqliteDatabase, openPostgresDatabase]) {
      const database = await open();
      try {
        const found = await race(plan, broker, database);
        plan.say(`  ${database.name}`);
        showContest(plan, found, 'bare');
        contests[`Outbox in ${database.name} to stream`] = summaryOf(found, 'bare');
        const name = `relay-${database.name.toLowerCase().replace('postgresql', 'postgres')}`;
        figures[`${name}-x`] = over(found, 'weft', 'bare').median;
        figures[`${name}-per-s`] = perSecond(found, 'weft');
        settings = { ...settings, ...(await database.settings()) };
      } finally {
        await database.close();
      }
    }
    return { figures, data: { contests, settings } };
  });

function race(plan: Plan, broker: Broker, database: Database): ReturnType<typeof contest> {
  const count = plan.quick ? 5_000 : 20_000;
  const prepare = async (): Promise<void> => {
    await broker.empty();
    await fill(database, count);
  };
  const bare: Side = {
    name: 'bare',
    async block() {
      await prepare();
      return timed(count, () => bareRelay(broker.plain, database.bare));
    },
  };
  const weft: Side = {
    name: 'weft',
    async block() {
      await prepare();
      const bus = broker.newBus();
      await bus.ensureChannel({ name: channel });
      const told = countStored(bus);
      const events = createEvents({
        ...{ image: weftImage(), store: database.store, bus: told.bus, source: 'orders' },
        ...{ clock: systemClock, random: systemRandom },
      });
      const work = await timed(count, async () => {
        events.start();
        await told.reached(count);
        // The last rows are stored and may not be marked yet.
        while ((await events.outbox()).unsent > 0) await systemClock.sleep(1);
      });
      await events.close();
      await bus.close();
      return work;
    },
  };
  return contest([bare, weft], plan.quick ? 1 : 5);
}

/** A bus that tells when so many messages were stored: asking the database all the time would be part of the work. */
function countStored(bus: Bus): { readonly bus: Bus; reached(count: number): Promise<void> } {
  let stored = 0;
  let onProgress = (): void => undefined;
  return {
    bus: {
      ...bus,
      async publish(messages, signal) {
        const outcomes = await bus.publish(messages, signal);
        stored += outcomes.filter((outcome) => outcome.stored).length;
        onProgress();
        return outcomes;
      },
    },
    reached: (count) =>
      new Promise((resolve) => {
        onProgress = () => {
          if (stored >= count) resolve();
        };
        onProgress();
      }),
  };
}
