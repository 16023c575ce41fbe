import { Metadata, type ServerInterceptingCallInterface, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../../testing/eventually.ts';
import { begin, channelTo, closeAll, inert, intercepted, rawCall, serve } from '../bare-grpc.ts';
import { putPrefix } from '../frames/frame-reader.ts';
import { prefixBytes } from '../grpc-internals.ts';
import { Batch, putBytes } from './batch.ts';
import { clientWire, directWire, serverWire, type Wire } from './wire.ts';

afterEach(closeAll);

function batchOf(text: string): Batch {
  const batch = new Batch();
  batch.reserve(text.length);
  batch.at = putBytes(batch.slab, batch.at, Buffer.from(text));
  batch.count = 1;
  return batch;
}

function framed(message: string | Buffer): Buffer {
  const bytes = Buffer.from(message);
  const frame = Buffer.concat([Buffer.alloc(prefixBytes), bytes]);
  putPrefix(frame, 0, bytes.length);
  return frame;
}

const ways = ['past grpc-js', 'through grpc-js'] as const;
type Way = (typeof ways)[number];

/** A server with a wire that is ready for one message, and what it heard. */
async function wired(way: Way) {
  const heard: string[] = [];
  const { promise, resolve } = Promise.withResolvers<Wire>();
  const grpc = intercepted((_name, call) => {
    const onMessage = (message: Buffer): unknown => heard.push(String(message));
    const wire = serverWire(way === 'past grpc-js' ? call : veiled(call), 1000, {
      onMessage,
      onBreach: (thrown) => heard.push(String(thrown)),
      onLeft: () => heard.push('left'),
    });
    call.start({
      onReceiveMetadata() {
        call.sendMetadata(new Metadata());
        wire.readOn();
        resolve(wire);
      },
      onReceiveMessage: onMessage,
      onReceiveHalfClose: () => wire.afterReading(() => heard.push('end')),
      onCancel: () => undefined,
    });
    return inert(call);
  });
  const { port } = await serve(grpc);
  const stream = rawCall(port);
  stream.on('error', ignore);
  return { heard, stream, wire: await promise };
}

/** The call as an interface only, as another version of grpc-js may hand it out. */
function veiled(call: ServerInterceptingCallInterface): ServerInterceptingCallInterface {
  return {
    start: (listener) => call.start(listener),
    sendMetadata: (metadata) => call.sendMetadata(metadata),
    sendMessage: (message, callback) => call.sendMessage(message, callback),
    sendStatus: (end) => call.sendStatus(end),
    startRead: () => call.startRead(),
    getPeer: () => call.getPeer(),
    getDeadline: () => call.getDeadline(),
    getHost: () => call.getHost(),
    getAuthContext: () => call.getAuthContext(),
    getConnectionInfo: () => call.getConnectionInfo(),
    getMetricsRecorder: () => call.getMetricsRecorder(),
  };
}

const ignore = (): void => undefined;

/** Long enough for whatever would wrongly happen at once. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe.each(ways)('a server, %s', (way) => {
  test('is given one message for each time that it is ready', async () => {
    const { heard, stream, wire } = await wired(way);
    stream.write(Buffer.concat([framed('one'), framed('two')]));
    await eventually(() => heard.length > 0);
    await turns();
    expect(heard).toEqual(['one']);
    wire.readOn();
    await eventually(() => heard.length > 1);
    expect(heard).toEqual(['one', 'two']);
  });

  test('hears of the end behind the messages before it', async () => {
    const { heard, stream, wire } = await wired(way);
    stream.end(Buffer.concat([framed('one'), framed('two')]));
    await eventually(() => heard.length > 0);
    await turns();
    expect(heard).toEqual(['one']);
    wire.readOn();
    await eventually(() => heard.length > 1);
    wire.readOn();
    await eventually(() => heard.length > 2);
    expect(heard).toEqual(['one', 'two', 'end']);
  });

  test('sends what its batch gathered as one message, and counts what has not left', async () => {
    const { heard, stream, wire } = await wired(way);
    const got: Buffer[] = [];
    stream.on('data', (piece: Buffer) => got.push(piece));
    wire.send(batchOf('answer'));
    expect(wire.unsent).toBeGreaterThanOrEqual('answer'.length);
    await eventually(() => heard.includes('left'));
    expect(wire.unsent).toBe(0);
    await eventually(() => Buffer.concat(got).length >= prefixBytes + 'answer'.length);
    expect(Buffer.concat(got)).toEqual(framed('answer'));
  });
});

describe('a server past grpc-js', () => {
  test('hears once that what came is no message, and nothing of what follows', async () => {
    const { heard, stream } = await wired('past grpc-js');
    stream.write(framed(Buffer.alloc(1001)));
    await eventually(() => heard.length > 0);
    stream.end(framed('late'));
    await eventually(() => heard.includes('end'));
    expect(heard).toEqual([
      expect.stringContaining('it has 1001 bytes, and 1000 are taken'),
      'end',
    ]);
  });

  test('that dropped the wire hears of the end at once, and of no message', async () => {
    const { heard, stream, wire } = await wired('past grpc-js');
    stream.end(Buffer.concat([framed('one'), framed('two')]));
    await eventually(() => heard.length > 0);
    wire.drop();
    await eventually(() => heard.includes('end'));
    wire.readOn();
    await turns();
    expect(heard).toEqual(['one', 'end']);
  });
});

describe('a client', () => {
  /** A server that greets, and then does as it is told by `serveCall`. */
  async function greeted(answers: readonly string[]) {
    const grpc = intercepted((_name, call) => {
      const send = (text: string): void => call.sendMessage(Buffer.from(text), () => undefined);
      call.start({
        onReceiveMetadata: () => call.startRead(),
        onReceiveMessage(message: Buffer) {
          for (const text of String(message) === 'hello' ? ['welcome'] : answers) send(text);
          call.startRead();
        },
        onReceiveHalfClose: () =>
          call.sendStatus({ code: status.OK, details: 'OK', metadata: null }),
        onCancel: () => undefined,
      });
      return inert(call);
    });
    const { port } = await serve(grpc);
    const told = begin(channelTo(`127.0.0.1:${String(port)}`));
    const before = clientWire(told.call);
    before.send(batchOf('hello'));
    before.readOn();
    await eventually(() => told.messages.length === 1);
    expect(String(told.messages[0])).toBe('welcome');
    return told;
  }

  test('goes past grpc-js behind the first message, and its listener hears of no other', async () => {
    const { call, messages } = await greeted(['one', 'two']);
    const heard: string[] = [];
    const wire = directWire(call, 1000, {
      onMessage(message) {
        heard.push(String(message));
        wire?.readOn();
      },
      onBreach: (thrown) => heard.push(String(thrown)),
    });
    wire?.readOn();
    wire?.send(batchOf('go on'));
    await eventually(() => heard.length === 2);
    expect(heard).toEqual(['one', 'two']);
    expect(messages).toHaveLength(1);
  });

  test('reads what was said before the status, however late it is ready for it', async () => {
    const { call, ended } = await greeted(['one', 'two']);
    const heard: string[] = [];
    const wire = directWire(call, 1000, {
      onMessage: (message) => heard.push(String(message)),
      onBreach: (thrown) => heard.push(String(thrown)),
    });
    wire?.send(batchOf('go on'));
    call.halfClose();
    void ended.then(() => wire?.afterReading(() => heard.push('status')));
    await turns();
    expect(heard).toEqual([]);
    for (const count of [1, 2, 3]) {
      wire?.readOn();
      await eventually(() => heard.length === count);
    }
    expect(heard).toEqual(['one', 'two', 'status']);
  });

  test('finds no way past a call that shows nothing of itself', () => {
    expect(
      directWire({} as Parameters<typeof directWire>[0], 1000, {
        onMessage: ignore,
        onBreach: ignore,
      }),
    ).toBeUndefined();
  });
});
