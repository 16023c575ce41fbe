import { status as codes } from '@grpc/grpc-js';
import { MeshError } from '../../kernel/error.ts';
import { onAbort } from '../signals.ts';
import type { CallFacts } from '../status.ts';
import type { AttemptContext, Method } from '../transport.ts';
import { abortedError, wireError } from './outcome.ts';
import { createReader, endOfStream } from './reader.ts';
import { createSender } from './sender.ts';
import { decode, encode, prepare, tell, type Wire } from './wire.ts';

/** One attempt of a streaming call over a channel that is connected. */
export async function* streamCall<Req, Res>(
  wire: Wire,
  method: Method<Req, Res>,
  requests: AsyncIterable<Req>,
  { context, facts }: { readonly context: AttemptContext; readonly facts: CallFacts },
): AsyncGenerator<Res, void, undefined> {
  const { call, metadata } = prepare(wire, method, context);
  const reader = createReader<Res>(() => call.startRead());
  /** Ends the call from this side, at once and for a reason that the status of grpc-js does not tell. */
  const end = (error: MeshError | undefined): void => {
    if (error === undefined || reader.ended) return;
    reader.fail(error);
    cancel(error.rawMessage);
  };
  const cancel = (why: string): void => {
    sender.giveUp(() => call.cancelWithStatus(codes.CANCELLED, why));
  };
  const sender = createSender({
    call,
    clock: wire.clock,
    streaming: method.kind === 'client-stream' || method.kind === 'bidi',
    requests,
    encode: (request) => encode(method.requestType, request, facts, wire),
    fail: end,
  });
  const forget = onAbort(context.signal, () => end(abortedError(facts, context)));

  call.start(metadata, {
    onReceiveMetadata(header) {
      end(tell(context.onHeader, header));
    },
    onReceiveMessage(received: Buffer) {
      try {
        reader.push(decode(method.responseType, received, facts));
      } catch (thrown) {
        end(MeshError.from(thrown));
      }
    },
    onReceiveStatus(status) {
      // Ended from this side already, for a reason that is better than CANCELLED.
      if (reader.ended) return;
      const at = { peer: call.getPeer(), target: wire.channel.getTarget() };
      const thrown = tell(context.onTrailer, status.metadata);
      sender.stop();
      reader.end(status.code === codes.OK ? thrown : wireError(status, facts, at));
    },
  });
  sender.start();

  try {
    for (;;) {
      const message = await reader.next();
      if (message === endOfStream) return;
      yield message;
    }
  } finally {
    forget();
    // Left early: by `break`, or by an error of whoever reads.
    if (!reader.ended) {
      reader.end();
      cancel('the reader left');
    }
  }
}
