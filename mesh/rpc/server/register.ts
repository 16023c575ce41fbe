import type { Server } from '@grpc/grpc-js';
import type { MethodInfo } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Log } from '../../kernel/log.ts';
import {
  type MethodDefinition,
  methodInfo,
  type ServiceDefinition,
} from '../../schema/definition.ts';
import type { Image } from '../../schema/image.ts';
import type { Validator } from '../../schema/validate.ts';
import type { RpcMetrics } from '../../telemetry/rpc-metrics.ts';
import type { SpanSink } from '../../telemetry/spans.ts';
import { bufferOf } from '../encode.ts';
import type { Authorize } from '../mtls/authorize.ts';
import type { CallEnvironment } from './call.ts';
import { createCodec } from './codec.ts';
import type { UnaryMethod } from './dispatch.ts';
import type { AnyHandler } from './handler.ts';
import type { Implementation } from './implementation.ts';
import { createObserver, type Observer } from './observe.ts';
import { serverStack } from './stack.ts';
import type { StreamSite } from './stream-call.ts';
import { UnaryCall } from './unary-call.ts';

export interface Registration {
  readonly grpc: Server;
  readonly environment: CallEnvironment;
  readonly image: Image;
  readonly validator: Validator;
  readonly log: Log;
  readonly spans: SpanSink;
  readonly maxMessageBytes: number;
  readonly maxMetadataBytes: number;
  /** The services registered so far, with their methods. */
  readonly served: Map<string, readonly string[]>;
  /** The unary methods registered so far, by path: what a transport may call. */
  readonly unary: Map<string, UnaryMethod>;
  /** The streaming methods registered so far, by path. */
  readonly streams: Map<string, StreamSite>;
  /** The observers of the unary methods registered so far, by path: for calls that end before their stack runs. */
  readonly observers: Map<string, Observer>;
  readonly metrics: RpcMetrics;
  /** Who may call; undefined without an identity. */
  readonly authorize: Authorize | undefined;
}

/** gRPC's own service, which must answer NOT_SERVING while everything else is refused. */
const healthService = 'grpc.health.v1.Health';

/**
 * Registers every method of a service with grpc-js, each behind the server stack. The stack is put together
 * here, once a method: a call only runs it. Everything is checked before anything is registered, because
 * grpc-js cannot take back half a service.
 */
export function registerService<D extends ServiceDefinition>(
  definition: D,
  implementation: Implementation<D>,
  registration: Registration,
): void {
  const { image, served } = registration;
  const { fullName } = definition;
  if (served.has(fullName)) throw invalid(`${fullName} is served already`, 'ALREADY_SERVED');
  if (!image.services.includes(fullName)) {
    const message = `${fullName} is not in the image; run "make gen", or pass the image that holds it`;
    throw invalid(message, 'NOT_IN_IMAGE');
  }
  const methods = Object.entries(definition.methods).map(([key, method]) => ({
    method,
    info: methodInfo(definition, method),
    handler: handlerOf(implementation, key),
  }));
  const missing = methods.filter(({ handler }) => handler === undefined);
  if (missing.length > 0) {
    const names = missing.map(({ info }) => info.name).join(', ');
    throw invalid(
      `${fullName} has no handler for ${names}; write one for each method`,
      'NO_HANDLER',
    );
  }
  for (const { method, info, handler } of methods) {
    if (handler !== undefined) registerMethod(method, info, handler, registration);
  }
  served.set(
    fullName,
    methods.map(({ info }) => info.name),
  );
}

function registerMethod(
  method: MethodDefinition,
  info: MethodInfo,
  handler: AnyHandler,
  registration: Registration,
): void {
  const { grpc, environment, validator } = registration;
  const { clock } = environment;
  const meter = registration.metrics.server(info);
  const observer = createObserver({ method: info, meter, clock, spans: registration.spans });
  const stack = serverStack(handler, {
    observer,
    log: registration.log,
    maxMetadataBytes: registration.maxMetadataBytes,
    codec: createCodec(info, method, registration.maxMessageBytes),
    check: validator.compile(method.requestType.$type),
    // Everybody may ask whether a server serves; who may ask more is the gate's to say.
    authorize: info.service === healthService ? undefined : registration.authorize,
    answersWhileDraining: info.service === healthService,
  });
  const site = { method: info, stack, environment };
  if (info.kind === 'unary') {
    registration.observers.set(info.path, observer);
    registration.unary.set(info.path, {
      path: info.path,
      run: (arrival) => new UnaryCall(site, arrival).start(),
    });
  } else {
    registration.streams.set(info.path, site);
  }
  // So that grpc-js knows the path; the calls themselves are taken before it runs anything (take-over.ts).
  grpc.register(info.path, () => undefined, bufferOf, asTheyCame, grpcKinds[info.kind]);
}

const asTheyCame = (bytes: Buffer): Buffer => bytes;

const grpcKinds = {
  unary: 'unary',
  'server-stream': 'serverStream',
  'client-stream': 'clientStream',
  bidi: 'bidi',
} as const;

/** The handler of a method, bound: an implementation may be an object whose handlers use `this`. */
function handlerOf(implementation: object, key: string): AnyHandler | undefined {
  const handler: unknown = Reflect.get(implementation, key);
  return typeof handler === 'function' ? (handler.bind(implementation) as AnyHandler) : undefined;
}

function invalid(message: string, reason: string): MeshError {
  return new MeshError(message, { status: 'INVALID_ARGUMENT', reason });
}
