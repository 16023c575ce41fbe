import type { TraceContext } from '../../kernel/context.ts';
import type { MeshError } from '../../kernel/error.ts';
import type { Delivery } from '../bus/bus.ts';
import type { Received } from '../received.ts';

/** One delivery on its way through the consumer's stack. */
export interface Incoming extends Received {
  readonly delivery: Delivery;
  /** What identifies it in inbox and dead letters, also when it has no readable envelope. */
  readonly id: string;
  /** The span of this handling. */
  readonly trace: TraceContext;
  /** Aborts when the work shall end. */
  readonly signal: AbortSignal;
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
  /** Again, after a while. `error`: the handler failed; absent: it is for somebody else. */
  | { readonly kind: 'nak'; readonly delayMs: number; readonly error?: unknown };

/** What becomes of a delivery; throws when nothing could be decided. */
export type Consume = (incoming: Incoming) => Promise<Verdict>;

/** Whatever wraps it. */
export type ConsumeLayer = (next: Consume) => Consume;
