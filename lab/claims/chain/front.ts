import { status as grpcStatus } from '@grpc/grpc-js';
import { MeshError, systemClock } from '#mesh';

/**
 * What became of one question of the front end. A front end has a person before it: an answer after a second
 * is an answer to somebody who has left.
 */
export type Fate = 'in time' | 'late' | 'error' | 'none';

/** How long the front end's person waits, in ms: the time-out that the schema gives to A. */
export const patienceMs = 1000;

export interface Question {
  /** When it was sent, in ms after the beginning. */
  readonly sentMs: number;
  /** How long it took; until the end of the run when it was not answered. */
  readonly tookMs: number;
  readonly fate: Fate;
  /** The status, for errors. */
  readonly status?: string;
  /** Where the answer came from, as the `source` of the schema's numbers. */
  readonly answer?: unknown;
}

export interface Watch {
  /** Calls in hand at A, B and C, each `binMs`. */
  readonly inFlight: readonly (readonly [number, number, number])[];
  readonly questions: readonly Question[];
}

export interface FrontOptions {
  readonly ask: () => Promise<unknown>;
  readonly ratePerSecond: number;
  readonly lastsMs: number;
  /** How long after the last question answers are still waited for, in ms. */
  readonly graceMs: number;
  readonly binMs: number;
  /** Read each `binMs`. */
  readonly gauge: () => readonly [number, number, number];
}

/**
 * Asks at a fixed rate whatever comes back (open loop): people do not stop coming because others wait. Time
 * counts from the moment at which a question was due.
 */
export async function watchFront(options: FrontOptions): Promise<Watch> {
  const { ask, ratePerSecond, lastsMs, graceMs, binMs, gauge } = options;
  const begin = systemClock.monotonic();
  const open = new Set<number>();
  const questions: Question[] = [];
  const inFlight: (readonly [number, number, number])[] = [];
  const total = Math.round((ratePerSecond * lastsMs) / 1000);
  const put = async (sentMs: number): Promise<void> => {
    open.add(sentMs);
    const outcome = await ask().then(
      (answer) => ({ answer }),
      (thrown: unknown) => ({ status: statusOf(thrown) }),
    );
    // Closed meanwhile, and counted as not answered.
    if (!open.delete(sentMs)) return;
    const tookMs = systemClock.monotonic() - begin - sentMs;
    const fate = 'status' in outcome ? 'error' : tookMs <= patienceMs ? 'in time' : 'late';
    questions.push({ sentMs, tookMs, fate, ...outcome });
  };
  for (let n = 0; n < total; n++) {
    const dueMs = (n * 1000) / ratePerSecond;
    for (;;) {
      const nowMs = systemClock.monotonic() - begin;
      while (inFlight.length * binMs <= nowMs) inFlight.push(gauge());
      if (nowMs >= dueMs) break;
      await systemClock.sleep(Math.max(1, Math.min(dueMs - nowMs, binMs)));
    }
    void put(dueMs);
  }
  const endMs = lastsMs + graceMs;
  while (open.size > 0 && systemClock.monotonic() - begin < endMs) await systemClock.sleep(20);
  for (const sentMs of open) questions.push({ sentMs, tookMs: endMs - sentMs, fate: 'none' });
  open.clear();
  return { questions: questions.sort((a, b) => a.sentMs - b.sentMs), inFlight };
}

/** The status by its gRPC name, of weft's errors and of grpc-js's. */
function statusOf(thrown: unknown): string {
  if (thrown instanceof MeshError) return thrown.status;
  const code: unknown = thrown instanceof Error ? Reflect.get(thrown, 'code') : undefined;
  return typeof code === 'number'
    ? (grpcStatus[code] ?? String(code))
    : MeshError.from(thrown).status;
}
