import { systemClock } from '../kernel/clock.ts';
import { currentContext, runInContext } from '../kernel/context.ts';
import { MeshError } from '../kernel/error.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { createHttpMeter } from '../telemetry/http-metrics.ts';
import { type Admission, createAdmission } from './admission.ts';
import { type Arrived, arrive, isOverlong, known } from './arrive.ts';
import { createAuthenticate } from './authenticate.ts';
import { addCors, answerPreflight } from './cors.ts';
import { errorAnswer } from './error-body.ts';
import { createExchange, type Exchange } from './exchange.ts';
import { formOf, refuseGrpcWeb } from './grpc-web/grpc-web.ts';
import { defaultLimits } from './limits.ts';
import { createListener } from './listener.ts';
import { type ObserveRequest, observeRequests } from './observe.ts';
import type { EdgeOptions } from './options.ts';
import { type AllowsOrigin, createOrigins } from './origins.ts';
import type { Protocol } from './protocol.ts';
import { createRateLimit, rateHeaders } from './rate-limit.ts';
import { protocolsFor } from './show.ts';
import { bearerOf } from './token.ts';
import { createUpgrades } from './upgrades.ts';

/** Where the mesh meets the world: HTTP in, calls of the mesh out. */
export interface Edge extends Closeable {
  /** Listens. Gives what discovery is to know: where from outside it is reached. */
  start(): Promise<Readonly<Record<string, string>>>;
  /** "https://127.0.0.1:7443"; empty before `start`. */
  readonly address: string;
  /** Takes no new connection, lets requests finish and upgraded connections say goodbye, within `drainMs`. */
  close(): Promise<void>;
}

/** The key of an instance's metadata in discovery under which its edge is found. */
export const edgeKey = 'weft-edge';

/**
 * Makes an edge; it listens from `start` on. Throws INVALID_ARGUMENT for keys or certificates that cannot be
 * used.
 */
export function createEdge(options: EdgeOptions): Edge {
  const { clock = systemClock, random = systemRandom, log = silentLog } = options;
  const { host = '127.0.0.1', port = 0, tls, upgrades = [] } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const allowsOrigin = createOrigins(options.origins ?? []);
  const admission = createAdmission({
    allowsOrigin,
    authenticate: createAuthenticate(options.tokens, clock),
    rateLimit: options.rate && createRateLimit(options.rate, clock),
  });
  const reading = { random, accepts: new Set(options.baggage) };
  const meter = options.metrics && createHttpMeter(options.metrics);
  const leaving = createUpgrades({ upgrades, admission, reading, meter });
  const tokens = asksFor(options.tokens);
  const protocols = [
    ...(options.protocols ?? []),
    ...(options.show === undefined ? [] : protocolsFor(options.show, { clock, tokens })),
  ];
  const observe = observeRequests({ spans: options.spans, meter, clock });
  const desk = { admission, allowsOrigin, protocols, observe, log };
  let address = '';
  const listener = createListener({
    ...{ host, port, tls, limits, clock },
    onRequest(incoming, outgoing) {
      const exchange = createExchange(incoming, outgoing, { ...limits, clock });
      const request = arrive(incoming, reading);
      if (isOverlong(incoming, limits.headerBytes)) exchange.reply(431, {});
      else if (request === undefined) exchange.reply(400, {});
      else void serve(request, exchange, desk);
    },
    onUpgrade: leaving.take,
  });
  return {
    get address() {
      return address;
    },
    async start() {
      const at = await listener.start();
      address = `${tls === undefined ? 'http' : 'https'}://${at.host}:${String(at.port)}`;
      log.info('the edge is open', { address });
      return { [edgeKey]: address };
    },
    async close() {
      const gone = listener.close();
      await Promise.race([leaving.drain(), gone]);
      await gone;
    },
  };
}

function asksFor(tokens: EdgeOptions['tokens']): 'none' | 'optional' | 'required' {
  if (tokens === undefined) return 'none';
  return tokens.anonymous === true ? 'optional' : 'required';
}

interface Desk {
  readonly admission: Admission;
  readonly allowsOrigin: AllowsOrigin;
  readonly protocols: readonly Protocol[];
  readonly observe: ObserveRequest;
  readonly log: Log;
}

/** One request from beginning to end; never throws. */
async function serve(request: Arrived, exchange: Exchange, desk: Desk): Promise<void> {
  exchange.header('x-request-id', request.requestId);
  addCors(request, exchange, desk.allowsOrigin);
  const ended = desk.observe(request, exchange);
  try {
    if (answerPreflight(request, exchange)) {
      ended();
      return;
    }
    const { principal, rate } = await desk.admission.admit(request, bearerOf(request.headers));
    if (rate !== undefined) {
      for (const [name, value] of Object.entries(rateHeaders(rate))) exchange.header(name, value);
    }
    const { trace, baggage } = request;
    const context = { ...currentContext(), trace, baggage, signal: exchange.signal };
    await runInContext(context, () => answer(known(request, principal), exchange, desk.protocols));
    ended();
  } catch (thrown) {
    await fail(thrown, request, exchange, desk.log).catch(() => undefined);
    // Behind it: the code of the answer is known now.
    ended(thrown);
  }
}

async function answer(
  request: ReturnType<typeof known>,
  exchange: Exchange,
  protocols: readonly Protocol[],
): Promise<void> {
  for (const protocol of protocols) {
    const answering = protocol(request, exchange);
    if (answering !== undefined) return answering;
  }
  throw new MeshError(`there is no ${request.method} ${request.url.pathname}`, {
    ...{ status: 'NOT_FOUND', reason: 'NO_ROUTE' },
  });
}

async function fail(
  thrown: unknown,
  request: Arrived,
  exchange: Exchange,
  log: Log,
): Promise<void> {
  const { requestId, method, url } = request;
  const facts = { requestId, method, path: url.pathname };
  // A fault of the edge itself: its words are for the log, the id of the request is for the caller.
  const error =
    thrown instanceof MeshError
      ? thrown
      : new MeshError(`the edge failed; request ${requestId} in its log says why`, {
          status: 'INTERNAL',
          reason: 'EDGE_FAILED',
        });
  if (error !== thrown) log.error('a request failed at the edge', { ...facts, err: thrown });
  else log.debug('a request was refused', { ...facts, status: error.status, reason: error.reason });
  if (exchange.signal.aborted) return;
  if (exchange.begun) {
    exchange.end();
    return;
  }
  if (formOf(request.headers) !== undefined) {
    await refuseGrpcWeb(error, request.headers, exchange);
    return;
  }
  const { status, headers, body } = errorAnswer(error);
  exchange.reply(status, headers, body);
}
