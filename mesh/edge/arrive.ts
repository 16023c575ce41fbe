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

/** What every request has; undefined for one that is none: without a path, or for two hosts at once. */
export function arrive(incoming: Incoming, { random, accepts }: Arrival): Arrived | undefined {
  const { headers, method = 'GET', socket } = incoming;
  const url = urlOf(incoming);
  if (url === undefined || hasTwoHosts(incoming)) return undefined;
  const parent = traceOf(headers);
  const given = single(headers['x-request-id']);
  return {
    method,
    url,
    headers,
    requestId: given !== undefined && goodId.test(given) ? given : random.hex(16),
    trace: childTrace(parent, random),
    parentSpanId: parent?.spanId,
    baggage: baggageOf(headers, accepts),
    peer: `${socket.remoteAddress ?? ''}:${String(socket.remotePort ?? '')}`,
  };
}

/** The same with who asks. */
export function known(request: Arrived, principal: Principal | undefined): EdgeRequest {
  return { ...request, principal };
}

/** Beyond the limit? Node counts the bytes of HTTP/1.1 itself, and of HTTP/2 the number of headers only. */
export function isOverlong({ rawHeaders, httpVersionMajor }: Incoming, most: number): boolean {
  if (httpVersionMajor < 2) return false;
  // RFC 9113, 6.5.2: each of them counts for 32 bytes beside its own.
  return rawHeaders.reduce((sum, text) => sum + text.length + 16, 0) > most;
}

/** RFC 9112, 3.2: a request with two hosts is read in two ways by two servers. */
function hasTwoHosts({ rawHeaders, httpVersionMajor }: Incoming): boolean {
  if (httpVersionMajor > 1) return false;
  return rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === 'host').length > 1;
}

function urlOf({ url = '/', headers }: Incoming): URL | undefined {
  const host = single(headers[':authority']) ?? headers.host ?? 'localhost';
  // RFC 9112, 3.2.2: what a client says to a proxy is understood here too.
  if (/^https?:\/\//i.test(url)) return URL.parse(url) ?? undefined;
  if (!url.startsWith('/')) return undefined;
  // A target of the form "//evil" would be read as a host.
  const path = url.replace(/^\/+/, '/');
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
