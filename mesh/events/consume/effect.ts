import type { Clock } from '../../kernel/clock.ts';
import { type Context, runInContext } from '../../kernel/context.ts';
import { type Deadline, deadlineIn } from '../../kernel/deadline.ts';
import { describe, MeshError } from '../../kernel/error.ts';
import { createScope, type Scope } from '../../kernel/scope.ts';
import type { Image } from '../../schema/image.ts';
import type { Transaction } from '../../store/sql.ts';
import { askedBy, writeReply } from '../ask/reply.ts';
import type { Write } from '../outbox/write.ts';
import { bytesOf } from '../received.ts';
import { handlerTimeout, undecodable } from './blame.ts';
import type { Consume, Incoming, Verdict } from './consume.ts';
import { createLatest } from './documents.ts';
import type { EventFacts, Handler, Handlers, Named, RepeatableHandler } from './handler.ts';
import type { Inbox } from './inbox.ts';
import type { TimeLimits } from './time-limits.ts';

/** Who handles what, and whether what was handled is remembered. */
export type Effects<DB> =
  | { readonly remembers: true; readonly handlers: Handlers<DB> }
  | { readonly remembers: false; readonly handlers: Named<RepeatableHandler> };

/** What the innermost layer is made with. */
export type EffectParts<DB> = Effects<DB> & {
  readonly consumer: string;
  readonly image: Pick<Image, 'registry' | 'event'>;
  readonly inbox: Inbox<DB>;
  readonly write: Write<DB>;
  readonly limits: TimeLimits;
  readonly handlerTimeoutMs: number;
  readonly clock: Clock;
};

const done: Verdict = { kind: 'ack', outcome: 'done' };
const skipped: Verdict = { kind: 'ack', outcome: 'skipped' };

/** Innermost: reads the message, and runs its handler together with the inbox row. */
export function effectOnce<DB>(parts: EffectParts<DB>): Consume {
  const { inbox, write, image } = parts;
  if (!parts.remembers) {
    const { handlers } = parts;
    return async (incoming) => {
      const handle = decode(handlers, image, incoming);
      await inTime(parts, incoming, handle);
      await inbox.end(incoming);
      return done;
    };
  }
  const { handlers } = parts;
  const latest = createLatest<DB>(parts.consumer, image);
  return async (incoming) => {
    const handle = decode(handlers, image, incoming);
    const found = { latest: true };
    const effect = (tx: Transaction<DB>): Promise<void> =>
      inTime(parts, incoming, async (facts) => {
        found.latest = await latest(tx, incoming);
        if (!found.latest) return;
        const reply = await handle(Object.assign(facts, { tx }));
        const { asked } = facts;
        if (reply === undefined || asked === undefined) return;
        await reply((type, message) => writeReply(write, tx, asked, [type, message]));
      });
    const outcome = await inbox.once(incoming, effect, incoming.signal);
    return outcome === 'done' && found.latest ? done : skipped;
  };
}

/**
 * Gives the handler its time and its context: trace, deadline and signal reach the calls that it makes, and
 * what it publishes follows from this message. The time begins with the transaction: how long the line for
 * the database is, is not the message's fault.
 */
async function inTime<DB>(
  { clock, handlerTimeoutMs, limits }: EffectParts<DB>,
  incoming: Incoming,
  work: (facts: EventFacts) => Promise<unknown>,
): Promise<void> {
  const { expiresMs = Infinity } = incoming.envelope ?? {};
  const limitMs = Math.min(handlerTimeoutMs, expiresMs - clock.now());
  const deadline = deadlineIn(limitMs, clock);
  const scope = createScope();
  const facts = factsOf(incoming, scope, deadline);
  const end = limits.limit(scope, deadline.at, () => {
    return new MeshError(`the handler took longer than ${String(limitMs)} ms`, {
      status: 'DEADLINE_EXCEEDED',
      reason: handlerTimeout,
    });
  });
  try {
    await scope.race(runInContext(facts, () => work(facts)));
  } finally {
    end();
    scope.finish();
  }
}

/** What the handler is told, and what its calls inherit; a signal is made for those who ask for one. */
function factsOf(
  { id, envelope, delivery, trace }: Incoming,
  scope: Scope,
  deadline: Deadline,
): EventFacts & Context {
  const { type = '', source = '', key = '', timeMs = 0 } = envelope ?? {};
  const { correlationId = id, causationId } = envelope ?? {};
  return {
    ...{ id, type, correlationId, causationId, source, key, timeMs, trace, deadline },
    baggage: envelope?.baggage,
    asked: askedBy(id, envelope),
    deliveries: delivery.deliveries,
    cause: { id, correlationId },
    cancellation: scope,
    get signal() {
      return scope.signal;
    },
  };
}

function decode<Told>(
  handlers: Named<Handler<Told>>,
  image: Pick<Image, 'registry'>,
  { envelope, body }: Incoming,
): ReturnType<Handler<Told>['decode']> {
  const handler = handlers.get(envelope?.type ?? '');
  if (handler === undefined) {
    throw unreadable('it lacks the headers ce-id and ce-type', undefined);
  }
  try {
    return handler.decode(bytesOf(body, envelope?.type ?? '', image));
  } catch (thrown) {
    throw unreadable(`it is no ${handler.typeName}: ${describe(thrown)}`, thrown);
  }
}

function unreadable(why: string, cause: unknown): MeshError {
  return new MeshError(`the event cannot be read: ${why}`, {
    status: 'DATA_LOSS',
    reason: undecodable,
    cause,
  });
}
