import type { Client } from '@grpc/grpc-js';
import { effectiveMethod } from '../config/effective.ts';
import type { PolicySource, TargetPolicy } from '../config/policy.ts';
import { defaultTarget, type ServiceDefinition } from '../schema/definition.ts';
import { noRpcMetrics, type RpcMetrics } from '../telemetry/rpc-metrics.ts';
import { noSpans, type SpanSink } from '../telemetry/spans.ts';
import { nameOf } from './client/context.ts';
import { methodOf } from './client/methods.ts';
import { createObserver } from './client/observe.ts';
import {
  clientLevel,
  createPolicy,
  type PolicyOptions,
  type PolicyPorts,
} from './client/policy.ts';
import { unaryStack } from './client/stack.ts';
import { channelRoute } from './protect/channel-route.ts';
import { type GeneratedMethod, givenBy } from './protect/given.ts';
import { protectedStream } from './protect/stream.ts';
import { protectedUnary } from './protect/unary.ts';

export interface ProtectOptions extends PolicyOptions, PolicyPorts {
  /** Whom the client calls, for messages and the log. Default: from the service's package. */
  readonly target?: string;
  /** Live policy, as a client of the mesh has it: what it says outweighs these options. Default: none. */
  readonly policySource?: PolicySource;
  /** Where the span of each call goes. Default: nowhere. */
  readonly spans?: SpanSink;
  /** Told of each call and attempt; bytes are not counted here. Default: nobody. */
  readonly metrics?: RpcMetrics;
}

/**
 * Puts a generated ts-proto client (`outputServices=grpc-js`) under the policy of the mesh: the same type,
 * the same overloads, the same errors. Unary methods get a deadline, the caller's trace and cancellation,
 * breaker, bulkhead and retries by the schema; streams get breaker, bulkhead and the caller's trace. Where its calls go is still
 * the channel's affair: endpoints, balancing and the lane come with `createClient` only.
 *
 * The client that was given stays as it is; closing either closes both. Close the protected one where there is a
 * `policySource`: the other does not know of it.
 */
export function protect<T extends Client>(
  client: T,
  definition: ServiceDefinition,
  options: ProtectOptions = {},
): T {
  const { target = defaultTarget(definition.fullName), spans = noSpans } = options;
  const { metrics = noRpcMetrics } = options;
  const all = Object.entries(definition.methods).map(([key, each]) => ({
    key,
    method: methodOf(definition, each),
  }));
  const level = clientLevel(
    options,
    all.map(({ method }) => method),
  );
  const policy = createPolicy(target, options, { client: level });
  const { clock, guard } = policy;
  let live: TargetPolicy | undefined;
  const refreshed: (() => void)[] = [];
  const watch = options.policySource?.watch(target, (news) => {
    live = news;
    policy.apply({ client: level, kv: live });
    for (const refresh of refreshed) refresh();
  });
  const route = channelRoute(client, clock);

  const methods = new Map<string | symbol, GeneratedMethod>();
  for (const { key, method } of all) {
    const generated: unknown = Reflect.get(client, key);
    if (typeof generated !== 'function') continue;
    const invoke: GeneratedMethod = (...args) => Reflect.apply(generated, client, args) as unknown;
    const meter = metrics.client(target, method);
    const observer = createObserver({ clock, spans, meter, name: nameOf({ method }), target });
    const { retry, hedge, refusals } = policy;
    const { random } = policy;
    const parts = { clock, random, route, guard, retry, hedge, refusals, meter, observer };
    const call = unaryStack(parts);
    let effective = effectiveMethod(method, { client: level });
    refreshed.push(() => {
      effective = effectiveMethod(method, { client: level, kv: live });
    });
    const standing = { clock, random, policy: () => effective };
    const unary = protectedUnary(invoke, method, call, standing);
    const stream = protectedStream(invoke, method, { ...standing, guard, meter, observer });
    methods.set(key, (...args) => {
      const given = givenBy(method, args);
      if (method.kind !== 'unary') return stream(given);
      // Without a callback grpc-js has the better words for what is missing.
      return given.callback === undefined ? invoke(...args) : unary(given, given.callback);
    });
  }
  if (watch !== undefined && !methods.has('close')) {
    methods.set('close', () => {
      watch.close();
      client.close();
    });
  }
  return new Proxy(client, {
    get: (target, property, receiver): unknown =>
      methods.get(property) ?? Reflect.get(target, property, receiver),
  });
}
