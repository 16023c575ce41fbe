import { type EffectiveMethodPolicy } from '../../config/defaults.ts';
import type { StreamCall } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { type Context, currentContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Random } from '../../kernel/random.ts';
import {
  type MethodDefinition,
  methodInfo,
  type ServiceDefinition,
} from '../../schema/definition.ts';
import type { Method } from '../transport.ts';
import { beginCall, nameOf } from './context.ts';
import { type EndSource, endingOf } from './ending.ts';
import { type OpenStreams, onlyResponse, type Responses, responses } from './responses.ts';
import type { Route } from './route.ts';
import type { CallOptions } from './stub.ts';
import type { ClientCall } from './unary.ts';

/** What the function of a stub needs of the client that it belongs to. */
export interface MethodCaller {
  readonly method: Method;
  readonly call: ClientCall;
  readonly stream: StreamCall;
  /** What stands for the method at this moment. */
  readonly policy: () => EffectiveMethodPolicy;
  readonly route: Pick<Route, 'draw' | 'timeoutMsAt'>;
  readonly openStreams: OpenStreams;
  readonly clock: Clock;
  readonly random: Random;
}

/** A function of a stub, whose types are known to ClientMethod and gone at run time. */
export type StubMethod = (input: unknown, options?: CallOptions) => unknown;

const noOptions: CallOptions = {};

/** A method with its codecs, as the client needs it. */
export function methodOf(definition: ServiceDefinition, method: MethodDefinition): Method {
  const { requestType, responseType } = method;
  return { ...methodInfo(definition, method), requestType, responseType };
}

export function stubMethod(caller: MethodCaller): StubMethod {
  const { method } = caller;
  const name = `${method.service}/${method.name}`;
  const stream = (requests: AsyncIterable<unknown>, options?: CallOptions): Responses<unknown> =>
    streaming(caller, requests, options);
  switch (method.kind) {
    case 'unary':
      return unary(caller, name);
    case 'server-stream':
      return (request, options) => stream(one(request), options);
    case 'client-stream':
      return async (requests, options) =>
        onlyResponse(stream(iterable(requests, name), options), name);
    case 'bidi':
      return (requests, options) => stream(iterable(requests, name), options);
  }
}

/** Not an async function: it would add a promise to each call and do nothing with it. */
function unary(caller: MethodCaller, name: string): StubMethod {
  const { method, call, policy, route, clock, random } = caller;
  return (request, options = noOptions) => {
    const parent = currentContext();
    const { metadata = {} } = options;
    const destination = route.draw(method, metadata);
    const ending = endingOf(sourceOf(parent), options.signal, name);
    const context = beginCall(method, ending, {
      parent,
      options,
      policy: policy(),
      limitMs: route.timeoutMsAt(destination),
      destination,
      clock,
      random,
    });
    const answer = call(request, context);
    return ending.release === undefined ? answer : answer.finally(ending.release);
  };
}

function streaming(
  { method, stream, openStreams, policy, route, clock, random }: MethodCaller,
  requests: AsyncIterable<unknown>,
  options: CallOptions = noOptions,
): Responses<unknown> {
  // Taken here and not at the first read, which may happen anywhere.
  const parent = currentContext();
  const begin = (
    signal: AbortSignal,
    cancel: (reason: MeshError) => void,
  ): AsyncIterable<unknown> => {
    const destination = route.draw(method, options.metadata ?? {});
    const beginning = { parent, options, policy: policy(), destination, clock, random, cancel };
    const limitMs = route.timeoutMsAt(destination);
    return stream(requests, beginCall(method, { signal }, { ...beginning, limitMs }));
  };
  const sources = [sourceOf(parent), options.signal];
  return responses(begin, { sources, openStreams, name: nameOf({ method }) });
}

/** What ends the work that a call is part of. `signal` is not touched where the other is there: that would make it. */
function sourceOf(parent: Context): EndSource {
  return parent.cancellation ?? parent.signal;
}

/** A stream of one message; it can be read again, by a second attempt. */
function one<T>(message: T): AsyncIterable<T> {
  return {
    [Symbol.asyncIterator]() {
      let given = false;
      const next = (): IteratorResult<T, undefined> => {
        if (given) return { done: true, value: undefined };
        given = true;
        return { done: false, value: message };
      };
      return { next: () => Promise.resolve(next()) };
    },
  };
}

function iterable(requests: unknown, name: string): AsyncIterable<unknown> {
  if (typeof requests === 'object' && requests !== null && Symbol.asyncIterator in requests) {
    return requests as AsyncIterable<unknown>;
  }
  throw new MeshError(`${name} takes a stream of requests: give it an async iterable`, {
    status: 'INVALID_ARGUMENT',
    reason: 'NOT_A_STREAM',
  });
}
