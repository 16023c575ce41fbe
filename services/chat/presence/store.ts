/** Who is where, in SQL: gateways with their leases, users at gateways, and when users were last seen. */
import type { Migration, Store, Transaction } from '#mesh';
import { type Presence, presenceOf, type Report } from './presence.ts';

export const presenceMigrations: readonly Migration[] = [
  {
    name: '001-presence',
    up: `
      create table gateways (gateway_id text primary key, until_ms bigint not null);
      create table visits (
        user_id text not null,
        gateway_id text not null,
        primary key (user_id, gateway_id)
      );
      create index visits_of_gateway on visits (gateway_id);
      create table farewells (user_id text primary key, at_ms bigint not null);
    `,
  },
];

/** The tables of this service, as Kysely sees them. */
export interface PresenceDb {
  gateways: { gateway_id: string; until_ms: number };
  visits: { user_id: string; gateway_id: string };
  farewells: { user_id: string; at_ms: number };
}

export interface Roll {
  /** Takes a report down. False, and nothing is: of a gateway that is not known only the whole says anything. */
  report(report: Report, nowMs: number): Promise<boolean>;
  /** How each of them is, in their order. */
  presence(userIds: readonly string[], nowMs: number): Promise<readonly Presence[]>;
  /** Strikes off the gateways that are not heard of any more, and who was there. */
  tidy(nowMs: number): Promise<void>;
}

/** Both databases bound how many parameters a statement may have. */
const most = 400;

export function createRoll(store: Store<PresenceDb>): Roll {
  const { db } = store;
  return {
    report: (report, nowMs) =>
      store.transaction(async (tx) => {
        const { gatewayId: gateway_id, untilMs: until_ms, came, whole } = report;
        const { numUpdatedRows } = await tx
          .updateTable('gateways')
          .set({ until_ms })
          .where('gateway_id', '=', gateway_id)
          .executeTakeFirstOrThrow();
        if (numUpdatedRows === 0n && !whole) return false;
        if (numUpdatedRows === 0n) {
          // The same report may come twice at once, when its sender has waited long enough.
          await tx
            .insertInto('gateways')
            .values({ gateway_id, until_ms })
            .onConflict((conflict) => conflict.column('gateway_id').doUpdateSet({ until_ms }))
            .execute();
        }
        const left = whole ? await othersThan(tx, gateway_id, came) : report.left;
        await enter(tx, gateway_id, came);
        await leave(tx, gateway_id, { users: left, atMs: nowMs });
        return true;
      }),

    async presence(userIds, nowMs) {
      const visits = await db
        .selectFrom('visits')
        .innerJoin('gateways', 'gateways.gateway_id', 'visits.gateway_id')
        .select(['visits.user_id as userId', 'until_ms as untilMs'])
        .where('visits.user_id', 'in', [...userIds])
        .execute();
      const farewells = await db
        .selectFrom('farewells')
        .selectAll()
        .where('user_id', 'in', [...userIds])
        .execute();
      return userIds.map((userId) => {
        const mine = visits.filter((visit) => visit.userId === userId);
        const farewellMs = farewells.find(({ user_id }) => user_id === userId)?.at_ms;
        return presenceOf(userId, { visits: mine, farewellMs }, nowMs);
      });
    },

    tidy: (nowMs) =>
      store.transaction(async (tx) => {
        const silent = await tx
          .deleteFrom('gateways')
          .where('until_ms', '<', nowMs)
          .returningAll()
          .execute();
        for (const { gateway_id, until_ms } of silent) {
          const users = await othersThan(tx, gateway_id, []);
          await leave(tx, gateway_id, { users, atMs: until_ms });
        }
      }),
  };
}

async function othersThan(
  tx: Transaction<PresenceDb>,
  gatewayId: string,
  users: readonly string[],
): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom('visits')
    .select('user_id')
    .where('gateway_id', '=', gatewayId)
    .execute();
  const there = new Set(users);
  return rows.map(({ user_id }) => user_id).filter((userId) => !there.has(userId));
}

async function enter(
  tx: Transaction<PresenceDb>,
  gateway_id: string,
  users: readonly string[],
): Promise<void> {
  for (const some of chunks(users)) {
    await tx
      .insertInto('visits')
      .values(some.map((user_id) => ({ user_id, gateway_id })))
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  }
}

async function leave(
  tx: Transaction<PresenceDb>,
  gatewayId: string,
  { users, atMs: at_ms }: { readonly users: readonly string[]; readonly atMs: number },
): Promise<void> {
  for (const some of chunks(users)) {
    await tx
      .deleteFrom('visits')
      .where('gateway_id', '=', gatewayId)
      .where('user_id', 'in', some)
      .execute();
    await tx
      .insertInto('farewells')
      .values(some.map((user_id) => ({ user_id, at_ms })))
      .onConflict((conflict) =>
        conflict
          .column('user_id')
          .doUpdateSet(({ ref }) => ({ at_ms: ref('excluded.at_ms') }))
          // A gateway that fell silent is struck off later than it was heard; others may have seen the user since.
          .whereRef('farewells.at_ms', '<', 'excluded.at_ms'),
      )
      .execute();
  }
}

function chunks(users: readonly string[]): string[][] {
  // Sorted: two who write the same rows in two orders would wait for each other.
  const distinct = [...new Set(users)].sort();
  return Array.from({ length: Math.ceil(distinct.length / most) }, (_, i) =>
    distinct.slice(i * most, (i + 1) * most),
  );
}
