import type { CallContext, Layer, StreamCall, StreamLayer } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import type { RepeatedCall, Retry } from '../../resilience/retry.ts';
import { drainingReason, neverReached } from '../../resilience/unreached.ts';

/** Repeats attempts by the rules of resilience/retry-rules.ts; a stream only before its first message. */
export function retryLayers(retry: Retry): { call: Layer; stream: StreamLayer } {
  return {
    call: (next) => async (request, context) => {
      try {
        return await retry.run(repeated(context), (attempt) =>
          next(request, attempt === 1 ? context : { ...context, attempt }),
        );
      } catch (thrown) {
        throw forCaller(thrown);
      }
    },
    stream: (next) =>
      async function* (requests, context) {
        try {
          yield* openAndRead(retry, next, requests, context);
        } catch (thrown) {
          throw forCaller(thrown);
        }
      },
  };
}

async function* openAndRead(
  retry: Retry,
  next: StreamCall,
  requests: AsyncIterable<unknown>,
  context: CallContext,
): AsyncGenerator<unknown, void, undefined> {
  const source = watched(requests);
  // A single request can be sent again; a stream of them only as long as none was taken from its source.
  const single = context.method.kind === 'server-stream';
  const call = { ...repeated(context), replayable: () => single || !source.touched };
  const opened = await retry.run(call, async (attempt) => {
    const messages = next(source, { ...context, attempt })[Symbol.asyncIterator]();
    return { messages, first: await messages.next() };
  });
  const { messages } = opened;
  try {
    for (let message = opened.first; message.done !== true; message = await messages.next()) {
      yield message.value;
    }
  } finally {
    await messages.return?.();
  }
}

function repeated({ method, deadline, signal }: CallContext): RepeatedCall {
  return { method, deadline, signal };
}

/** The requests, and whether anybody has begun to read them. */
function watched<T>(requests: AsyncIterable<T>): AsyncIterable<T> & { readonly touched: boolean } {
  let touched = false;
  return {
    [Symbol.asyncIterator]() {
      touched = true;
      return requests[Symbol.asyncIterator]();
    },
    get touched() {
      return touched;
    },
  };
}

/**
 * "No handler has seen this call" was meant for the retry. A caller that is a handler itself may pass the
 * error on, and its own caller would take it for a word about *that* call, and repeat what was half done.
 */
function forCaller(thrown: unknown): MeshError {
  const error = MeshError.from(thrown);
  if (!neverReached(error)) return error;
  const draining = error.reason === drainingReason;
  return new MeshError(error.rawMessage, {
    status: error.status,
    reason: draining ? 'ENDPOINT_DRAINING' : 'ENDPOINT_UNREACHED',
    details: error.details,
    cause: error,
  });
}
