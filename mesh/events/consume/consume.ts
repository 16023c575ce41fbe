import type { TraceContext } from '../../kernel/context.ts';
import type { Delivery } from '../bus/bus.ts';
import type { Envelope } from '../envelope.ts';

/** One delivery on its way through the consumer's stack. */
export interface Incoming {
  readonly delivery: Delivery;
  /** What identifies it in inbox and dead letters, also when it has no readable envelope. */
  readonly id: string;
  /** Undefined when the headers do not say what it is. */
  readonly envelope: Envelope | undefined;
  /** The span of this handling. */
  readonly trace: TraceContext;
  /** Aborts when the work shall end. */
  readonly signal: AbortSignal;
}

/** What is to be told to the bus. */
export type Verdict =
  /** Over. "done": the effect has happened now; "skipped": it had before, or is not for this consumer. */
  | { readonly kind: 'ack'; readonly outcome: 'done' | 'skipped' | 'dead' }
  /** Again, after a while. `error`: the handler failed; absent: it is for somebody else. */
  | { readonly kind: 'nak'; readonly delayMs: number; readonly error?: unknown };

/** What becomes of a delivery; throws when nothing could be decided. */
export type Consume = (incoming: Incoming) => Promise<Verdict>;

/** Whatever wraps it. */
export type ConsumeLayer = (next: Consume) => Consume;
