import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  ServerDuplexStream,
  ServerReadableStream,
  ServerWritableStream,
  StatusObject,
  sendUnaryData,
} from '@grpc/grpc-js';
import type { MethodInfo, StreamCall } from '../../kernel/call.ts';
import { MeshError } from '../../kernel/error.ts';
import { toStatus } from '../status.ts';
import { type CallEnvironment, closeStream, openStream, type StreamContext } from './call.ts';
import { interruptible } from './interruptible.ts';

/**
 * grpc-js's three shapes of streaming handlers over the server stack. grpc-js hands out and takes bytes here:
 * coding is a layer of the stack (codec.ts).
 */

export function serveClientStream(
  stack: StreamCall,
  method: MethodInfo,
  environment: CallEnvironment,
): handleClientStreamingCall<Buffer, Buffer> {
  return (call, callback) => {
    const context = openStream(call, method, environment);
    const reply = replyOnce(context, environment, callback);
    only(stack(requestsOf(call, context, environment), context)).then(reply.succeed, reply.fail);
  };
}

export function serveServerStream(
  stack: StreamCall,
  method: MethodInfo,
  environment: CallEnvironment,
): handleServerStreamingCall<Buffer, Buffer> {
  return (call) => {
    const context = openStream(call, method, environment);
    void pump(stack(single(call.request), context), call, context).finally(() => {
      closeStream(context, environment);
    });
  };
}

export function serveBidi(
  stack: StreamCall,
  method: MethodInfo,
  environment: CallEnvironment,
): handleBidiStreamingCall<Buffer, Buffer> {
  return (call) => {
    const context = openStream(call, method, environment);
    void pump(stack(requestsOf(call, context, environment), context), call, context).finally(() => {
      closeStream(context, environment);
    });
  };
}

interface Reply {
  succeed(response: unknown): void;
  fail(thrown: unknown): void;
}

/** The one answer of a call; whatever comes after the first is dropped. */
function replyOnce(
  context: StreamContext,
  environment: CallEnvironment,
  callback: sendUnaryData<Buffer>,
): Reply {
  let replied = false;
  function reply(answer: () => void): void {
    if (replied) return;
    replied = true;
    context.sendHeaders();
    answer();
    closeStream(context, environment);
  }
  return {
    succeed: (response) => {
      reply(() => {
        if (Buffer.isBuffer(response)) callback(null, response, context.trailers());
        else callback(failureOf(noBytes(response), context));
      });
    },
    fail: (thrown) => {
      reply(() => {
        callback(failureOf(thrown, context));
      });
    },
  };
}

function failureOf(thrown: unknown, context: StreamContext): StatusObject {
  const status = toStatus(MeshError.from(thrown));
  status.metadata.merge(context.trailers());
  return status;
}

/** Writes what the handler yields, as fast as the client reads; then the status. Never rejects. */
async function pump(
  output: AsyncIterable<unknown>,
  call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  context: StreamContext,
): Promise<void> {
  try {
    for await (const bytes of output) {
      context.sendHeaders();
      // A client that goes away while it is full never drains: grpc-js drops the callback.
      if (!Buffer.isBuffer(bytes)) throw noBytes(bytes);
      if (!call.write(bytes)) await context.scope.race(drained(call));
    }
    context.sendHeaders();
    call.end(context.trailers());
  } catch (thrown) {
    if (call.cancelled) return;
    context.sendHeaders();
    call.emit('error', failureOf(thrown, context));
  }
}

function drained(call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>) {
  return new Promise<void>((resolve) => {
    call.once('drain', resolve);
  });
}

/** The requests of a stream; throws the reason of the scope when the caller goes away. */
async function* requestsOf(
  call: ServerReadableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>,
  { scope }: StreamContext,
  { clock, resetGraceMs }: CallEnvironment,
): AsyncGenerator {
  // A handler that stops reading may still have something to say; by default Node would destroy the stream.
  const messages: AsyncIterable<unknown> = {
    [Symbol.asyncIterator]: () => call.iterator({ destroyOnReturn: false }),
  };
  yield* interruptible(messages, scope);
  // A stream that was cut off looks complete until the reset is seen: Node's client puts END_STREAM in front
  // of it, Node's server reports the end of a reset stream like any other. weft's own clients say so
  // (cut-off.ts); for others the end is believed only after a moment without a reset.
  await clock.sleep(resetGraceMs, scope.signal);
}

function noBytes(received: unknown): MeshError {
  const message = `the codec gave ${typeof received} in place of bytes; a layer above it replaced the response`;
  return new MeshError(message, { status: 'INTERNAL', reason: 'NOT_ENCODED' });
}

async function* single(request: unknown): AsyncGenerator {
  yield request;
}

async function only(output: AsyncIterable<unknown>): Promise<unknown> {
  let last: unknown;
  for await (const each of output) last = each;
  return last;
}
