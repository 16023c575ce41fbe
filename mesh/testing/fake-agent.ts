import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands in for a Consul agent that misbehaves in ways the real one cannot be made to. */
export interface FakeAgent {
  readonly address: string;
  /** The paths that were asked, in order. */
  readonly asked: readonly string[];
  /** Requests that are held: neither answered nor left by the client. */
  readonly held: number;
  /** Answers every further request. The first behaviour holds them all. */
  behave(answer: (request: IncomingMessage, response: ServerResponse) => void): void;
  close(): Promise<void>;
}

export async function startFakeAgent(): Promise<FakeAgent> {
  const asked: string[] = [];
  const holding = new Set<ServerResponse>();
  let behaviour: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    holding.add(response);
    response.once('close', () => holding.delete(response));
    behaviour(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    get held() {
      return holding.size;
    },
    behave(answer) {
      behaviour = answer;
    },
    close: () => closed(server),
  };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

/** An answer as Consul gives it. */
export function answerJson(response: ServerResponse, body: unknown, index = '7'): void {
  response.setHeader('content-type', 'application/json');
  response.setHeader('x-consul-index', index);
  response.end(JSON.stringify(body));
}

/** A refusal as Consul gives it: a status and a line of text. */
export function answerStatus(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(text);
}

/** One healthy instance of "orders" in an answer of /health/service/orders. */
export function healthEntry(id: string, more: { readonly Meta?: unknown } = {}): object {
  return {
    Node: { Node: 'test', Address: '127.0.0.1' },
    Service: { ID: id, Service: 'orders', Address: '127.0.0.1', Port: 7101, Meta: {}, ...more },
    Checks: [{ Status: 'passing' }],
  };
}
