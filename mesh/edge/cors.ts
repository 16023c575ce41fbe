import type { Arrived } from './arrive.ts';
import type { Exchange } from './exchange.ts';
import type { AllowsOrigin } from './origins.ts';

/** What pages may read of an answer beside what every answer lets them read. */
const exposed = [
  'x-request-id',
  'retry-after',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'idempotent-replayed',
  'grpc-status',
  'grpc-message',
  'grpc-status-details-bin',
  'location',
  'allow',
  'www-authenticate',
].join(', ');

/** How long a browser may remember what it was allowed, in s. Chromium takes no more than two hours. */
const preflightS = 7200;

/** Says to the browser that its page may read the answer. */
export function addCors(request: Arrived, exchange: Exchange, allows: AllowsOrigin): void {
  const { origin } = request.headers;
  exchange.header('vary', 'origin');
  if (origin === undefined || !allows(origin)) return;
  exchange.header('access-control-allow-origin', origin);
  exchange.header('access-control-expose-headers', exposed);
}

/** Answers the question that browsers ask before an unusual request; false if it is none. */
export function answerPreflight({ method, headers }: Arrived, exchange: Exchange): boolean {
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false;
  exchange.reply(204, {
    // A cache between must not give one page's permission to another.
    vary: 'origin, access-control-request-method, access-control-request-headers',
    'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
    // What the page asks for: headers are not what protects here, the list of origins is.
    'access-control-allow-headers': headers['access-control-request-headers'] ?? '',
    'access-control-max-age': String(preflightS),
  });
  return true;
}
