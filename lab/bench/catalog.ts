/**
 * Plays a Consul whose services have a thousand instances each: it answers health queries, holds them while
 * nothing is new, and changes one instance of a service when its parent names it. A real Consul would take
 * minutes to register a hundred thousand instances; what is measured is the process that hears of them.
 */
import { createServer, type ServerResponse } from 'node:http';

const each = Number(process.argv[2]);
/** How often each service has changed: its index. */
const changes = new Map<string, number>();
const waiting = new Map<string, ServerResponse[]>();

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://catalog');
  const service = url.pathname.split('/').at(-1) ?? '';
  if (Number(url.searchParams.get('index') ?? 0) !== indexOf(service)) answer(service, response);
  else waiting.set(service, [...(waiting.get(service) ?? []), response]);
});
server.listen(0, '127.0.0.1', () => process.send?.(server.address()));

process.on('message', (service: string) => {
  changes.set(service, (changes.get(service) ?? 0) + 1);
  for (const response of waiting.get(service) ?? []) answer(service, response);
  waiting.delete(service);
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);

function indexOf(service: string): number {
  return 10 + (changes.get(service) ?? 0);
}

function answer(service: string, response: ServerResponse): void {
  const instances = Array.from({ length: each }, (_, n) => instance(service, n));
  response.setHeader('X-Consul-Index', String(indexOf(service)));
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(instances));
}

/** As Consul writes it, without what nobody reads. */
function instance(service: string, n: number): object {
  const port = n === 7 ? 7000 + (changes.get(service) ?? 0) : 7000;
  return {
    Node: { Node: `node-${n}`, Address: '127.0.0.1', Datacenter: 'dc1' },
    Service: {
      ID: `${service}-${n}`,
      Service: service,
      Address: `10.1.${n >> 8}.${n & 255}`,
      Port: port,
      Meta: { version: '1', zone: `zone-${n % 3}`, 'weft-lane': '1' },
      Tags: [],
    },
    Checks: [{ CheckID: `service:${service}-${n}`, Status: 'passing' }],
  };
}
