import type { Call, StreamCall } from '../../kernel/call.ts';
import { currentContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Random } from '../../kernel/random.ts';
import {
  type MethodDefinition,
  methodInfo,
  type ServiceDefinition,
} from '../../schema/definition.ts';
import { linkSignals } from '../signals.ts';
import type { Method } from '../transport.ts';
import { beginCall, type ClientContext, type Ending } from './context.ts';
import { type OpenStreams, onlyResponse, type Responses, responses } from './responses.ts';
import type { CallOptions } from './stub.ts';

/** What the functions of a stub share. */
export interface Caller {
  readonly call: Call;
  readonly stream: StreamCall;
  readonly openStreams: OpenStreams;
  readonly random: Random;
}

/** A function of a stub, whose types are known to ClientMethod and gone at run time. */
type StubMethod = (input: unknown, options?: CallOptions) => unknown;

/** The functions of a stub by their names: one for each method of the definition. */
export function stubMethods(
  definition: ServiceDefinition,
  caller: Caller,
): Record<string, StubMethod> {
  const entries = Object.entries(definition.methods).map(([key, method]) => [
    key,
    stubMethod(methodOf(definition, method), caller),
  ]);
  return Object.fromEntries(entries) as Record<string, StubMethod>;
}

/** A method with its codecs, as the client needs it. */
export function methodOf(definition: ServiceDefinition, method: MethodDefinition): Method {
  const { requestType, responseType } = method;
  return { ...methodInfo(definition, method), requestType, responseType };
}

function stubMethod(method: Method, caller: Caller): StubMethod {
  const name = `${method.service}/${method.name}`;
  const stream = (requests: AsyncIterable<unknown>, options?: CallOptions): Responses<unknown> =>
    streaming(method, caller, requests, options);
  switch (method.kind) {
    case 'unary':
      return (request, options) => unary(method, caller, request, options);
    case 'server-stream':
      return (request, options) => stream(one(request), options);
    case 'client-stream':
      return async (requests, options) =>
        onlyResponse(stream(iterable(requests, name), options), name);
    case 'bidi':
      return (requests, options) => stream(iterable(requests, name), options);
  }
}

async function unary(
  method: Method,
  caller: Caller,
  request: unknown,
  options: CallOptions = {},
): Promise<unknown> {
  const parent = currentContext();
  const { signal, release } = linkSignals(parent.signal, options.signal);
  try {
    const context = beginCall(method, { signal }, { parent, options, random: caller.random });
    return await caller.call(request, context);
  } catch (thrown) {
    throw MeshError.from(thrown);
  } finally {
    release();
  }
}

function streaming(
  method: Method,
  { stream, openStreams, random }: Caller,
  requests: AsyncIterable<unknown>,
  options: CallOptions = {},
): Responses<unknown> {
  // Taken here and not at the first read, which may happen anywhere.
  const parent = currentContext();
  const begin = (ending: Ending): AsyncIterable<unknown> => {
    const context: ClientContext = beginCall(method, ending, { parent, options, random });
    return stream(requests, context);
  };
  const signals = [parent.signal, options.signal];
  return responses(begin, { signals, openStreams, name: `${method.service}/${method.name}` });
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
