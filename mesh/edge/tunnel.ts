import { type DescMethod, type JsonValue, toBinary } from '@bufbuild/protobuf';
import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Image } from '../schema/image.ts';
import { metadataOf, withPatience } from './call-options.ts';
import type { Caller } from './caller.ts';
import type { EdgeRequest } from './edge-request.ts';
import { statusJson } from './error-body.ts';
import type { Exchange } from './exchange.ts';
import type { Protocol } from './protocol.ts';
import { answerJson } from './rest/answer-json.ts';
import { isObject, readJson } from './rest/read-json.ts';
import { readMessages } from './rest/request-body.ts';

/** Where the tunnel ends. */
const path = '/rpc';

export interface TunnelOptions {
  readonly image: Image;
  /** The methods that may be called from outside, by "package.Service/Method". */
  readonly methods: ReadonlyMap<string, DescMethod>;
  readonly caller: Caller;
  readonly clock: Clock;
}

/**
 * Level 0 of REST's maturity: one address, one verb, and HTTP as nothing but a tunnel. `{ method, request }`
 * goes in, `{ response }` or `{ error }` comes out, always with 200. It is here to be compared with, and for
 * clients that can do nothing else.
 */
export function createTunnel(options: TunnelOptions): Protocol {
  return (request, exchange) => {
    if (request.url.pathname !== path || request.method !== 'POST') return undefined;
    exchange.routed(path);
    return withPatience(request, options.clock, () => serve(request, exchange, options));
  };
}

async function serve(
  request: EdgeRequest,
  exchange: Exchange,
  options: TunnelOptions,
): Promise<void> {
  const said = await answer(request, exchange, options).catch((thrown: unknown) => ({
    error: statusJson(MeshError.from(thrown)),
  }));
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  exchange.reply(200, headers, JSON.stringify(said));
}

async function answer(
  request: EdgeRequest,
  exchange: Exchange,
  { image, methods, caller }: TunnelOptions,
): Promise<{ response: JsonValue }> {
  const [asked = null] = readMessages(await exchange.body(), request.headers, false);
  const { method: name, request: json = {} } = isObject(asked) ? asked : {};
  const method = typeof name === 'string' ? methods.get(name) : undefined;
  if (method?.methodKind !== 'unary') {
    throw MeshError.invalid('the request cannot be understood', [
      { field: 'method', description: 'name a unary method as package.Service/Method' },
    ]);
  }
  const bytes = toBinary(method.input, readJson(image, method.input, json));
  const response = await caller.unary(method, [bytes], { metadata: metadataOf(request) });
  return { response: answerJson(image, { method, responseBody: undefined }, response).json };
}
