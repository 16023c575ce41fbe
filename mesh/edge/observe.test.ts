import { afterEach, expect, test } from '@jest/globals';
import { createRegistry } from '../telemetry/registry.ts';
import { createSpanRing } from '../telemetry/spans.ts';
import { testTokens, tokenFor } from '../testing/edge-rig.ts';
import { eventually } from '../testing/eventually.ts';
import { createEdge, type Edge } from './edge.ts';
import type { EdgeOptions } from './options.ts';
import type { Protocol } from './protocol.ts';

let edge: Edge | undefined;
afterEach(() => edge?.close());

async function open(options: EdgeOptions): Promise<string> {
  edge = createEdge(options);
  await edge.start();
  return edge.address;
}

/** Tells in which span it runs. */
const context: Protocol = ({ trace }, exchange) => {
  exchange.reply(200, {}, JSON.stringify({ trace }));
  return Promise.resolve();
};

test('a request leaves a span between its caller and what is called for it', async () => {
  const spans = createSpanRing();
  const address = await open({ protocols: [context], tokens: testTokens, spans });
  const traceId = 'a'.repeat(32);
  const headers = { traceparent: `00-${traceId}-${'b'.repeat(16)}-01` };
  const authorization = `Bearer ${tokenFor('ada')}`;
  const good = await fetch(`${address}/a?secret=1`, { headers: { ...headers, authorization } });
  const { trace } = (await good.json()) as { trace: { spanId: string } };
  await fetch(`${address}/b`, { headers });
  const parentSpanId = 'b'.repeat(16);
  await eventually(() => spans.ofTrace(traceId).length === 2);
  expect(spans.ofTrace(traceId)).toMatchObject([
    { kind: 'server', name: 'GET /a', status: 'OK', parentSpanId, spanId: trace.spanId },
    { kind: 'server', name: 'GET /b', status: 'UNAUTHENTICATED', parentSpanId },
  ]);
});

test('a request is counted by method, route and code while it runs and when it ended', async () => {
  const metrics = createRegistry();
  const { promise: asked, resolve: answer } = Promise.withResolvers<void>();
  const routed: Protocol = ({ url }, exchange) => {
    if (!url.pathname.startsWith('/orders/')) return undefined;
    exchange.routed('/orders/{id}');
    return asked.then(() => exchange.reply(200, {}));
  };
  const address = await open({ protocols: [routed], metrics });
  const running = fetch(`${address}/orders/7`);
  const isRunning = 'http_server_active_requests{http_request_method="GET"} 1\n';
  await eventually(() => metrics.expose().includes(isRunning));
  answer();
  await (await running).text();
  await (await fetch(`${address}/nowhere/1`, { method: 'MKCOL' })).text();
  const count = 'http_server_request_duration_seconds_count';
  await eventually(() => metrics.expose().includes('http_request_method="_OTHER"'));
  expect(metrics.expose()).toContain(
    `${count}{http_request_method="GET",http_route="/orders/{id}",http_response_status_code="200"} 1\n`,
  );
  expect(metrics.expose()).toContain(
    `${count}{http_request_method="_OTHER",http_route="",http_response_status_code="404"} 1\n`,
  );
  expect(metrics.expose()).not.toContain(isRunning);
});
