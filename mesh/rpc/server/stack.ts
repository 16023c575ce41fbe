import type { StreamLayer } from '../../kernel/call.ts';
import {
  type Call,
  compose,
  type Layer,
  type MethodInfo,
  type StreamCall,
} from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import type { MessageCheck } from '../../schema/validate.ts';
import type { SpanSink } from '../../telemetry/spans.ts';
import { type Codec, codecLayers } from './codec.ts';
import { type AnyHandler, handlerCall, handlerStream } from './handler.ts';
import { outwardLayers } from './outward.ts';
import { deadlineLayers, drainLayers, metadataLayers } from './refusals.ts';
import { serverSpans } from './span.ts';
import { validationLayers } from './validation.ts';

export interface StackParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly spans: SpanSink;
  readonly maxMetadataBytes: number;
  readonly codec: Codec;
  /** Absent if the request has no rules: then there is no layer either. */
  readonly check: MessageCheck | undefined;
  /** True for the services that must answer until the end: health. */
  readonly answersWhileDraining: boolean;
}

/** What every call to a server goes through, outermost first. */
function layers(parts: StackParts): { call: Layer; stream: StreamLayer }[] {
  return [
    // Outermost, so that refused and malformed calls are seen too.
    serverSpans(parts),
    // Below the span, which records the status that goes outward; above all that throws.
    outwardLayers(parts.log),
    // First of the refusals: a server that goes away spends nothing more.
    ...(parts.answersWhileDraining ? [] : [drainLayers()]),
    // Before anything reads the metadata.
    metadataLayers(parts.maxMetadataBytes),
    // Before the message is decoded: most of a call's cost is below this line.
    deadlineLayers(parts.clock),
    // Bytes above, messages below.
    codecLayers(parts.codec),
    // Innermost: needs the message, and handlers rely on it.
    ...(parts.check === undefined ? [] : [validationLayers(parts.check)]),
  ];
}

/** The whole way of a unary call, from the request's bytes to the response's. */
export function unaryStack(handler: AnyHandler, parts: StackParts): Call {
  return compose(
    layers(parts).map((layer) => layer.call),
    handlerCall(handler),
  );
}

/** The same for the three streaming kinds. */
export function streamStack(
  kind: Exclude<MethodInfo['kind'], 'unary'>,
  handler: AnyHandler,
  parts: StackParts,
): StreamCall {
  return compose(
    layers(parts).map((layer) => layer.stream),
    handlerStream(kind, handler),
  );
}
