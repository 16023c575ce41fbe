import type { EventEmitter } from 'node:events';
import { type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import Consul from 'consul';

/*
 * What npm's `consul` 2.0.1 (on `papi`) lacks is put on top of it, here and in exchange.ts:
 * - it knows no AbortSignal: a request is cancelled by an event of its `ctx`;
 * - its timeout is the wall's: ours is the Clock's;
 * - it waits for ever on a body that is cut off: it does not listen for errors of the response;
 * - it reads a body of any size;
 * - it cannot ask `?cached`;
 * - it has no words for config entries;
 * - results are `any`, and headers come only with `includeResponse`.
 * It does not follow redirects, and that is what we want (error.ts).
 */

/** What a request carries through the npm client; the event "cancel" ends it. */
export type Scope = EventEmitter & { readonly includeResponse: true; readonly cached: boolean };

export interface NpmClient {
  readonly consul: Consul;
  /** Closes its connections. */
  readonly close: () => void;
}

export interface NpmClientOptions {
  readonly address: URL;
  readonly token?: string | undefined;
  readonly datacenter?: string | undefined;
}

/** 5 000 instances of one service are about 7 MB of JSON. */
const largestBody = 16 * 1024 * 1024;

export function createNpmClient({ address, token, datacenter }: NpmClientOptions): NpmClient {
  const secure = address.protocol === 'https:';
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const consul = new Consul({
    host: address.hostname,
    port: Number(address.port) || (secure ? 443 : 80),
    secure,
    agent,
    defaults: { ...(token && { token }), ...(datacenter && { dc: datacenter }) },
  });
  extend(consul);
  return {
    consul,
    close: () => {
      agent.destroy();
    },
  };
}

/** What `consul` has from papi (its README: "client._ext", "client._request"), of which its types say nothing. */
interface Papi {
  readonly _defaults?: { readonly token?: string; readonly dc?: string };
  _ext(event: 'onRequest', extension: (request: PapiRequest, next: () => void) => void): void;
  _request(
    request: object,
    read: (request: PapiRequest, next: (stop: boolean, ...result: unknown[]) => void) => void,
  ): Promise<unknown>;
}

/** A request for which the npm client has no method. */
export interface RawRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Below /v1, as "/config/{kind}"; `params` are encoded into it. */
  readonly path: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: object;
}

/** Sends it; the result is that of any other call of the npm client. */
export function sendRaw(
  consul: Consul,
  { method, path, params = {}, body }: RawRequest,
  { ctx, token, ...query }: { readonly ctx: Scope; readonly token?: string } & object,
): Promise<unknown> {
  const papi = consul as unknown as Papi;
  const { dc, token: usual } = papi._defaults ?? {};
  const secret = token ?? usual;
  const request = {
    name: path,
    method,
    path,
    params,
    ctx,
    // Consul takes a flag for set whatever its value.
    query: { ...query, ...(dc && { dc }) },
    headers: secret === undefined ? {} : { 'x-consul-token': secret },
    ...(body && { body, type: 'json' }),
  };
  return papi._request(request, ({ err, res }, next) => {
    if (err) next(false, Object.assign(err, { response: res }));
    else next(false, undefined, [res, res?.body]);
  });
}

interface PapiRequest {
  readonly ctx?: Partial<Scope>;
  readonly err?: Error;
  readonly res?: { readonly body?: unknown };
  readonly req: { path: string };
  transport: { request(options: object): ClientRequest };
}

function extend(consul: Consul): void {
  (consul as unknown as Papi)._ext('onRequest', (request, next) => {
    if (request.ctx?.cached) request.req.path += '&cached';
    const { transport } = request;
    request.transport = { request: (options) => guardBody(transport.request(options)) };
    next();
  });
}

/** Makes a body that is cut off or too large an error of the request: that is what papi listens for. */
function guardBody(request: ClientRequest): ClientRequest {
  request.once('response', (response) => {
    const fail = (why: Error): void => {
      request.destroy();
      request.emit('error', why);
    };
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > largestBody) fail(new Error(`an answer of more than ${largestBody} bytes`));
    });
    response.once('error', fail);
  });
  return request;
}
