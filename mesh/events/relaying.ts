import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Log } from '../kernel/log.ts';
import type { Random } from '../kernel/random.ts';
import type { Store } from '../store/store.ts';
import type { Bus } from './bus/bus.ts';
import { createLeases } from './outbox/lease.ts';
import { createLogTail } from './outbox/log-tail.ts';
import type { Outbox } from './outbox/outbox.ts';
import { createRelay, type Relay } from './outbox/relay.ts';
import { createRound } from './outbox/relay-round.ts';
import type { Retention } from './outbox/retention.ts';
import { createPolling, type Source } from './outbox/source.ts';

/** How the relay works; the defaults of its numbers are meant to be kept. */
export interface RelayTuning {
  /**
   * Where it learns what to send: "poll" asks the table, "log" follows the log of PostgreSQL, which must have
   * wal_level=logical, and asks the table only when that cannot be followed. Default "poll".
   */
  readonly kind?: 'poll' | 'log';
  /** The longest that a row written by another process waits to be seen, in ms. Default 500 (Eventuate). */
  readonly pollMs?: number;
  /** After how long a relay that died is followed by another, in ms. Default 5000. */
  readonly leaseMs?: number;
  /** Most messages read, sent and marked together. Default 500. */
  readonly batch?: number;
  /** How long sent messages stay in the outbox, in ms. Default 24 h. */
  readonly sentMs?: number;
}

export interface RelayingOptions<DB> {
  readonly store: Store<DB>;
  readonly bus: Bus;
  readonly source: string;
  readonly outbox: Outbox<DB>;
  readonly tuning: RelayTuning;
  readonly retention: Omit<Retention, 'sentMs'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Messages that a channel had stored and no longer holds are unsent again. */
  readonly onMissing: (messages: number) => void;
}

const day = 24 * 3600 * 1000;

/** Joins the parts of a relay. Throws INVALID_ARGUMENT/NO_INSERT_LOG for a log where there is none. */
export function buildRelay<DB>(options: RelayingOptions<DB>): Relay {
  const { tuning, random, source: service } = options;
  const { kind = 'poll', pollMs = 500, leaseMs = 5_000, batch = 500, sentMs = day } = tuning;
  const holder = `${service}-${random.hex(8)}`;
  const leases = createLeases({ ...options, holder, durationMs: leaseMs });
  const retention = { ...options.retention, sentMs };
  const onNews = (): void => {
    relay.wake();
  };
  const source: Source =
    kind === 'poll' ? createPolling(options.outbox) : tailLog({ ...options, pollMs, onNews });
  const round = createRound({ ...options, source, leaseMs, retention, batch });
  const relay = createRelay({ ...options, round, leases, pollMs, standbyMs: leaseMs / 5 });
  return relay;
}

function tailLog<DB>(
  options: RelayingOptions<DB> & { readonly pollMs: number; readonly onNews: () => void },
): Source {
  const { insertLog, dialect } = options.store;
  if (insertLog !== undefined) return createLogTail({ ...options, insertLog });
  throw new MeshError(
    `the relay is to follow the log of the database, and ${dialect} has none to follow; use PostgreSQL, or let it poll`,
    { status: 'INVALID_ARGUMENT', reason: 'NO_INSERT_LOG' },
  );
}
