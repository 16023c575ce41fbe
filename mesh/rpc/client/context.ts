import type { CallContext } from '../../kernel/call.ts';
import { type Context, childTrace } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Random } from '../../kernel/random.ts';
import type { AttemptContext, Method } from '../transport.ts';
import type { CallOptions } from './stub.ts';

/** What the layers of the client stack know beyond what a transport does. */
export interface ClientContext extends AttemptContext {
  readonly method: Method;
  /** What the caller inherits from the call or event that it serves. */
  readonly parent: Context;
  /** The caller's own bound. */
  readonly timeoutMs: number | undefined;
  /** What has become of the call so far; one object for all its attempts. */
  readonly report: Report;
  /** Streams: ends the call from within, with `reason` for its reader. */
  readonly cancel?: ((reason: MeshError) => void) | undefined;
}

export interface Report {
  /** Attempts begun; 0 for a call that was refused. */
  attempts: number;
  /** "host:port" of the last attempt; empty before the first. */
  peer: string;
  /** instanceIds that failed this call, so that the next attempt goes elsewhere. */
  readonly failed: Set<string>;
}

/** How a call may be ended before its time. */
export interface Ending {
  readonly signal: AbortSignal | undefined;
  readonly cancel?: (reason: MeshError) => void;
}

/** The context of a call that begins now, under `parent`. */
export function beginCall(
  method: Method,
  { signal, cancel }: Ending,
  { parent, options, random }: { parent: Context; options: CallOptions; random: Random },
): ClientContext {
  return {
    method,
    parent,
    metadata: options.metadata ?? {},
    trace: childTrace(parent.trace, random),
    attempt: 1,
    timeoutMs: options.timeoutMs,
    onHeader: options.onHeader,
    onTrailer: options.onTrailer,
    report: { attempts: 0, peer: '', failed: new Set() },
    cancel,
    ...(signal && { signal }),
  };
}

/** The context that `beginCall` made: layers may add to it, and pass it on with all it had. */
export function clientContext(context: CallContext): ClientContext {
  if (isClientContext(context)) return context;
  throw new MeshError('a layer of the client stack lost the context of the call; pass it on', {
    status: 'INTERNAL',
    reason: 'CONTEXT_REPLACED',
  });
}

/** "shop.orders.v1.OrdersService/PlaceOrder", for messages and spans. */
export function nameOf({ method }: CallContext): string {
  return `${method.service}/${method.name}`;
}

function isClientContext(context: CallContext): context is ClientContext {
  return 'report' in context;
}
