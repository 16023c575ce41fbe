import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HealthDefinition } from '../../../gen/grpc/health/v1/health.ts';
import { ServerReflectionDefinition } from '../../../gen/grpc/reflection/v1/reflection.ts';
import { ServerReflectionDefinition as ServerReflectionAlphaDefinition } from '../../../gen/grpc/reflection/v1alpha/reflection.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import { type Random, systemRandom } from '../../kernel/random.ts';
import type { ServiceDefinition } from '../../schema/definition.ts';
import { type Image, mergeImages, weftImage } from '../../schema/image.ts';
import { createValidator } from '../../schema/validate.ts';
import { noSpans, type SpanSink } from '../../telemetry/spans.ts';
import { type DrainOptions, drainServer } from './drain.ts';
import { createHealth, type Health, type HealthStatus } from './health.ts';
import type { Implementation } from './implementation.ts';
import { type Listener, listen } from './listener.ts';
import { createReflection } from './reflection.ts';
import { type Registration, registerService } from './register.ts';
import { answerUnknownMethods } from './unknown-method.ts';

export interface ServerOptions {
  /** The contracts of what is served: validation and reflection read them. */
  readonly image: Image;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  /** Where the span of each call goes. Default: nowhere. */
  readonly spans?: SpanSink;
  /** Largest message either way, in bytes. Default 1 MiB (grpc-js takes 4 MiB and sends without bound). */
  readonly maxMessageBytes?: number;
  /** Most metadata of a call, in bytes as HTTP/2 counts them. Default 8 KiB, as gRPC's C core. */
  readonly maxMetadataBytes?: number;
  /** Most calls at a time on one connection. Default 100 (Envoy's advice for edges). */
  readonly maxConcurrentStreams?: number;
  /** When a silent connection is pinged, in ms. Default 20 000; it is closed 5 000 ms later if no answer comes. */
  readonly keepaliveMs?: number;
  /** How long a connection may take to speak HTTP/2, in ms. Default 10 000. */
  readonly handshakeTimeoutMs?: number;
  /**
   * How long the end of a request stream is held back, in ms, because a cancel from Node's HTTP/2 looks like
   * an end at first. Default 10: on a quiet machine the reset follows within 0.1 ms (median) to 9 ms (max),
   * on a busy one it may take longer. A handler for which half a stream is worse than none should have its
   * messages say how many there are.
   */
  readonly resetGraceMs?: number;
  /** Whether tools may read the contracts from the server. Default true. */
  readonly reflection?: boolean;
}

/** A gRPC server: typed handlers, health, reflection, limits, and an end that loses no call. */
export interface MeshServer extends Closeable {
  /**
   * Serves a service. Throws FAILED_PRECONDITION once the server listens, INVALID_ARGUMENT for a service
   * that is served already, has no handler for a method, or is not in the image.
   */
  add<D extends ServiceDefinition>(definition: D, implementation: Implementation<D>): void;
  /**
   * Listens and begins to serve; health turns to SERVING. Default 127.0.0.1 and a free port. Throws
   * UNAVAILABLE / CANNOT_LISTEN if the port cannot be had; may then be called again.
   */
  listen(address?: { host?: string; port?: number }): Promise<{ host: string; port: number }>;
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

const mebibyte = 1024 * 1024;
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
  const registration = prepare(options, health, draining.signal);
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
    async listen({ host = '127.0.0.1', port = 0 } = {}) {
      if (!isBuilding()) throw tooLate('listen');
      const handshakeTimeoutMs = options.handshakeTimeoutMs ?? 10_000;
      const listener = await listen({ host, port, injector, clock, log, handshakeTimeoutMs });
      if (!isBuilding()) {
        // Closed, or told to listen elsewhere, while the port was being opened.
        await listener.close();
        throw tooLate('listen');
      }
      state = { name: 'listening', listener };
      for (const service of ['', ...served.keys()]) health.set(service, 'SERVING');
      return { host, port: listener.port };
    },
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

/** The grpc-js server with what every weft server serves: health, and reflection unless it is switched off. */
function prepare(options: ServerOptions, health: Health, draining: AbortSignal): Registration {
  const { clock = systemClock, random = systemRandom } = options;
  const maxMessageBytes = options.maxMessageBytes ?? mebibyte;
  const resetGraceMs = options.resetGraceMs ?? 10;
  const image = mergeImages([options.image, weftImage()]);
  const served = new Map<string, readonly string[]>();
  const registration: Registration = {
    grpc: createGrpcServer(options, maxMessageBytes),
    environment: { clock, random, resetGraceMs, draining, running: new Set() },
    image,
    validator: createValidator(image),
    log: options.log ?? silentLog,
    spans: options.spans ?? noSpans,
    maxMessageBytes,
    maxMetadataBytes: options.maxMetadataBytes ?? 8 * 1024,
    served,
  };
  answerUnknownMethods(registration.grpc, served);
  registerService(HealthDefinition, health.implementation, registration);
  if (options.reflection !== false) {
    const reflection = createReflection(image, () => [...served.keys()].sort());
    registerService(ServerReflectionDefinition, reflection, registration);
    registerService(ServerReflectionAlphaDefinition, reflection, registration);
  }
  return registration;
}

function createGrpcServer(options: ServerOptions, maxMessageBytes: number): Server {
  return new Server({
    'grpc.max_receive_message_length': maxMessageBytes,
    // The codec refuses first, with a better text; this is the backstop.
    'grpc.max_send_message_length': maxMessageBytes,
    'grpc.max_concurrent_streams': options.maxConcurrentStreams ?? 100,
    'grpc.keepalive_time_ms': options.keepaliveMs ?? 20_000,
    'grpc.keepalive_timeout_ms': 5000,
    // Nobody reads channelz here, and it keeps books of every call.
    'grpc.enable_channelz': 0,
  });
}

function tooLate(what: string): MeshError {
  const message = `cannot ${what}: the server listens already or has ended; add every service, then listen once`;
  return new MeshError(message, { status: 'FAILED_PRECONDITION', reason: 'SERVER_STARTED' });
}
