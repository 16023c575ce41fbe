import type { Log } from '../../kernel/log.ts';
import type { MessageCheck } from '../../schema/validate.ts';
import type { Authorize } from '../mtls/authorize.ts';
import type { Codec } from './codec.ts';
import type { AnyHandler } from './handler.ts';
import type { Observer } from './observe.ts';
import { createOutward, type Outward } from './outward.ts';
import {
  type Refusal,
  refuseExpired,
  refuseMetadataAbove,
  refuseWhileDraining,
} from './refusals.ts';
import { validate } from './validation.ts';

/** What the stack of a method is put together from. */
export interface StackParts {
  readonly observer: Observer;
  readonly log: Log;
  readonly maxMetadataBytes: number;
  /** Who may call; absent without an identity, and for health. */
  readonly authorize: Authorize | undefined;
  readonly codec: Codec;
  /** Absent if the request has no rules: then there is no step either. */
  readonly check: MessageCheck | undefined;
  /** True for the services that must answer until the end: health. */
  readonly answersWhileDraining: boolean;
}

/**
 * What every call to a server goes through, in this order, outermost first. The steps are fused into the two
 * classes that take them one after another (unary-call.ts, stream-call.ts), because layers of promises or async
 * generators cost more than all that the steps do; steps and order are the same for both, and stand here.
 */
export interface Stack {
  /** Outermost, so that refused and malformed calls are seen too. */
  readonly observer: Observer;
  /** Below the span, which records the status that goes outward; above all that throws. */
  readonly outward: Outward;
  readonly refusals: readonly Refusal[];
  /** The request of these bytes, decoded and valid: handlers rely on it. Each one of a stream. */
  readonly receive: Codec['decode'];
  /** Run in the context that its own calls inherit. */
  readonly handler: AnyHandler;
  /** Messages above, bytes below. */
  readonly codec: Codec;
}

export function serverStack(handler: AnyHandler, parts: StackParts): Stack {
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

function refusals(parts: StackParts): Refusal[] {
  const { maxMetadataBytes, answersWhileDraining, authorize } = parts;
  return [
    // First of the refusals: a server that goes away spends nothing more.
    ...(answersWhileDraining ? [] : [refuseWhileDraining]),
    // Who is nobody here learns nothing else, not even that their metadata is too large.
    ...(authorize === undefined ? [] : [authorize]),
    // Before anything reads the metadata.
    refuseMetadataAbove(maxMetadataBytes),
    // Before the message is decoded: most of a call's cost is below this line.
    refuseExpired,
  ];
}
