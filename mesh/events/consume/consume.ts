import type { TraceContext } from '../../kernel/context.ts';
import type { MeshError } from '../../kernel/error.ts';
import type { Kysely } from '../../store/sql.ts';
import type { Delivery } from '../bus/bus.ts';
import type { Received } from '../received.ts';
import type { EventTables } from '../tables.ts';

/** One delivery on its way through the consumer's stack. */
export interface Incoming extends Received {
  readonly delivery: Delivery;
  /** What identifies it in inbox and dead letters, also when it has no readable envelope. */
  readonly id: string;
  /** Whether it waits in weft_parked: whatever ends it ends that too. */
  readonly parked: boolean;
  /** What must still hold when something is written for it; absent: anybody may. */
  readonly fence?: Fence | undefined;
  /** The span of this handling. */
  readonly trace: TraceContext;
  /** Aborts when the work shall end. */
  readonly signal: AbortSignal;
}

/** The right of this process to deal with an event, checked in the transaction that does. */
export interface Fence {
  /** Throws ABORTED/LEASE_LOST when another process has taken over. */
  check(tx: Kysely<EventTables>): Promise<void>;
}

/** What is to be told to the bus. */
export type Verdict =
  /**
   * Over. "done": the effect has happened now; "skipped": it had before, or is not for this consumer;
   * "expired": it came too late to be handled.
   */
  | { readonly kind: 'ack'; readonly outcome: 'done' | 'skipped' | 'expired' | 'dead' }
  /** Over too: the answer is no, and whoever asked has been told so. */
  | { readonly kind: 'ack'; readonly outcome: 'refused'; readonly error: MeshError }
  /**
   * The bus can forget it: it waits in the database. `stopped`: as a dead letter, and the later events of its
   * key with it.
   */
  | { readonly kind: 'parked'; readonly error: MeshError; readonly stopped: boolean }
  /** Again, after a while. `error`: the handler failed; absent: it is for somebody else. */
  | { readonly kind: 'nak'; readonly delayMs: number; readonly error?: unknown };

/** What becomes of a delivery; throws when nothing could be decided. */
export type Consume = (incoming: Incoming) => Promise<Verdict>;

/** Whatever wraps it. */
export type ConsumeLayer = (next: Consume) => Consume;
