import type { IncomingHttpHeaders } from 'node:http';
import type { Baggage } from '../kernel/baggage.ts';
import type { TraceContext } from '../kernel/context.ts';

/** Who asks, as the token says. */
export interface Principal {
  /** The claim "sub": the user. */
  readonly subject: string;
  /** The claim "iss". */
  readonly issuer: string | undefined;
  /** The words of the claim "scope". */
  readonly scopes: readonly string[];
  /** Everything that the token says. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** One request from outside, after the edge has looked at its origin, its token and its rate. */
export interface EdgeRequest {
  /** The verb, as "GET". */
  readonly method: string;
  /** Path and query are the caller's; the host is what its Host header says. */
  readonly url: URL;
  /** By lower-case name. */
  readonly headers: IncomingHttpHeaders;
  /** X-Request-Id of the caller, or one that the edge made; it is in the answer and in the log. */
  readonly requestId: string;
  /** The span of this request: a child of the caller's traceparent, if it sent one. */
  readonly trace: TraceContext;
  /** The caller's own span, if it sent one. */
  readonly parentSpanId?: string | undefined;
  /** Of what the caller's baggage says, the members that the edge accepts (`EdgeOptions.baggage`). */
  readonly baggage?: Baggage | undefined;
  /** Who is connected: "127.0.0.1:51234". */
  readonly peer: string;
  /** Undefined where tokens are not asked for, or anonymous callers are let in. */
  readonly principal: Principal | undefined;
}
