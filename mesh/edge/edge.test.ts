import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { currentContext } from '../kernel/context.ts';
import { testTokens, tokenFor } from '../testing/edge-rig.ts';
import { eventually } from '../testing/eventually.ts';
import { createEdge, type Edge } from './edge.ts';
import type { EdgeRequest } from './edge-request.ts';
import type { EdgeOptions } from './options.ts';
import type { Protocol } from './protocol.ts';

let edge: Edge | undefined;
afterEach(() => edge?.close());

/** Tells the caller what the edge knows of it. */
const mirror: Protocol = async ({ principal, requestId, method, trace }, exchange) => {
  const body = (await exchange.body()).toString();
  const said = { user: principal?.subject, requestId, method, traceId: trace.traceId, body };
  exchange.reply(200, { 'content-type': 'application/json' }, JSON.stringify(said));
};

/** Tells what a call would inherit. */
const context: Protocol = (_, exchange) => {
  const { trace, baggage = [] } = currentContext();
  const said = { trace, baggage: [...baggage] };
  exchange.reply(200, { 'content-type': 'application/json' }, JSON.stringify(said));
  return Promise.resolve();
};

async function open(options: EdgeOptions): Promise<string> {
  edge = createEdge({ protocols: [mirror], ...options });
  await edge.start();
  return edge.address;
}

describe('who may ask', () => {
  test('a request without a token is refused, with how to be known', async () => {
    const address = await open({ tokens: testTokens });
    const refused = await fetch(address);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(await refused.json()).toMatchObject({
      code: 16,
      details: [{ reason: 'TOKEN_MISSING' }],
    });
  });

  test('a token says who asks', async () => {
    const address = await open({ tokens: testTokens });
    const authorization = `Bearer ${tokenFor('ada')}`;
    const answer = await fetch(address, { headers: { authorization } });
    expect(await answer.json()).toMatchObject({ user: 'ada' });
  });

  test('a token for another audience is refused', async () => {
    const address = await open({ tokens: { ...testTokens, audience: 'other' } });
    const authorization = `Bearer ${tokenFor('ada')}`;
    const answer = await fetch(address, { headers: { authorization } });
    expect(await answer.json()).toMatchObject({ code: 16, details: [{ reason: 'TOKEN_INVALID' }] });
  });

  test('a page of an origin that is not known is refused, of a known one is let read', async () => {
    const address = await open({ origins: ['https://shop.example'] });
    const bad = await fetch(address, { headers: { origin: 'https://evil.example' } });
    expect(bad.status).toBe(403);
    expect(bad.headers.get('access-control-allow-origin')).toBeNull();
    const good = await fetch(address, { headers: { origin: 'https://shop.example' } });
    expect(good.status).toBe(200);
    expect(good.headers.get('access-control-allow-origin')).toBe('https://shop.example');
  });

  test('credentials that are no token are refused, also where callers without one are let in', async () => {
    const address = await open({ tokens: { ...testTokens, anonymous: true } });
    expect((await fetch(address)).status).toBe(200);
    for (const authorization of ['Basic YTpi', 'Bearer a b', 'Bearer']) {
      const { status } = await fetch(address, { headers: { authorization } });
      expect([authorization, status]).toEqual([authorization, 401]);
    }
  });

  test('an origin that no browser sends is refused before the edge opens', () => {
    for (const origin of ['https://shop.example/', 'shop.example', 'https://Shop.example']) {
      expect(() => createEdge({ origins: [origin] })).toThrow(/no page has the origin/);
    }
  });

  test('a browser may ask first, is told what its page may send and read, and for how long', async () => {
    const address = await open({ origins: ['https://shop.example'], tokens: testTokens });
    const headers = {
      ...{ origin: 'https://shop.example', 'access-control-request-method': 'PUT' },
      'access-control-request-headers': 'authorization,content-type,x-grpc-web',
    };
    const asked = await fetch(address, { method: 'OPTIONS', headers });
    expect([asked.status, asked.headers.get('access-control-max-age')]).toEqual([204, '7200']);
    expect(asked.headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(asked.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(asked.headers.get('vary')).toContain('access-control-request-headers');
    // Tokens travel in a header; a browser shall not send cookies along.
    expect(asked.headers.get('access-control-allow-credentials')).toBeNull();
    const refused = await fetch(address, { headers: { origin: 'https://shop.example' } });
    expect(refused.headers.get('access-control-expose-headers')).toContain('www-authenticate');
  });

  test('who asks too much is told when to come again, and others are not', async () => {
    const address = await open({ tokens: testTokens, rate: { perSecond: 0.1, burst: 2 } });
    const ask = async (user: string): Promise<Response> =>
      fetch(address, { headers: { authorization: `Bearer ${tokenFor(user)}` } });
    expect((await ask('ada')).headers.get('ratelimit-remaining')).toBe('1');
    await ask('ada');
    const third = await ask('ada');
    expect(third.status).toBe(429);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(5);
    expect((await ask('bob')).status).toBe(200);
  });
});

describe('what a request carries', () => {
  test('its id comes back, and one that could harm a log is replaced', async () => {
    const address = await open({});
    const mine = await fetch(address, { headers: { 'x-request-id': 'mine-1' } });
    expect(mine.headers.get('x-request-id')).toBe('mine-1');
    const bad = await fetch(address, { headers: { 'x-request-id': 'a b' } });
    expect(bad.headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
  });

  test('its tracestate goes on with its trace, and not without', async () => {
    const address = await open({ protocols: [context] });
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
    const tracestate = 'rojo=1,congo=2';
    const good = await fetch(address, { headers: { traceparent, tracestate } });
    expect(await good.json()).toMatchObject({ trace: { state: tracestate, flags: 0 } });
    const bad = await fetch(address, { headers: { traceparent: 'none', tracestate } });
    expect((await bad.json()) as object).not.toHaveProperty('trace.state');
  });

  test('of its baggage, nothing goes on that the edge does not accept', async () => {
    const baggage = 'tenant=red,session=7;ttl=60,flag=on';
    const closed = await fetch(await open({ protocols: [context] }), { headers: { baggage } });
    expect(await closed.json()).toMatchObject({ baggage: [] });
    await edge?.close();
    const address = await open({ protocols: [context], baggage: ['session', 'theme'] });
    const some = await fetch(address, { headers: { baggage } });
    expect(await some.json()).toMatchObject({
      baggage: [['session', { value: '7', properties: 'ttl=60' }]],
    });
    const bad = await fetch(address, { headers: { baggage: 'session' } });
    expect(await bad.json()).toMatchObject({ baggage: [] });
  });

  test('its trace goes on', async () => {
    const address = await open({});
    const traceId = 'a'.repeat(32);
    const traceparent = `00-${traceId}-${'b'.repeat(16)}-01`;
    const answer = await fetch(address, { headers: { traceparent } });
    expect(await answer.json()).toMatchObject({ traceId });
  });
});

describe('what a stranger may use up', () => {
  test('a body beyond the limit is refused', async () => {
    const address = await open({ limits: { bodyBytes: 100 } });
    const answer = await fetch(address, { method: 'POST', body: 'x'.repeat(101) });
    expect(answer.status).toBe(413);
  });

  test('headers beyond the limit are refused', async () => {
    const address = await open({ limits: { headerBytes: 1024 } });
    const answer = await fetch(address, { headers: { long: 'x'.repeat(2000) } });
    expect(answer.status).toBe(431);
  });

  test('a client that sends its headers drop by drop is cut off', async () => {
    const address = await open({ limits: { headersTimeoutMs: 200 } });
    const socket = dial(address);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n');
    expect(await wordsOf(socket)).toMatch(/^HTTP\/1.1 408 /);
  });

  test('a connection beyond the limit is closed', async () => {
    const address = await open({ limits: { connections: 1 } });
    const first = dial(address);
    await once(first, 'connect');
    expect(await wordsOf(dial(address))).toBe('');
    first.destroy();
  });
});

describe('connections that leave HTTP', () => {
  const handshake = (path: string, more = ''): string =>
    `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n${more}\r\n`;

  test('whoever waits at the path gets the socket and who asks', async () => {
    const taken: EdgeRequest[] = [];
    const address = await open({
      tokens: testTokens,
      upgrades: [
        {
          path: '/v1/echo',
          accept(request, socket) {
            taken.push(request);
            socket.end('HTTP/1.1 101 Switching Protocols\r\n\r\nhello');
          },
        },
      ],
    });
    const socket = dial(address);
    const carrier = `sec-websocket-protocol: weft.v1, bearer.${tokenFor('ada')}\r\n`;
    socket.write(handshake('/v1/echo', carrier));
    expect(await wordsOf(socket)).toMatch(/101 [\s\S]*hello$/);
    expect(taken[0]?.principal?.subject).toBe('ada');
  });

  test('a page of another origin, a caller without a token and an unknown path are refused', async () => {
    const accept = (): never => {
      throw new Error('nobody is let in');
    };
    const address = await open({ tokens: testTokens, upgrades: [{ path: '/v1/echo', accept }] });
    const refusal = (request: string): Promise<string> => {
      const socket = dial(address);
      socket.write(request);
      return wordsOf(socket);
    };
    expect(await refusal(handshake('/v1/echo'))).toMatch(/^HTTP\/1.1 401 /);
    expect(await refusal(handshake('/elsewhere'))).toMatch(/^HTTP\/1.1 404 /);
    const evil = 'origin: https://evil.example\r\n';
    expect(await refusal(handshake('/v1/echo', evil))).toMatch(/^HTTP\/1.1 403 /);
  });

  test('who is connected is told that the edge leaves, and then the edge is gone', async () => {
    const sockets = new Set<{ end(text: string): unknown }>();
    const address = await open({
      upgrades: [
        {
          path: '/v1/echo',
          accept(_request, socket) {
            sockets.add(socket);
            socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
          },
          async drain() {
            for (const socket of sockets) socket.end('goodbye');
          },
        },
      ],
    });
    const socket = dial(address);
    const words = wordsOf(socket);
    socket.write(handshake('/v1/echo'));
    await eventually(() => sockets.size === 1);
    await edge?.close();
    expect(await words).toMatch(/goodbye$/);
  });
});

test('a connection on which nothing was asked does not hold the edge up', async () => {
  const socket = dial(await open({}));
  await once(socket, 'connect');
  const words = wordsOf(socket);
  await edge?.close();
  expect(await words).toBe('');
});

test('a request under way is answered before the edge is gone', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const slow: Protocol = async (_request, exchange) => {
    arrive();
    await released;
    exchange.reply(200, {}, 'late');
  };
  const address = await open({ protocols: [slow] });
  const answer = fetch(address, { headers: { connection: 'close' } });
  await arrived;
  const closed = edge?.close();
  release();
  expect(await (await answer).text()).toBe('late');
  await closed;
});

function dial(address: string): Socket {
  const { hostname, port } = new URL(address);
  return connect(Number(port), hostname);
}

/** All that the other side says until it closes. */
async function wordsOf(socket: Socket): Promise<string> {
  let words = '';
  socket.on('data', (piece: Buffer) => {
    words += piece.toString();
  });
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return words;
}
