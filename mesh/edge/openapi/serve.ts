import type { Protocol } from '../protocol.ts';

const path = '/openapi.json';

/** Serves a document that does not change while the process runs; made when it is first asked for. */
export function serveDocument(make: () => unknown): Protocol {
  let text: string | undefined;
  return (request, exchange) => {
    const isReading = request.method === 'GET' || request.method === 'HEAD';
    if (request.url.pathname !== path || !isReading) return undefined;
    exchange.routed(path);
    text ??= JSON.stringify(make(), null, 2);
    exchange.reply(200, { 'content-type': 'application/json' }, text);
    return Promise.resolve();
  };
}
