import type { Clock } from '../../kernel/clock.ts';
import { childTrace } from '../../kernel/context.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import type { Log } from '../../kernel/log.ts';
import type { Random } from '../../kernel/random.ts';
import type { Delivery } from '../bus/bus.ts';
import { replyAddress } from '../bus/subject.ts';
import type { Consume } from '../consume/consume.ts';
import { toHeaders } from '../envelope.ts';
import { receive } from '../received.ts';
import type { Ask, Asks } from './asks.ts';

/** The type of what a service tells itself when the time of a question is over; it never travels. */
export const timeoutType = 'weft.Timeout';

export interface TimeoutsOptions<DB> {
  readonly asks: Asks<DB>;
  /** The name of the service. */
  readonly source: string;
  /** The stack of whoever takes the replies. */
  readonly consume: Consume;
  /** The longest that a question outlives its time, in ms. */
  readonly pollMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

const batch = 100;
const forgetEveryMs = 60_000;
// Given up by its handler: it stays open, so that a dead letter can be replayed, and is never late again.
const never = Number.MAX_SAFE_INTEGER;

/**
 * Ends questions whose time is over. The end is handed to the same stack as replies are, as a delivery that
 * comes from the database instead of the bus: so it has one effect however many instances see it, is tried
 * again, waits for outages and can become a dead letter, and it needs no broker.
 */
export function watchTimeouts<DB>(options: TimeoutsOptions<DB>): Closeable {
  const { asks, pollMs, clock, log } = options;
  const stop = new AbortController();
  let forgetAt = clock.monotonic();
  const look = async (): Promise<void> => {
    const late = await asks.late(batch);
    await Promise.all(late.map((ask) => expire(options, ask, stop.signal)));
    if (clock.monotonic() < forgetAt) return;
    forgetAt = clock.monotonic() + ((await asks.forget()) ? 0 : forgetEveryMs);
  };
  const loop = async (): Promise<void> => {
    while (!isStopped(stop)) {
      await look().catch((err: unknown) => {
        if (!isStopped(stop)) log.warn('looking for questions that are late failed', { err });
      });
      await clock.sleep(pollMs, stop.signal).catch(() => undefined);
    }
  };
  const done = loop();
  return {
    close() {
      stop.abort();
      return done;
    },
  };
}

// A function: `close` may be called during any await.
function isStopped({ signal }: AbortController): boolean {
  return signal.aborted;
}

async function expire<DB>(
  { asks, source, consume, clock, random }: TimeoutsOptions<DB>,
  { id: askId, correlationId, headers }: Ask,
  signal: AbortSignal,
): Promise<void> {
  const id = `${askId}/timeout`;
  let settled: Promise<void> = Promise.resolve();
  const postpone = (until: number): void => {
    settled = asks.postpone(askId, until);
  };
  const about = { id, type: timeoutType, source, key: '', correlationId, causationId: askId };
  const delivery: Delivery = {
    subject: replyAddress(source, timeoutType).subject,
    headers: { ...toHeaders({ ...about, timeMs: clock.now() }), ...headers },
    data: new Uint8Array(),
    ...{ sequence: 0, deliveries: 1 },
    // Had it been ended, it could not be moved.
    ack: () => postpone(never),
    nak: (delayMs = 0) => postpone(clock.now() + delayMs),
    working: () => undefined,
  };
  const received = receive(delivery);
  const trace = childTrace(received.envelope?.trace, random);
  await consume({ delivery, ...received, id, parked: false, trace, signal });
  await settled;
}
