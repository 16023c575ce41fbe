import type { Cancellation } from '../../mesh/kernel/cancellation.ts';
import type { Clock } from '../../mesh/kernel/clock.ts';
import { remainingMs } from '../../mesh/kernel/deadline.ts';
import type { Endpoint } from '../../mesh/kernel/endpoint.ts';
import { MeshError } from '../../mesh/kernel/error.ts';
import type { Random } from '../../mesh/kernel/random.ts';
import { UnreachedError } from '../../mesh/resilience/unreached.ts';
import { onGivenUp } from '../../mesh/rpc/signals.ts';
import type { AttemptContext, Connection, Method, Transport } from '../../mesh/rpc/transport.ts';
import type { Note } from './definition.ts';
import type { SimServer } from './server.ts';

/** Who sent what where, and how it ended. */
export type Observe = (from: string, to: string, attempt: number, outcome: string) => void;

/** What connects the instances. */
export interface Network {
  /** The transport of the calls that `from` makes. */
  transportOf(from: string): Transport;
  readonly servers: Map<string, SimServer>;
  /** Instances where nothing listens. */
  readonly down: Set<string>;
  /** Between these and all others nothing passes. */
  readonly cutOff: Set<string>;
  /** Tells the callers of an instance that its connections broke. */
  breakConnections(to: string): void;
  /** Attempts that have begun and not ended. */
  readonly inFlight: number;
}

/** Longest wait for a connection, in ms. */
const connectMs = 1000;

export function createNetwork(parts: NetworkParts): Network {
  return new SimNetwork(parts);
}

interface NetworkParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly observe: Observe;
}

/** One attempt on its way: whence, whither, with what, and who waits for it. */
interface Attempt {
  readonly from: string;
  readonly to: string;
  readonly note: Note;
  readonly context: AttemptContext;
  readonly settle: (result: Note | MeshError) => void;
}

class SimNetwork implements Network {
  readonly servers = new Map<string, SimServer>();
  readonly down = new Set<string>();
  readonly cutOff = new Set<string>();
  readonly #parts: NetworkParts;
  readonly #underWay = new Map<string, Set<(error: MeshError) => void>>();
  #inFlight = 0;

  constructor(parts: NetworkParts) {
    this.#parts = parts;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  breakConnections(to: string): void {
    for (const end of [...(this.#underWay.get(to) ?? [])]) {
      end(new MeshError(`${to}: the connection broke`, { status: 'UNAVAILABLE' }));
    }
  }

  transportOf(from: string): Transport {
    return {
      open: ({ instanceId: to }: Endpoint): Connection => ({
        unary: <Req, Res>(_method: Method<Req, Res>, request: Req, context: AttemptContext) =>
          new Promise<Res>((resolve, reject) => {
            const note = request as Note;
            const settle = (result: Note | MeshError): void => {
              if (result instanceof MeshError) reject(result);
              else resolve(result as Res);
            };
            this.#begin({ from, to, note, context, settle });
          }),
        stream() {
          throw new MeshError('there are no streams here', { status: 'UNIMPLEMENTED' });
        },
        close: () => Promise.resolve(),
      }),
    };
  }

  #begin(attempt: Attempt): void {
    const { clock } = this.#parts;
    const { from, to, context } = attempt;
    const text = `${context.method.path} at ${to}`;
    const { ending, end, stops } = this.#open(attempt);
    if (context.deadline !== undefined) {
      const late = (): void => end(new MeshError(text, { status: 'DEADLINE_EXCEEDED' }));
      stops.push(clock.after(remainingMs(context.deadline, clock), late));
    }
    stops.push(onGivenUp(context, end));
    if (this.#isCut(from, to)) {
      stops.push(clock.after(connectMs, () => end(new UnreachedError(`${text}: no connection`))));
      return;
    }
    clock.after(this.#wayMs(), () => {
      const server = this.down.has(to) ? undefined : this.servers.get(to);
      if (server === undefined) {
        const refused = new UnreachedError(`${text}: connection refused`);
        clock.after(this.#wayMs(), () => end(refused));
        return;
      }
      server.arrive({
        note: attempt.note,
        deadline: context.deadline,
        cancellation: ending,
        answer: (result) => {
          // An answer that meets a cut on its way is lost, and its caller waits for its deadline.
          clock.after(this.#wayMs(), () => {
            if (!this.#isCut(from, to)) end(result);
          });
        },
      });
    });
  }

  /** Notes an attempt as under way; what it ends with first counts, and stops all that could end it. */
  #open({ from, to, context, settle }: Attempt): {
    readonly ending: Ending;
    readonly end: (result: Note | MeshError) => void;
    readonly stops: (() => void)[];
  } {
    const ending = new Ending();
    const stops: (() => void)[] = [];
    const others = this.#underWay.get(to) ?? new Set();
    this.#underWay.set(to, others);
    this.#inFlight++;
    const end = (result: Note | MeshError): void => {
      if (ending.reason !== undefined) return;
      const failed = result instanceof MeshError;
      ending.end(failed ? result : answered);
      for (const stop of stops) stop();
      others.delete(end);
      this.#inFlight--;
      this.#parts.observe(from, to, context.attempt, failed ? result.status : 'OK');
      settle(result);
    };
    others.add(end);
    return { ending, end, stops };
  }

  #wayMs(): number {
    return 0.1 + 0.4 * this.#parts.random.next();
  }

  #isCut(from: string, to: string): boolean {
    return this.cutOff.has(from) !== this.cutOff.has(to);
  }
}

const answered = new MeshError('it was answered', { status: 'CANCELLED' });

/** How a handler learns that its caller waits no longer. */
class Ending implements Cancellation {
  #reason: MeshError | undefined;
  readonly #listeners = new Set<(reason: MeshError) => void>();

  get reason(): MeshError | undefined {
    return this.#reason;
  }

  onAbort(listener: (reason: MeshError) => void): () => void {
    if (this.#reason !== undefined) listener(this.#reason);
    else this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  end(reason: MeshError): void {
    this.#reason = reason;
    for (const listener of [...this.#listeners]) listener(reason);
    this.#listeners.clear();
  }
}
