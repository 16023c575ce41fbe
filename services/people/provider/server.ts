/**
 * A provider of e-mail as there are many: an HTTP API of somebody else's, which throttles. It knows nothing of weft.
 * `POST /emails` takes one (202), once for each Idempotency-Key; 429 with Retry-After says that it is too much
 * for this second or this day, 422 that there is no such address. `GET /emails` tells what was taken.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Clock, type Closeable, z } from '#mesh';
import { createThrottle, type ThrottleOptions } from './throttle.ts';

export interface ProviderOptions extends ThrottleOptions {
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  readonly clock: Clock;
}

export interface Provider extends Closeable {
  /** As "http://127.0.0.1:7165". */
  readonly url: string;
}

const emailShape = z.strictObject({
  to: z.string(),
  subject: z.string(),
  text: z.string(),
});
type Taken = z.infer<typeof emailShape> & { readonly key: string };

/** No address of this domain exists (RFC 2606 keeps it free). */
const nowhere = /@(?:.*\.)?invalid$/;
const mostBytes = 100_000;

export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const desk = createDesk(options);
  const server = createServer((request, response) => {
    desk.serve(request, response).catch(() => response.destroy());
  });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://${options.host}:${String(port)}`, close: () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

function createDesk({ clock, ...limits }: ProviderOptions) {
  const throttle = createThrottle(limits);
  const taken = new Map<string, Taken>();
  const refusals = { rate: 0, quota: 0, address: 0 };

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const key = request.headers['idempotency-key'];
    const read = emailShape.safeParse(await bodyOf(request));
    if (!read.success || typeof key !== 'string') {
      answer(response, 400, { error: 'say to, subject and text, and an Idempotency-Key' });
    } else if (nowhere.test(read.data.to)) {
      refusals.address++;
      answer(response, 422, { error: `there is no address ${read.data.to}` });
    } else if (taken.has(key)) {
      answer(response, 202, { id: key });
    } else {
      const refusal = throttle.take(clock.now());
      if (refusal === undefined) {
        taken.set(key, { ...read.data, key });
        answer(response, 202, { id: key });
        return;
      }
      refusals[refusal.because]++;
      // In whole seconds, as HTTP has it (RFC 9110, 10.2.3): never earlier than it is true.
      response.setHeader('Retry-After', String(Math.ceil(refusal.retryAfterMs / 1000)));
      answer(response, 429, { error: `too many: the ${refusal.because} is used up` });
    }
  }

  return {
    async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
      if (request.url !== '/emails') answer(response, 404, { error: 'there is /emails' });
      else if (request.method === 'POST') await take(request, response);
      else answer(response, 200, { emails: [...taken.values()], refusals });
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > mostBytes) throw new Error('the body is too large');
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
