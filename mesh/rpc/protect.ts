import type { Client } from '@grpc/grpc-js';
import { defaultTarget, type ServiceDefinition } from '../schema/definition.ts';
import { noSpans, type SpanSink } from '../telemetry/spans.ts';
import { methodOf } from './client/methods.ts';
import { createPolicy, type PolicyOptions } from './client/policy.ts';
import { unaryStack } from './client/stack.ts';
import { type GeneratedMethod, givenBy } from './protect/given.ts';
import { protectedStream } from './protect/stream.ts';
import { generatedAttempt, protectedUnary } from './protect/unary.ts';

export interface ProtectOptions extends PolicyOptions {
  /** Whom the client calls, for messages and the log. Default: from the service's package. */
  readonly target?: string;
  /** Where the span of each unary call goes. Default: nowhere. */
  readonly spans?: SpanSink;
}

/**
 * Puts a generated ts-proto client (`outputServices=grpc-js`) under the policy of the mesh: the same type,
 * the same overloads, the same errors. Unary methods get a deadline, the caller's trace and cancellation,
 * breaker, bulkhead and retries by the schema; streams get breaker and bulkhead. Where its calls go is still
 * the channel's affair: endpoints, balancing and the lane come with `createClient` only.
 *
 * The client that was given stays as it is; closing either closes both.
 */
export function protect<T extends Client>(
  client: T,
  definition: ServiceDefinition,
  options: ProtectOptions = {},
): T {
  const { target = defaultTarget(definition.fullName), spans = noSpans } = options;
  const policy = createPolicy(target, options);
  const stack = unaryStack({ ...policy, spans }, generatedAttempt(client, policy.clock));

  const methods = new Map<string | symbol, GeneratedMethod>();
  for (const [key, each] of Object.entries(definition.methods)) {
    const generated: unknown = Reflect.get(client, key);
    if (typeof generated !== 'function') continue;
    const invoke: GeneratedMethod = (...args) => Reflect.apply(generated, client, args) as unknown;
    const method = methodOf(definition, each);
    const unary = protectedUnary(invoke, method, stack, policy);
    const stream = protectedStream(invoke, method, policy.guard);
    methods.set(key, (...args) => {
      const given = givenBy(method, args);
      if (method.kind !== 'unary') return stream(given);
      // Without a callback grpc-js has the better words for what is missing.
      return given.callback === undefined ? invoke(...args) : unary(given, given.callback);
    });
  }
  return new Proxy(client, {
    get: (target, property, receiver): unknown =>
      methods.get(property) ?? Reflect.get(target, property, receiver),
  });
}
