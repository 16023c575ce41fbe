import { MeshError } from '../../kernel/error.ts';
import { defaultTarget, type ServiceDefinition } from '../../schema/definition.ts';
import { noSpans } from '../../telemetry/spans.ts';
import { createPlainTransport } from '../plain/transport.ts';
import { attemptCall, attemptStream } from './attempt.ts';
import { createEndpoints } from './endpoints.ts';
import { type Caller, stubMethods } from './methods.ts';
import type { ClientOptions } from './options.ts';
import { createPolicy } from './policy.ts';
import type { OpenStreams } from './responses.ts';
import { streamStack, unaryStack } from './stack.ts';
import type { Client } from './stub.ts';

export type { ClientOptions } from './options.ts';
export type { CallOptions, Client } from './stub.ts';

/** How each client is closed; kept beside it, for a service may have a method called "close". */
const closers = new WeakMap<object, () => Promise<void>>();

/**
 * A typed client of one service of the mesh: finds its instances, chooses one for each attempt, and puts
 * deadline, breaker, bulkhead and retries around each call, as the schema says. It watches discovery from
 * now on, so close it. Throws INVALID_ARGUMENT for a target that is not a service name.
 */
export function createClient<D extends ServiceDefinition>(
  definition: D,
  options: ClientOptions,
): Client<D> {
  const { resolver, target = defaultTarget(definition.fullName) } = options;
  const { spans = noSpans, waitForEndpointMs = 1000 } = options;
  const policy = createPolicy(target, options);
  const { clock, random } = policy;
  const transport = options.transport ?? createPlainTransport({ clock });
  const endpoints = createEndpoints({
    target,
    resolver,
    transport,
    clock,
    random,
    waitForEndpointMs,
  });
  const openStreams: OpenStreams = new Set();
  const parts = { ...policy, spans };
  const caller: Caller = {
    call: unaryStack(parts, attemptCall(endpoints)),
    stream: streamStack(parts, attemptStream(endpoints)),
    openStreams,
    random,
  };

  async function close(): Promise<void> {
    // First, so that a stream that is cancelled next does not try another endpoint.
    const closed = endpoints.close();
    for (const cancel of [...openStreams]) cancel(closedError(target));
    await closed;
  }

  const stub = { ...stubMethods(definition, caller), [Symbol.asyncDispose]: close };
  closers.set(stub, close);
  // Made from the definition at run time; that its functions have the definition's types is known only here.
  return stub as unknown as Client<D>;
}

/**
 * Closes a client: it takes no new calls (FAILED_PRECONDITION / CLIENT_CLOSED), cancels its open streams,
 * lets unary calls finish within their deadlines, then releases every connection. May be called twice.
 */
export async function closeClient(client: object): Promise<void> {
  await closers.get(client)?.();
}

function closedError(target: string): MeshError {
  return new MeshError(`${target}: the client was closed while the stream was open`, {
    status: 'CANCELLED',
    reason: 'CLIENT_CLOSED',
  });
}
