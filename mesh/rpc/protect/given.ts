import { type CallOptions, Metadata, type ServiceError } from '@grpc/grpc-js';
import { formatBaggage } from '../../kernel/baggage.ts';
import type { CallContext, MethodInfo } from '../../kernel/call.ts';
import { formatTraceparent } from '../../kernel/context.ts';

/** How a generated client tells the one answer of a call. */
export type Callback = (error: ServiceError | null, response?: unknown) => void;

/** A method of a generated client, whose overloads are gone at run time. */
export type GeneratedMethod = (...args: readonly unknown[]) => unknown;

/** What a call of a generated method was given, whichever of its overloads was meant. */
export interface Given {
  /** The request, for methods that take one; else empty. */
  readonly request: readonly unknown[];
  readonly metadata: Metadata;
  readonly options: Partial<CallOptions>;
  /** Absent for methods that give a stream. */
  readonly callback?: Callback | undefined;
}

/** Sorts the arguments as grpc-js does: by what they are, for all but the request may be left out. */
export function givenBy(method: MethodInfo, args: readonly unknown[]): Given {
  const requests = method.kind === 'client-stream' || method.kind === 'bidi' ? 0 : 1;
  const rest = args.slice(requests);
  return {
    request: args.slice(0, requests),
    metadata: rest.find((each) => each instanceof Metadata) ?? new Metadata(),
    options: rest.find(isOptions) ?? {},
    callback: rest.find((each): each is Callback => typeof each === 'function'),
  };
}

/** The arguments again, in full. */
export function argumentsOf({ request, metadata, options, callback }: Given): unknown[] {
  return [...request, metadata, options, ...(callback === undefined ? [] : [callback])];
}

/** Writes what the context carries. Baggage that the caller wrote himself stays where the context has none. */
export function carry({ trace, baggage }: CallContext, into: Metadata): void {
  into.set('traceparent', formatTraceparent(trace));
  // One that was noted on another trace says nothing of this one.
  into.remove('tracestate');
  if (trace.state !== undefined) into.set('tracestate', trace.state);
  const carried = baggage && formatBaggage(baggage);
  if (carried !== undefined) into.set('baggage', carried);
}

function isOptions(given: unknown): given is Partial<CallOptions> {
  return typeof given === 'object' && given !== null && !(given instanceof Metadata);
}
