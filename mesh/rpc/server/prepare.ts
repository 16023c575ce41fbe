import { Server, type ServerInterceptor } from '@grpc/grpc-js';
import { HealthDefinition } from '../../../gen/grpc/health/v1/health.ts';
import { ServerReflectionDefinition } from '../../../gen/grpc/reflection/v1/reflection.ts';
import { ServerReflectionDefinition as ServerReflectionAlphaDefinition } from '../../../gen/grpc/reflection/v1alpha/reflection.ts';
import { LaneServiceDefinition } from '../../../gen/weft/lane/v1/lane.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { contextRoot } from '../../kernel/context.ts';
import { silentLog } from '../../kernel/log.ts';
import { systemRandom } from '../../kernel/random.ts';
import { mergeImages, weftImage } from '../../schema/image.ts';
import { createValidator } from '../../schema/validate.ts';
import { noRpcMetrics } from '../../telemetry/rpc-metrics.ts';
import { noSpans } from '../../telemetry/spans.ts';
import { type LaneService, laneService } from '../lane/server.ts';
import { type Authorize, createAuthorize } from '../mtls/authorize.ts';
import { refuseStrangers } from '../mtls/gate.ts';
import { type CallEnvironment, unixPeer } from './call.ts';
import type { UnaryMethod } from './dispatch.ts';
import type { Health } from './health.ts';
import type { Observer } from './observe.ts';
import type { ServerOptions } from './options.ts';
import { takeStreams } from './plain-stream.ts';
import { takeUnaryCalls } from './plain-unary.ts';
import { createReflection } from './reflection.ts';
import { type Registration, registerService } from './register.ts';
import type { StreamSite } from './stream-call.ts';
import { answerUnknownMethods } from './unknown-method.ts';

/** A server that does not listen yet. */
export interface Prepared {
  readonly registration: Registration;
  readonly lanes: LaneService | undefined;
}

const mebibyte = 1024 * 1024;

/**
 * The grpc-js server with what every weft server serves: health, lanes and reflection, unless they are
 * switched off.
 */
export function prepareServer(
  options: ServerOptions,
  health: Health,
  draining: AbortSignal,
): Prepared {
  const limits = {
    maxMessageBytes: options.maxMessageBytes ?? mebibyte,
    maxMetadataBytes: options.maxMetadataBytes ?? 8 * 1024,
  };
  const log = options.log ?? silentLog;
  const environment = environmentOf(options, draining);
  const unary = new Map<string, UnaryMethod>();
  const dispatch = {
    get methods() {
      return [...unary.values()];
    },
  };
  const lanes =
    options.lane === false
      ? undefined
      : laneService(dispatch, { clock: environment.clock, log, draining, unixPeer, ...limits });
  const observers = new Map<string, Observer>();
  const streams = new Map<string, StreamSite>();
  const interceptors = [
    ...gateOf(options, observers, environment),
    takeUnaryCalls(unary, observers, environment),
    takeStreams(streams, limits.maxMessageBytes),
  ];
  if (lanes !== undefined) interceptors.push(lanes.interceptor);
  const image = mergeImages([options.image, weftImage()]);
  const registration: Registration = {
    grpc: createGrpcServer(options, limits.maxMessageBytes, interceptors),
    environment,
    image,
    validator: createValidator(image),
    log,
    spans: options.spans ?? noSpans,
    metrics: options.metrics ?? noRpcMetrics,
    served: new Map(),
    ...{ unary, streams, observers },
    authorize: authorizeBy(options, environment.clock),
    ...limits,
  };
  answerUnknownMethods(registration);
  addOwnServices(registration, { options, health, lanes });
  return { registration, lanes };
}

function authorizeBy(options: ServerOptions, clock: Clock): Authorize | undefined {
  const { identity, intentions, onRefused = () => undefined } = options;
  if (identity === undefined) return undefined;
  const own = () => identity.credentials.leaf.id;
  return createAuthorize({ own, intentions, clock, onRefused });
}

/** First of all: what a stranger sends is not read. */
function gateOf(
  { identity, onRefused = () => undefined }: ServerOptions,
  observers: ReadonlyMap<string, Observer>,
  { clock }: CallEnvironment,
): ServerInterceptor[] {
  if (identity === undefined) return [];
  return [refuseStrangers({ observers, now: () => clock.monotonic(), onRefused })];
}

function environmentOf(
  { clock = systemClock, random = systemRandom, ...options }: ServerOptions,
  draining: AbortSignal,
): CallEnvironment {
  const { resetGraceMs = 10, requestTimeoutMs = 10_000 } = options;
  const waits = { resetGraceMs, requestTimeoutMs };
  return { clock, random, ...waits, draining, runUnder: contextRoot(), running: new Set() };
}

interface OwnServices {
  readonly options: ServerOptions;
  readonly health: Health;
  readonly lanes: LaneService | undefined;
}

function addOwnServices(registration: Registration, { options, health, lanes }: OwnServices): void {
  const { image, served, grpc } = registration;
  registerService(HealthDefinition, health.implementation, registration);
  if (lanes !== undefined) {
    lanes.register(grpc);
    const methods = Object.values(LaneServiceDefinition.methods).map(({ name }) => name);
    served.set(LaneServiceDefinition.fullName, methods);
  }
  if (options.reflection === false) return;
  const reflection = createReflection(image, () => [...served.keys()].sort());
  registerService(ServerReflectionDefinition, reflection, registration);
  registerService(ServerReflectionAlphaDefinition, reflection, registration);
}

function createGrpcServer(
  options: ServerOptions,
  maxMessageBytes: number,
  interceptors: ServerInterceptor[],
): Server {
  return new Server({
    interceptors,
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
