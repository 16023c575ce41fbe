import { ServerCredentials } from '@grpc/grpc-js';
import { systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import { silentLog } from '../../kernel/log.ts';
import type { ServiceDefinition } from '../../schema/definition.ts';
import type { LaneServiceStats } from '../lane/server.ts';
import { type DrainOptions, drainServer } from './drain.ts';
import { createHealth, type HealthStatus } from './health.ts';
import type { Implementation } from './implementation.ts';
import { type Listener, listen } from './listener.ts';
import type { ServerOptions } from './options.ts';
import { prepareServer } from './prepare.ts';
import { registerService } from './register.ts';

export type { ServerOptions } from './options.ts';

export interface ListenAddress {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly unix?: string | undefined;
}

/** A gRPC server: typed handlers, health, reflection, limits, and an end that loses no call. */
export interface MeshServer extends Closeable {
  /**
   * Serves a service. Throws FAILED_PRECONDITION once the server listens, INVALID_ARGUMENT for a service
   * that is served already, has no handler for a method, or is not in the image.
   */
  add<D extends ServiceDefinition>(definition: D, implementation: Implementation<D>): void;
  /**
   * Listens and begins to serve; health turns to SERVING. Default 127.0.0.1 and a free port. `unix`: the
   * absolute path of a Unix socket to listen on as well, in a folder that is this user's alone (made if it
   * is not there); tell clients by `unixMetadata`. Throws UNAVAILABLE / CANNOT_LISTEN if port or socket
   * cannot be had, INVALID_ARGUMENT / SOCKET_PATH for a path that is too long; may then be called again.
   */
  listen(address?: ListenAddress): Promise<{ host: string; port: number }>;
  /** What its lanes have done; undefined if it serves none. */
  laneStats(): LaneServiceStats | undefined;
  /** What health says of a service, or of the whole server ('' ). */
  setHealth(service: string, status: HealthStatus): void;
  /**
   * Ends without losing a call: health turns to NOT_SERVING, clients are told to go elsewhere (GOAWAY), new
   * calls are refused (UNAVAILABLE / DRAINING: safe to repeat elsewhere), running ones finish. What still
   * runs after `graceMs` ends with UNAVAILABLE / SERVER_STOPPED. Resolves when every connection is closed.
   */
  drain(options: DrainOptions): Promise<void>;
  /** `drain` with a grace of 1 s; hurries a drain that is under way. May be called twice. */
  close(): Promise<void>;
}

const closeGraceMs = 1000;

/** Where a server stands. */
type State =
  | { readonly name: 'building' }
  | { readonly name: 'listening'; readonly listener: Listener }
  /** `hurry` ends the grace early. */
  | { readonly name: 'draining'; readonly hurry: AbortController; readonly done: Promise<void> };

/** Makes a server. It serves health and reflection beside what is added; nothing listens yet. */
export function createServer(options: ServerOptions): MeshServer {
  const { clock = systemClock, log = silentLog } = options;
  const health = createHealth();
  const draining = new AbortController();
  const { registration, lanes } = prepareServer(options, health, draining.signal);
  const { grpc, environment, served } = registration;
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  let state: State = { name: 'building' };
  const isBuilding = (): boolean => state.name === 'building';

  function drain({ graceMs }: DrainOptions): Promise<void> {
    if (state.name === 'draining') return state.done;
    const hurry = new AbortController();
    const listener = state.name === 'listening' ? state.listener : undefined;
    const parts = { grpc, injector, listener, health, draining, environment, log };
    const done = drainServer(parts, graceMs, hurry.signal);
    state = { name: 'draining', hurry, done };
    return done;
  }

  return {
    add(definition, implementation) {
      if (state.name !== 'building') throw tooLate(`add ${definition.fullName}`);
      registerService(definition, implementation, registration);
      health.set(definition.fullName, 'NOT_SERVING');
    },
    async listen({ host = '127.0.0.1', port = 0, unix } = {}) {
      if (!isBuilding()) throw tooLate('listen');
      const handshakeTimeoutMs = options.handshakeTimeoutMs ?? 10_000;
      const { identity } = options;
      const listening = { injector, clock, log, identity, handshakeTimeoutMs };
      const listener = await listen({ host, port, unix, ...listening });
      if (!isBuilding()) {
        // Closed, or told to listen elsewhere, while the port was being opened.
        await listener.close();
        throw tooLate('listen');
      }
      state = { name: 'listening', listener };
      for (const service of ['', ...served.keys()]) health.set(service, 'SERVING');
      return { host, port: listener.port };
    },
    laneStats: () => lanes?.stats(),
    setHealth: health.set,
    drain,
    async close() {
      if (state.name !== 'draining') return drain({ graceMs: closeGraceMs });
      const { hurry, done } = state;
      const stopWaiting = clock.after(closeGraceMs, () => {
        hurry.abort();
      });
      await done.finally(stopWaiting);
    },
  };
}

function tooLate(what: string): MeshError {
  const message = `cannot ${what}: the server listens already or has ended; add every service, then listen once`;
  return new MeshError(message, { status: 'FAILED_PRECONDITION', reason: 'SERVER_STARTED' });
}
