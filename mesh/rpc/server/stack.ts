import { compose, type MethodInfo, type StreamCall, type StreamLayer } from '../../kernel/call.ts';
import type { Log } from '../../kernel/log.ts';
import type { MessageCheck } from '../../schema/validate.ts';
import { type Codec, codecLayer } from './codec.ts';
import { type AnyHandler, handlerStream } from './handler.ts';
import { type Observer, type ObserverParts, observeLayer } from './observe.ts';
import { createOutward, type Outward, outwardLayer } from './outward.ts';
import {
  type Refusal,
  refusalLayer,
  refuseExpired,
  refuseMetadataAbove,
  refuseWhileDraining,
} from './refusals.ts';
import { validate, validationLayer } from './validation.ts';

/**
 * What every call to a server goes through, outermost first: spans and metrics, outward, the refusals, codec,
 * validation, handler. Streams run through a list of layers; unary calls, which are a hundred times more
 * frequent and dearest where they are shortest, through the same steps fused into one function
 * (unary-call.ts). The steps themselves are written once, for both, and both orders stand here.
 */
export interface StackParts extends Pick<ObserverParts, 'clock'> {
  readonly observer: Observer;
  readonly log: Log;
  readonly maxMetadataBytes: number;
  readonly codec: Codec;
  /** Absent if the request has no rules: then there is no layer either. */
  readonly check: MessageCheck | undefined;
  /** True for the services that must answer until the end: health. */
  readonly answersWhileDraining: boolean;
}

function refusals({ maxMetadataBytes, answersWhileDraining }: StackParts): Refusal[] {
  return [
    // First of the refusals: a server that goes away spends nothing more.
    ...(answersWhileDraining ? [] : [refuseWhileDraining]),
    // Before anything reads the metadata.
    refuseMetadataAbove(maxMetadataBytes),
    // Before the message is decoded: most of a call's cost is below this line.
    refuseExpired,
  ];
}

function layers(parts: StackParts): StreamLayer[] {
  const { log, codec, check } = parts;
  return [
    // Outermost, so that refused and malformed calls are seen too.
    observeLayer(parts.observer),
    // Below the span, which records the status that goes outward; above all that throws.
    outwardLayer(createOutward(log)),
    ...refusals(parts).map(refusalLayer),
    // Bytes above, messages below.
    codecLayer(codec),
    // Innermost: needs the message, and handlers rely on it.
    ...(check === undefined ? [] : [validationLayer(check)]),
  ];
}

/** The whole way of a stream, from the requests' bytes to the responses'. */
export function streamStack(
  kind: Exclude<MethodInfo['kind'], 'unary'>,
  handler: AnyHandler,
  parts: StackParts,
): StreamCall {
  return compose(layers(parts), handlerStream(kind, handler));
}

/** The steps of a unary call, in the order of `layers`; UnaryCall takes them one after another. */
export interface UnaryStack {
  readonly observer: Observer;
  readonly outward: Outward;
  readonly refusals: readonly Refusal[];
  /** The request of these bytes, decoded and valid. */
  readonly receive: Codec['decode'];
  /** Run in the context that its own calls inherit. */
  readonly handler: AnyHandler;
  readonly codec: Codec;
}

export function unaryStack(handler: AnyHandler, parts: StackParts): UnaryStack {
  const { log, codec, check } = parts;
  return {
    observer: parts.observer,
    outward: createOutward(log),
    refusals: refusals(parts),
    receive:
      check === undefined
        ? codec.decode
        : (bytes, start, end) => {
            const message = codec.decode(bytes, start, end);
            validate(check, message);
            return message;
          },
    handler,
    codec,
  };
}
