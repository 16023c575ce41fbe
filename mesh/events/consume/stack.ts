import { compose } from '../../kernel/call.ts';
import type { Consume } from './consume.ts';
import { type CountedParts, counted } from './counted.ts';
import { type EffectParts, effectOnce } from './effect.ts';
import { unexpired } from './expired.ts';
import { addressed, decided, held, kept, type LayerParts, traced } from './layers.ts';
import { type MeasuredParts, measured } from './measured.ts';
import { refused } from './refused.ts';

/** What all layers of one consumer share. */
export type StackParts<DB> = LayerParts & MeasuredParts & CountedParts<DB> & EffectParts<DB>;

/** The way of a delivery, outermost first. */
export function consumerStack<DB>(parts: StackParts<DB>): Consume {
  return compose<Consume>(
    [
      // Above everything: whatever happens below, there is something to tell the bus.
      decided(parts),
      // Above the gate: what is for others need not wait for our world to recover.
      addressed(parts),
      // Above all counting: an outage is waited for and leaves no trace in any count.
      held(parts),
      // Below the gate: what only waits is not worked on, and the bus may give it to another instance.
      kept(parts),
      // Below the gate: each try counts for itself, and waiting is no work.
      measured(parts),
      // Each try is a span; above the counting, so that it sees what the failure led to.
      traced(parts),
      // Below the gate: an outage may outlast the message. Above the counting: being late is no failure.
      unexpired(parts),
      // Above the transaction and the handler's time limit: both must be over before it writes.
      counted(parts),
      // Below the counting: a refusal is an answer. Above the transaction: what the handler wrote is undone.
      refused(parts),
    ],
    // The transaction around the handler, and inside it the handler's time limit.
    effectOnce(parts),
  );
}
