import type { IncomingHttpHeaders } from 'node:http';
import { type Baggage, parseBaggage, pickBaggage } from '../kernel/baggage.ts';
import { childTrace, parseTraceparent, type TraceContext } from '../kernel/context.ts';
import type { Random } from '../kernel/random.ts';
import type { EdgeRequest, Principal } from './edge-request.ts';
import type { Incoming } from './incoming.ts';

/** What a caller may choose as the id of its request: safe in a log, in a header and in a file name. */
const goodId = /^[A-Za-z0-9._:-]{1,128}$/;

/** A request as it arrives, before anything is known of who asks. */
export type Arrived = Omit<EdgeRequest, 'principal'>;

/** What a request is read with. */
export interface Arrival {
  readonly random: Random;
  /** The keys of baggage that are taken from outside. */
  readonly accepts: ReadonlySet<string>;
}

/** What every request has; the url is undefined for a target that is none. */
export function arrive(incoming: Incoming, { random, accepts }: Arrival): Arrived | undefined {
  const { headers, method = 'GET', socket } = incoming;
  const url = urlOf(incoming);
  if (url === undefined) return undefined;
  const given = single(headers['x-request-id']);
  return {
    method,
    url,
    headers,
    requestId: given !== undefined && goodId.test(given) ? given : random.hex(16),
    trace: childTrace(traceOf(headers), random),
    baggage: baggageOf(headers, accepts),
    peer: `${socket.remoteAddress ?? ''}:${String(socket.remotePort ?? '')}`,
  };
}

/** The same with who asks. */
export function known(request: Arrived, principal: Principal | undefined): EdgeRequest {
  return { ...request, principal };
}

function urlOf({ url = '/', headers }: Incoming): URL | undefined {
  const host = single(headers[':authority']) ?? headers.host ?? 'localhost';
  // A target of the form "//evil" would be read as a host.
  const path = url.startsWith('/') ? url.replace(/^\/+/, '/') : '/';
  return URL.parse(`http://${host}${path}`) ?? URL.parse(`http://localhost${path}`) ?? undefined;
}

/** The caller's place in a trace, if it sent one. */
export function traceOf(headers: IncomingHttpHeaders): TraceContext | undefined {
  return parseTraceparent(single(headers['traceparent']), all(headers['tracestate']));
}

function baggageOf(
  headers: IncomingHttpHeaders,
  accepts: ReadonlySet<string>,
): Baggage | undefined {
  const said = all(headers['baggage']);
  if (said === undefined || accepts.size === 0) return undefined;
  return pickBaggage(parseBaggage(said), accepts);
}

/** Of a header that is a list: its lines are one (RFC 9110, 5.3). */
function all(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(',') : value;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
