import type { CallContext, Layer, StreamLayer } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { remainingMs } from '../../kernel/deadline.ts';
import { MeshError } from '../../kernel/error.ts';
import { metadataBytes } from '../metadata.ts';
import { serverContext } from './call.ts';

/** A check that a call must pass before it costs anything; throws the refusal. */
type Refusal = (context: CallContext) => void;

interface Layers {
  readonly call: Layer;
  readonly stream: StreamLayer;
}

/** Refuses new calls once the server drains: they never reached a handler and are safe to send elsewhere. */
export function drainLayers(): Layers {
  return refusing((context) => {
    if (!serverContext(context).draining.aborted) return;
    const message = 'this instance is shutting down; call another one';
    throw new MeshError(message, { status: 'UNAVAILABLE', reason: 'DRAINING' });
  });
}

/** Refuses metadata above the limit; grpc-js has no option for it and takes 64 KiB. */
export function metadataLayers(maxBytes: number): Layers {
  return refusing((context) => {
    const bytes = metadataBytes(context.metadata);
    if (bytes <= maxBytes) return;
    throw new MeshError(
      `${String(bytes)} bytes of metadata, at most ${String(maxBytes)} are taken; move data into the request`,
      { status: 'RESOURCE_EXHAUSTED', reason: 'METADATA_TOO_LARGE' },
    );
  });
}

/** Refuses what has expired on its way: nobody waits for the answer. */
export function deadlineLayers(clock: Clock): Layers {
  return refusing((context) => {
    if (context.deadline === undefined || remainingMs(context.deadline, clock) > 0) return;
    const message = 'the deadline had passed when the call arrived';
    throw new MeshError(message, { status: 'DEADLINE_EXCEEDED', reason: 'EXPIRED_ON_ARRIVAL' });
  });
}

// A refusal is thrown and not rejected: the outward layer above awaits inside a try, and a promise less is
// a promise less on every call that passes.
function refusing(refuse: Refusal): Layers {
  return {
    call: (next) => (request, context) => {
      refuse(context);
      return next(request, context);
    },
    stream: (next) => (requests, context) => {
      refuse(context);
      return next(requests, context);
    },
  };
}
