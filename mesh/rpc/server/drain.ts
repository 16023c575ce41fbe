import type { ConnectionInjector, Server } from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import type { CallEnvironment } from './call.ts';
import type { Health } from './health.ts';
import type { Listener } from './listener.ts';

export interface DrainOptions {
  /** How long running calls may take to finish, in ms. */
  readonly graceMs: number;
}

export interface DrainParts {
  readonly grpc: Server;
  readonly injector: ConnectionInjector;
  /** Absent if the server never listened. */
  readonly listener: Listener | undefined;
  readonly health: Health;
  /** Tells the stack to refuse new calls, and handlers of long streams to end. */
  readonly draining: AbortController;
  readonly environment: CallEnvironment;
  readonly log: Log;
}

/** How long the last answers may take to leave after calls were ended by force, in ms. */
const flushMs = 250;

/**
 * The end of a server, in order. Listening goes on until the end: whoever connects meanwhile gets a precise
 * refusal (and health its NOT_SERVING) instead of a connection error. `hurry` ends the grace early.
 */
export async function drainServer(
  parts: DrainParts,
  graceMs: number,
  hurry: AbortSignal,
): Promise<void> {
  const { grpc, injector, listener, health, draining, environment, log } = parts;
  const { clock, running } = environment;
  health.shutDown();
  draining.abort();
  const quiet = sendAway(injector, listener, graceMs);
  if (!(await settlesWithin(quiet, graceMs, clock, hurry))) {
    log.warn('calls ended by force: the grace of the drain is over', {
      calls: running.size,
      graceMs,
    });
    for (const call of [...running]) call.abort(stoppedError());
    await settlesWithin(quiet, flushMs, clock);
  }
  injector.destroy();
  grpc.forceShutdown();
  await listener?.close();
}

/**
 * GOAWAY on every connection; each closes when its last call has been answered. (tryShutdown would say so too,
 * but believes at once that every session is closed: node:http2 marks them when their server closes.) Who
 * connected meanwhile, not knowing yet that this instance leaves, is sent away in the same manner.
 */
async function sendAway(
  injector: ConnectionInjector,
  listener: Listener | undefined,
  graceMs: number,
): Promise<void> {
  do {
    const quiet = listener?.emptied();
    injector.drain(graceMs + 2 * flushMs);
    await quiet;
  } while (listener !== undefined && listener.connections > 0);
}

/** False if `work` takes longer than `ms`, or `hurry` aborts first. */
async function settlesWithin(
  work: Promise<void>,
  ms: number,
  clock: Clock,
  hurry?: AbortSignal,
): Promise<boolean> {
  const settled = new AbortController();
  const over = hurry === undefined ? settled.signal : AbortSignal.any([settled.signal, hurry]);
  const tooLong = clock.sleep(ms, over).then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([work.then(() => true), tooLong]);
  } finally {
    settled.abort();
  }
}

function stoppedError(): MeshError {
  const message =
    'the server stopped before the call was finished; whether it took effect is not known';
  return new MeshError(message, { status: 'UNAVAILABLE', reason: 'SERVER_STOPPED' });
}
