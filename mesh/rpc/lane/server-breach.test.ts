import { type ClientDuplexStream, credentials, Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  GetStockRequest,
  GetStockResponse,
  InventoryServiceDefinition,
} from '../../../gen/shop/inventory/v1/inventory.ts';
import {
  ExchangeRequest,
  type ExchangeResponse,
  LaneServiceClient,
  type Reply,
} from '../../../gen/weft/lane/v1/lane.ts';
import { systemClock } from '../../kernel/clock.ts';
import { type Closeable, closeAll } from '../../kernel/lifecycle.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import { weftImage } from '../../schema/image.ts';
import { eventually } from '../../testing/eventually.ts';
import { inventory } from '../../testing/shop-handlers.ts';
import { getStockMethod } from '../../testing/transport-contract-rig.ts';
import { createPlainTransport } from '../plain/transport.ts';
import { createServer } from '../server/server.ts';

/**
 * The server's side against clients made of generated code: one that keeps to the contract, which shows that
 * the frames written by hand are what they claim to be, and ones that do not.
 */

const opened: Closeable[] = [];
afterEach(() => closeAll(opened.splice(0)));

const path = getStockMethod.path;
const hello = { version: 1, maxMessageBytes: 1024 * 1024 };

type Stream = ClientDuplexStream<ExchangeRequest, ExchangeResponse>;

/** A client of generated code, as another language would have one. */
interface Foreign {
  readonly stream: Stream;
  readonly received: ExchangeResponse[];
  readonly warnings: string[];
  /** The status in the end. */
  readonly ended: Promise<{ code: number; details: string }>;
  send(request: Partial<ExchangeRequest>): void;
  /** The number of GetStock. */
  greeted(): Promise<number>;
  replies(): Reply[];
  port: number;
}

async function foreignClient(): Promise<Foreign> {
  const warnings: string[] = [];
  const log: Log = { ...silentLog, warn: (text) => warnings.push(text), child: () => log };
  const server = createServer({ image: weftImage(), log });
  server.add(InventoryServiceDefinition, inventory());
  const { port } = await server.listen();
  const client = new LaneServiceClient(`127.0.0.1:${String(port)}`, credentials.createInsecure());
  const stream = client.exchange();
  const received: ExchangeResponse[] = [];
  stream.on('data', (response: ExchangeResponse) => received.push(response));
  const ended = new Promise<{ code: number; details: string }>((resolve) => {
    stream.on('status', resolve);
  });
  stream.on('error', () => undefined);
  opened.push(server, {
    close: () => {
      stream.cancel();
      client.close();
      return Promise.resolve();
    },
  });
  const send: Foreign['send'] = (request) =>
    stream.write({ hello: undefined, calls: [], cancels: [], ...request });
  return {
    ...{ stream, received, warnings, ended, send, port },
    async greeted() {
      send({ hello });
      await eventually(() => received.length > 0);
      return received[0]?.welcome?.methods.find((method) => method.path === path)?.number ?? -1;
    },
    replies: () => received.flatMap(({ replies }) => replies),
  };
}

function call(id: number, method: number, body = GetStockRequest.encode({ sku: 'TEA' }).finish()) {
  return {
    ...{ id, method, timeoutMs: 1000, previousAttempts: 0, metadata: [] },
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    ...{ tracestate: '', baggage: '' },
    body: Buffer.from(body),
  };
}

describe('a server of lanes', () => {
  test('serves a client of generated code', async () => {
    const foreign = await foreignClient();
    const method = await foreign.greeted();
    foreign.send({ calls: [call(1, method), call(2, method)] });
    await eventually(() => foreign.replies().length === 2);
    for (const reply of foreign.replies()) {
      expect(reply).toMatchObject({ status: 0, message: '' });
      expect(GetStockResponse.decode(reply.body).item?.sku).toBe('TEA');
    }
    foreign.stream.end();
    expect((await foreign.ended).code).toBe(status.OK);
  });

  test('answers a number that stands for no method', async () => {
    const foreign = await foreignClient();
    await foreign.greeted();
    foreign.send({ calls: [call(1, 4711)] });
    await eventually(() => foreign.replies().length === 1);
    expect(foreign.replies()[0]?.status).toBe(status.UNIMPLEMENTED);
  });

  test('takes no notice of a cancel for a call that it does not know', async () => {
    const foreign = await foreignClient();
    const method = await foreign.greeted();
    foreign.send({ cancels: [1, 99] });
    foreign.send({ calls: [call(5, method)] });
    await eventually(() => foreign.replies().length === 1);
  });

  const breaches: [string, (foreign: Foreign) => Promise<unknown>][] = [
    ['speaks before its hello', async ({ send }) => send({ calls: [call(1, 0)] })],
    [
      'uses an id twice',
      async ({ greeted, send }) => {
        const method = await greeted();
        send({ calls: [call(3, method), call(3, method)] });
      },
    ],
    [
      'uses the id 0',
      async ({ greeted, send }) => {
        send({ calls: [call(0, await greeted())] });
      },
    ],
    ['ends without a word', async ({ stream }) => stream.end()],
  ];
  test.each(breaches)(
    'ends the lane of a client that %s, with a status and a line in the log',
    async (_what, breach) => {
      const foreign = await foreignClient();
      await breach(foreign);
      const { code, details } = await foreign.ended;
      expect(code).toBe(status.INVALID_ARGUMENT);
      expect(details).toContain('the lane is malformed');
      expect(foreign.warnings).toEqual(['lane ended: its client broke the contract']);
    },
  );

  test('outlives bytes that are nothing at all', async () => {
    const foreign = await foreignClient();
    await foreign.greeted();
    const connection = createPlainTransport().open({
      ...{ instanceId: 'i', service: 's', host: '127.0.0.1', port: foreign.port, metadata: {} },
    });
    opened.push(connection);
    const borrowed = connection.borrow();
    const codes: number[] = [];
    for (const garbage of [Buffer.of(255), Buffer.of(18, 200, 1), Buffer.alloc(5000, 0xfe)]) {
      const raw = borrowed.channel.createCall(
        '/weft.lane.v1.LaneService/Exchange',
        Infinity,
        null,
        null,
        null,
      );
      raw.start(new Metadata(), {
        onReceiveMetadata: () => undefined,
        onReceiveMessage: () => undefined,
        onReceiveStatus: ({ code }) => codes.push(code),
      });
      raw.startRead();
      raw.sendMessageWithContext(
        {},
        Buffer.from(ExchangeRequest.encode({ hello, calls: [], cancels: [] }).finish()),
      );
      await systemClock.sleep(20);
      raw.sendMessageWithContext({}, garbage);
    }
    await eventually(() => codes.length === 3);
    expect(codes).toEqual([3, 3, 3]);
    borrowed.back();
    expect((await foreign.greeted()) >= 0).toBe(true);
  });
});
