import { status as codes, type StatusObject } from '@grpc/grpc-js';
import { MeshError } from '../../kernel/error.ts';
import { onAbort } from '../signals.ts';
import type { CallFacts } from '../status.ts';
import type { AttemptContext, Method } from '../transport.ts';
import { abortedError, localError, wireError } from './outcome.ts';
import { decode, encode, prepare, tell, type Wire } from './wire.ts';

/** One unary attempt over a channel that is connected. */
export function unaryCall<Req, Res>(
  wire: Wire,
  method: Method<Req, Res>,
  request: Req,
  { context, facts }: { readonly context: AttemptContext; readonly facts: CallFacts },
): Promise<Res> {
  // Both may throw for what the caller gave, and must do so before there is a call to clean up.
  const bytes = encode(method.requestType, request, facts, wire);
  const { call, metadata } = prepare(wire, method, context);

  return new Promise((resolve, reject) => {
    let response: { readonly message: Res } | undefined;
    /** Why this side ended the call; more exact than the status that grpc-js then reports. */
    let failure: MeshError | undefined;

    const end = (error: MeshError | undefined): void => {
      if (error === undefined) return;
      failure ??= error;
      call.cancelWithStatus(codes.CANCELLED, error.rawMessage);
    };
    const forget = onAbort(context.signal, () => {
      end(abortedError(facts, context));
    });
    const errorOf = (status: StatusObject): MeshError | undefined => {
      if (failure !== undefined) return failure;
      if (status.code === codes.OK) return response === undefined ? noMessage(facts) : undefined;
      const target = wire.channel.getTarget();
      return wireError(status, facts, { peer: call.getPeer(), target });
    };

    call.start(metadata, {
      onReceiveMetadata(header) {
        end(tell(context.onHeader, header));
      },
      onReceiveMessage(received: Buffer) {
        try {
          if (response !== undefined) throw tooMany(facts);
          response = { message: decode(method.responseType, received, facts) };
          // Without a second read a second response would be neither seen nor skipped: the call would
          // hang until its deadline, as it does with a generated stub.
          call.startRead();
        } catch (thrown) {
          end(MeshError.from(thrown));
        }
      },
      onReceiveStatus(status) {
        forget();
        const thrown = tell(context.onTrailer, status.metadata);
        const error = errorOf(status) ?? thrown;
        if (error !== undefined) reject(error);
        else if (response !== undefined) resolve(response.message);
      },
    });
    call.startRead();
    call.sendMessageWithContext({}, bytes);
    call.halfClose();
  });
}

function noMessage(facts: CallFacts): MeshError {
  const why = 'the server ended the call with OK and no response';
  return localError(facts, why, { status: 'INTERNAL', reason: 'NO_RESPONSE' });
}

function tooMany(facts: CallFacts): MeshError {
  const why = 'the server sent more than one response';
  return localError(facts, why, { status: 'INTERNAL', reason: 'TOO_MANY_RESPONSES' });
}
