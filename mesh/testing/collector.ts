import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Closeable } from '../kernel/lifecycle.ts';

/** What a collector says. */
export interface CollectorAnswer {
  readonly code: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request as it came. */
export interface CollectorRequest {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** The resource's, by key. */
  readonly resource: Readonly<Record<string, string>>;
  readonly spans: readonly { readonly spanId: string; readonly name: string }[];
}

interface Body {
  readonly resourceSpans: readonly [
    {
      readonly resource: {
        readonly attributes: readonly { key: string; value: { stringValue: string } }[];
      };
      readonly scopeSpans: readonly [{ readonly spans: CollectorRequest['spans'] }];
    },
  ];
}

export interface Collector extends Closeable {
  /** As "http://127.0.0.1:43210". */
  readonly url: string;
  readonly requests: readonly CollectorRequest[];
}

/** A collector over real HTTP, which answers the n-th request, from 0, as it is told: with 200 if it is not. */
export async function startCollector(
  answers: (nth: number) => CollectorAnswer = () => ({ code: 200, body: '{}' }),
): Promise<Collector> {
  const requests: CollectorRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { code, headers, body } = answers(requests.length);
      const text = Buffer.concat(chunks).toString();
      requests.push({ path: request.url, headers: request.headers, ...spansOf(text) });
      response.writeHead(code, headers).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    requests,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function spansOf(text: string): Pick<CollectorRequest, 'resource' | 'spans'> {
  const [{ resource, scopeSpans }] = (JSON.parse(text) as Body).resourceSpans;
  const named = resource.attributes.map(({ key, value }) => [key, value.stringValue] as const);
  return { resource: Object.fromEntries(named), spans: scopeSpans[0].spans };
}
