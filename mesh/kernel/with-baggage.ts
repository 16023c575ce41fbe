import { type Baggage, type BaggageMember, isGoodMember } from './baggage.ts';
import type { Cancellation } from './cancellation.ts';
import {
  type Cause,
  type Context,
  currentContext,
  runInContext,
  type TraceContext,
} from './context.ts';
import type { Deadline } from './deadline.ts';
import { MeshError } from './error.ts';

/** What is set for a piece of work: a value, a value with properties, or undefined, which takes a member away. */
export type BaggageChanges = Readonly<Record<string, string | BaggageMember | undefined>>;

/**
 * Runs `work` with these members set: the calls that it makes and the events that it writes carry them, and so
 * does what those cause in turn. Everything else of the context stays.
 *
 * What is set here travels before what came from elsewhere, so the limits (64 members, 8192 bytes) cut off the
 * latter. Throws INVALID_ARGUMENT / INVALID_BAGGAGE for a key or properties that cannot travel.
 */
export function withBaggage<T>(changes: BaggageChanges, work: () => T): T {
  const context = currentContext();
  const baggage = new Map<string, BaggageMember>();
  for (const [key, change] of Object.entries(changes)) {
    if (change === undefined) continue;
    const member = typeof change === 'string' ? { value: change } : change;
    if (!isGoodMember(key, member)) throw cannotTravel(key, member);
    baggage.set(key, member);
  }
  for (const [key, member] of context.baggage ?? []) {
    if (!(key in changes)) baggage.set(key, member);
  }
  return runInContext(partOf(context, baggage.size === 0 ? undefined : baggage), work);
}

/** A context but for its baggage. */
export function partOf(context: Context, baggage: Baggage | undefined): Context {
  return context.baggage === baggage ? context : new Part(context, baggage);
}

/**
 * Not made by a spread: a context may be the object of a call, whose fields are getters that a spread leaves
 * behind. And getters here too, so that a signal is made for those only who ask for one.
 */
class Part implements Context {
  readonly baggage: Baggage | undefined;
  readonly #of: Context;

  constructor(of: Context, baggage: Baggage | undefined) {
    this.#of = of;
    this.baggage = baggage;
  }

  get trace(): TraceContext | undefined {
    return this.#of.trace;
  }

  get deadline(): Deadline | undefined {
    return this.#of.deadline;
  }

  get signal(): AbortSignal | undefined {
    return this.#of.signal;
  }

  get cancellation(): Cancellation | undefined {
    return this.#of.cancellation;
  }

  get cause(): Cause | undefined {
    return this.#of.cause;
  }
}

function cannotTravel(key: string, { properties }: BaggageMember): MeshError {
  const said = JSON.stringify(properties === undefined ? key : `${key};${properties}`);
  return new MeshError(
    `baggage ${said.slice(0, 80)} cannot travel: a key is letters, digits and !#$%&'*+-.^_\`|~, and properties ` +
      'are "key" or "key=value" with ";" between; a value may be any text',
    { status: 'INVALID_ARGUMENT', reason: 'INVALID_BAGGAGE' },
  );
}
