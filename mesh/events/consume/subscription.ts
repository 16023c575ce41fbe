import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Delivery } from '../bus/bus.ts';
import type { Gate } from './gate.ts';
import type { ParkingLot } from './parking-lot.ts';
import type { TimeLimits } from './time-limits.ts';

/** A running consumer of this process. `close` stops fetching, finishes what runs and gives back the rest. */
export interface Subscription extends Closeable {
  readonly consumer: string;
  /** "waiting" while the bus cannot be reached, "paused" while an outage holds the handlers. */
  readonly state: 'consuming' | 'waiting' | 'paused' | 'closed';
  /** How many events of the consumer wait in the database to be tried again, in all its processes. */
  parked(): Promise<number>;
}

/** Where a subscription gets its events from, and who brings them to the stack. */
export interface Intake {
  readonly isConsuming: boolean;
  /** Stops fetching and gives back what nobody works on; resolves when all that ran has ended. */
  close(): Promise<void>;
}

export interface SubscriptionOptions {
  readonly consumer: string;
  readonly intake: (stop: AbortSignal) => Intake;
  readonly lot: ParkingLot;
  readonly ackWaitMs: number;
  /** How long `close` waits for handlers that run before it aborts them. */
  readonly drainMs: number;
  readonly gate: Gate;
  readonly limits: TimeLimits;
  /** Filled by the stack. */
  readonly running: ReadonlySet<Delivery>;
  readonly clock: Clock;
}

/** One consumer in this process, from its first delivery to its drain. */
export function createSubscription(options: SubscriptionOptions): Subscription {
  const { consumer, lot, gate, limits, clock } = options;
  const stop = new AbortController();
  const intake = options.intake(stop.signal);
  const stopHeartbeat = heartbeat(options.running, options.ackWaitMs / 3, clock);
  let closing: Promise<void> | undefined;

  const close = async (): Promise<void> => {
    const closed = intake.close();
    // Whoever waits for an outage to end would not finish in time anyway.
    const cancel = clock.after(gate.state.kind === 'open' ? options.drainMs : 0, () => {
      const reason = new MeshError('the consumer is closing', { status: 'CANCELLED' });
      limits.abort(reason);
      stop.abort(reason);
    });
    await closed;
    cancel();
    stopHeartbeat();
    gate.close();
  };
  return {
    consumer,
    get state() {
      if (closing) return 'closed';
      if (gate.state.kind !== 'open') return 'paused';
      return intake.isConsuming ? 'consuming' : 'waiting';
    },
    parked: () => lot.depth(),
    close: () => (closing ??= close()),
  };
}

/** Tells the bus again and again which deliveries are being worked on: one timer, however many they are. */
function heartbeat(running: ReadonlySet<Delivery>, everyMs: number, clock: Clock): () => void {
  let cancel = (): void => undefined;
  const beat = (): void => {
    for (const delivery of running) delivery.working();
    cancel = clock.after(everyMs, beat);
  };
  cancel = clock.after(everyMs, beat);
  return () => {
    cancel();
  };
}
