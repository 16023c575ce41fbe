import { connect } from 'nats';
import { stream } from '../chaos/faults.ts';
import type { Ask } from '../chaos/ledger.ts';
import { instances, type Stage } from '../chaos/stage.ts';

/** Where work waits while something is away, and how much of it. */
export interface Waiting {
  /** Orders in the hands of those who place them: they were told to come back. */
  readonly callers: number;
  /** Orders that are accepted and not yet decided; null where their database cannot be asked. */
  readonly undecided: number | null;
  /** Events in the outboxes that can be asked. */
  readonly outbox: number;
  /** Events in the stream that a consumer has not handled, by consumer. */
  readonly stream: Readonly<Record<string, number>>;
}

/** Counts what waits. */
export async function countWaiting({ nats }: Stage, ask: Ask, callers: number): Promise<Waiting> {
  const count = async (service: string, sql: string): Promise<number | null> =>
    ask(service, sql).then(
      (rows) => Number(rows[0]?.['n'] ?? 0),
      () => null,
    );
  const unsent = Object.keys(instances).map((service) =>
    count(service, 'select count(*) as n from weft_outbox where sent_at is null'),
  );
  return {
    callers,
    undecided: await count('orders', `select count(*) as n from orders where status = 'pending'`),
    outbox: (await Promise.all(unsent)).reduce<number>((sum, n) => sum + (n ?? 0), 0),
    stream: await pendingOf(nats.url),
  };
}

async function pendingOf(url: string): Promise<Record<string, number>> {
  const connection = await connect({ servers: url });
  try {
    const { consumers } = await connection.jetstreamManager();
    const all = await consumers.list(stream).next();
    return Object.fromEntries(
      all.map(({ name, num_pending, num_ack_pending }) => [name, num_pending + num_ack_pending]),
    );
  } finally {
    await connection.close();
  }
}
