import { effectiveMethod } from '../../config/effective.ts';
import { type Call, compose, type StreamCall } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import { type CallPolicy, isCallPolicy } from '../../resilience/user-policy.ts';
import type { ServiceDefinition } from '../../schema/definition.ts';
import type { RpcMetrics } from '../../telemetry/rpc-metrics.ts';
import type { SpanSink } from '../../telemetry/spans.ts';
import { clientContext, nameOf } from './context.ts';
import { callOrFallback, type Substitutes, streamOrFallback } from './fallback.ts';
import { methodOf, stubMethod } from './methods.ts';
import { createObserver } from './observe.ts';
import type { StubOptions } from './options.ts';
import { clientLevel } from './policy.ts';
import type { OpenStreams } from './responses.ts';
import type { Route } from './route.ts';
import { closedError } from './routes.ts';
import { streamStack, unaryStack } from './stack.ts';
import type { Client } from './stub.ts';
import type { Target } from './target.ts';
import type { ClientCall } from './unary.ts';

/** How each client is closed; kept beside it, for a service may have a method called "close". */
const closers = new WeakMap<object, () => Promise<void>>();

/** What a client stands on; others may stand on it too. */
export interface ClientParts {
  readonly target: Target;
  readonly spans: SpanSink;
  readonly metrics: RpcMetrics;
  readonly batch: boolean;
  /** The client takes no more calls: releases what is its own. */
  readonly release: () => Promise<void>;
}

/** What the functions of one client have in common. */
interface Shared<D extends ServiceDefinition> extends ClientParts {
  readonly options: StubOptions<D>;
  readonly route: Route;
  readonly openStreams: OpenStreams;
}

export function newClient<D extends ServiceDefinition>(
  definition: D,
  options: StubOptions<D>,
  parts: ClientParts,
): Client<D> {
  const { target } = parts;
  const openStreams: OpenStreams = new Set();
  let open = true;
  const { routes } = target;
  const route: Route = {
    draw: routes.draw,
    timeoutMsAt: (destination) => routes.timeoutMsAt(destination),
    take(context, nowMs, share) {
      if (!open) throw closedError(target.name);
      return routes.take(context, nowMs, share && parts.batch);
    },
    takeLater: (context) => routes.takeLater(context),
    hasOther: (context) => open && routes.hasOther(context),
  };

  const methods = Object.entries(definition.methods).map(([key, each]) => ({
    key,
    method: methodOf(definition, each),
  }));
  const infos = methods.map(({ method }) => method);
  const level = clientLevel(options, infos);
  target.join(level, infos);

  const shared = { ...parts, options, route, openStreams };
  const made = methods.map(({ key, method }) => {
    let policy = effectiveMethod(method, { client: level, kv: target.live });
    const forget = target.onPolicy(() => {
      policy = effectiveMethod(method, { client: level, kv: target.live });
    });
    const stacks = stacksOf(method, key, shared);
    const { clock, random } = target.policy;
    const caller = { ...stacks, method, policy: () => policy, route, openStreams, clock, random };
    return { key, forget, call: stubMethod(caller) };
  });

  async function close(): Promise<void> {
    // First, so that a stream that is cancelled next does not try another endpoint.
    open = false;
    for (const cancel of [...openStreams]) cancel(closedWhileOpen(target.name));
    for (const { forget } of made) forget();
    await parts.release();
  }

  const functions = Object.fromEntries(made.map(({ key, call }) => [key, call]));
  const stub = { ...functions, [Symbol.asyncDispose]: close };
  closers.set(stub, close);
  // Made from the definition at run time; that its functions have the definition's types is known only here.
  return stub as unknown as Client<D>;
}

/**
 * Closes a client: it takes no new calls (FAILED_PRECONDITION / CLIENT_CLOSED), cancels its open streams,
 * lets unary calls finish within their deadlines, then releases the connections that are its own. May be called
 * twice.
 */
export async function closeClient(client: object): Promise<void> {
  await closers.get(client)?.();
}

/** All that one method's calls go through: layers of the user, fallbacks, and the stack of weft. */
function stacksOf<D extends ServiceDefinition>(
  method: ReturnType<typeof methodOf>,
  key: string,
  { target, options, metrics, spans, route }: Shared<D>,
): { readonly call: ClientCall; readonly stream: StreamCall } {
  const { policy } = target;
  const { clock, random } = policy;
  const meter = metrics.client(target.name, method);
  const observer = createObserver({
    ...{ clock, spans, meter, name: nameOf({ method }), target: target.name },
  });
  const { guard, retry, hedge, refusals } = policy;
  const own = policyFor(options.policy, key);
  const parts = {
    clock,
    random,
    route,
    guard,
    retry,
    hedge,
    refusals,
    meter,
    observer,
    policy: own,
  };
  const { layers = [] } = options;
  const given = substitutesFor(options, key);

  let call = unaryStack(parts);
  let stream = streamStack(parts);
  if (given !== undefined && method.kind === 'unary') {
    call = callOrFallback(call, method, given, clock);
  }
  if (given !== undefined && method.kind === 'server-stream') {
    stream = streamOrFallback(method, given, clock)(stream);
  }
  const around = layers.flatMap((layer) => (layer.call === undefined ? [] : [layer.call]));
  const aroundStreams = layers.flatMap((layer) =>
    layer.stream === undefined ? [] : [layer.stream],
  );
  return {
    call: around.length === 0 ? call : compose<Call>(around, withClientContext(call)),
    stream: compose(aroundStreams, stream),
  };
}

/** Layers of the user know a Call; what they pass on must still be the context that they were given. */
function withClientContext(call: ClientCall): Call {
  return async (request, context) => call(request, clientContext(context));
}

function policyFor<D extends ServiceDefinition>(
  given: StubOptions<D>['policy'],
  key: string,
): CallPolicy | undefined {
  if (given === undefined || isCallPolicy(given)) return given;
  return own(given, key) as CallPolicy | undefined;
}

function substitutesFor<D extends ServiceDefinition>(
  { fallback = {}, lastAnswer = {} }: StubOptions<D>,
  key: string,
): Substitutes | undefined {
  const substitutes: Substitutes = {
    fallback: own(fallback, key),
    lastAnswer: own(lastAnswer, key) as Substitutes['lastAnswer'],
  };
  const { fallback: value, lastAnswer: kept } = substitutes;
  return value === undefined && kept === undefined ? undefined : substitutes;
}

/** A method may be called "constructor". Tables by method are typed by the definition, which is gone at run time. */
function own(table: object, key: string): unknown {
  return Object.hasOwn(table, key) ? Reflect.get(table, key) : undefined;
}

function closedWhileOpen(target: string): MeshError {
  return new MeshError(`${target}: the client was closed while the stream was open`, {
    status: 'CANCELLED',
    reason: 'CLIENT_CLOSED',
  });
}
