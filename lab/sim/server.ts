import type { Cancellation } from '../../mesh/kernel/cancellation.ts';
import type { Clock } from '../../mesh/kernel/clock.ts';
import type { Deadline } from '../../mesh/kernel/deadline.ts';
import { MeshError } from '../../mesh/kernel/error.ts';
import type { Random } from '../../mesh/kernel/random.ts';
import type { Note } from './definition.ts';

/** A call as it has arrived. */
export interface Arrival {
  readonly note: Note;
  readonly deadline: Deadline | undefined;
  readonly cancellation: Cancellation;
  answer(result: Note | MeshError): void;
}

export interface ServerOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Average time of the processor for one call, in ms. */
  readonly workMs: number;
  /** What the handler does after its own work: its calls to other services. */
  readonly handle: (arrival: Arrival) => Promise<void>;
}

/** One instance as a server: one processor with a queue, a limit on what is under way, and refusals. */
export interface SimServer {
  readonly name: string;
  readonly inFlight: number;
  /** 1 is normal speed, 20 a very slow instance. */
  slowness: number;
  arrive(arrival: Arrival): void;
  /** Forgets all that is under way; nobody is told. */
  crash(): void;
}

/** Calls under way in one instance; what comes on top is refused with a pushback, as weft's server does. */
const maxInFlight = 64;
const pushbackMs = 100;

export function createSimServer(options: ServerOptions): SimServer {
  const { name, clock, random, workMs, handle } = options;
  let queue: Arrival[] = [];
  let inFlight = 0;
  let busy = false;
  /** Counts crashes: what was begun in an earlier life ends in silence. */
  let life = 0;

  function end({ answer }: Arrival, result: Note | MeshError): void {
    inFlight--;
    answer(result);
  }

  /** Takes the next call that somebody still waits for. */
  function work(): void {
    const arrival = queue.shift();
    busy = arrival !== undefined;
    if (arrival === undefined) return;
    const mine = life;
    if (arrival.cancellation.reason !== undefined) {
      end(arrival, arrival.cancellation.reason);
      work();
      return;
    }
    clock.after(-Math.log(1 - random.next()) * workMs * server.slowness, () => {
      if (mine !== life) return;
      void finish(arrival, mine);
      work();
    });
  }

  async function finish(arrival: Arrival, mine: number): Promise<void> {
    let result: Note | MeshError = arrival.note;
    try {
      await handle(arrival);
    } catch (thrown) {
      result = MeshError.from(thrown);
    }
    if (mine === life) end(arrival, result);
  }

  const server: SimServer = {
    name,
    slowness: 1,
    get inFlight() {
      return inFlight;
    },
    arrive(arrival) {
      if (inFlight >= maxInFlight) {
        arrival.answer(refusalOf(name));
        return;
      }
      inFlight++;
      queue.push(arrival);
      if (!busy) work();
    },
    crash() {
      life++;
      queue = [];
      inFlight = 0;
      busy = false;
    },
  };
  return server;
}

function refusalOf(name: string): MeshError {
  return new MeshError(`${name}: ${String(maxInFlight)} calls are under way`, {
    status: 'RESOURCE_EXHAUSTED',
    reason: 'OVERLOADED',
    details: { retryAfterMs: pushbackMs },
  });
}
