/** The demo of the edge: the shop as whoever speaks HTTP sees it. */
import { createConsul, createConsulDiscovery, MeshError } from '#mesh';
import { edgeKey } from '#mesh/edge';
import { play, type Stage } from '../../stage/stage.ts';
import { runningStory } from '../../stage/weft.ts';

await play('edge', async ({ say, until, random }) => {
  const edge = await addressOfGateway(until);
  const ask = async (title: string, path: string, init?: RequestInit): Promise<string> => {
    const answer = await fetch(`${edge}${path}`, init);
    const text = await answer.text();
    say.line(`${title}: ${String(answer.status)} ${shortened(text)}`);
    return text;
  };
  const order = (body: object, key: string): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify({ customerId: 'ada', cardToken: 'tok_visa', ...body }),
  });
  await until('the gateway answers', async () => (await fetch(`${edge}/openapi.json`)).ok);

  say.chapter(`1. The shop over REST, at ${edge}`);
  await ask('the stock of green tea', '/v1/stock/TEA-GREEN');
  const tea = { lines: [{ sku: 'TEA-GREEN', quantity: 1 }] };
  const key = `demo-${random.hex(6)}`;
  const placed = await ask('an order', '/v1/orders', order(tea, key));
  await ask('the same again, by its key', '/v1/orders', order(tea, key));

  say.chapter('2. Several resources in one request, and what can be done next');
  const orderId = /"orderId":"([^"]+)"/.exec(placed)?.[1] ?? '';
  const expanded = await fetch(`${edge}/v1/orders/${orderId}?expand=stock`);
  say.line(`with its stock: ${partOf(await expanded.text(), '"_embedded"')}`);
  const accept = { accept: 'application/hal+json' };
  const linked = await fetch(`${edge}/v1/orders/${orderId}`, { headers: accept });
  say.line(`with its links: ${partOf(await linked.text(), '"_links"')}`);

  say.chapter('3. What is wrong is named');
  await ask('no lines', '/v1/orders', order({ lines: [] }, `${key}-0`));
  await ask('no such order', '/v1/orders/none');

  say.chapter('4. As it happens: server-sent events');
  say.line(await firstEvent(`${edge}/v1/orders/${orderId}:watch`));

  say.chapter('5. The document of all of it');
  const { paths } = (await (await fetch(`${edge}/openapi.json`)).json()) as { paths: object };
  for (const path of Object.keys(paths)) say.line(path);
});

/** As a load balancer, or DNS, would tell whoever is outside of the mesh. */
async function addressOfGateway(until: Stage['until']): Promise<string> {
  const { consul } = await runningStory('edge');
  const discovery = createConsulDiscovery({ consul: createConsul({ address: consul }) });
  let address: string | undefined;
  discovery.resolver.watch('gateway', ({ endpoints }) => {
    [address] = endpoints.flatMap(({ metadata }) => metadata[edgeKey] ?? []);
  });
  try {
    await until('a gateway in Consul', () => Promise.resolve(address !== undefined));
    return address ?? '';
  } finally {
    await discovery.close();
  }
}

/** The first thing that a stream says; then the client leaves, and the call of the mesh ends with it. */
async function firstEvent(url: string): Promise<string> {
  const leaving = new AbortController();
  const answer = await fetch(url, {
    headers: { accept: 'text/event-stream' },
    signal: leaving.signal,
  });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  const { value } = (await reader?.read()) ?? {};
  leaving.abort();
  if (value !== undefined) return shortened(value);
  throw new MeshError(`nothing came from ${url}`, { status: 'DATA_LOSS' });
}

/** What a JSON says from a word on. */
function partOf(text: string, word: string): string {
  return shortened(text.slice(Math.max(0, text.indexOf(word))));
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > 160 ? `${line.slice(0, 160)}…` : line;
}
