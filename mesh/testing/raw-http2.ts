import { connect, type TLSSocket } from 'node:tls';

/** A frame of HTTP/2 (RFC 9113, 4.1). */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export const frameType = {
  ...{ data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, continuation: 9 },
} as const;
export const frameFlag = { ack: 1, endStream: 1, endHeaders: 4 } as const;
/** RFC 9113, 7. */
export const errorCode = { none: 0, refusedStream: 7, cancel: 8, enhanceYourCalm: 11 } as const;

/** A client of HTTP/2 that says whatever a test wants, well-behaved or not: frames over TLS, nothing else. */
export interface RawHttp2 {
  /** Everything that the server said so far. */
  readonly frames: readonly RawFrame[];
  readonly isClosed: boolean;
  send(...frames: readonly Partial<RawFrame>[]): void;
  /** Stops or goes on to read what the server says. */
  pause(): void;
  resume(): void;
  close(): void;
}

/** Connects and says hello, with these settings (RFC 9113, 6.5.2) by their number. */
export async function dialHttp2(
  port: number,
  settings: readonly (readonly [id: number, value: number])[] = [],
): Promise<RawHttp2> {
  const socket: TLSSocket = connect({ port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  const frames: RawFrame[] = [];
  const state = { isClosed: false };
  let unread: Buffer = Buffer.alloc(0);
  socket.on('error', () => undefined);
  socket.on('close', () => {
    state.isClosed = true;
  });
  socket.on('data', (data: Buffer) => {
    const known = frames.length;
    unread = readFrames(Buffer.concat([unread, data]), frames);
    for (const { type, flags, payload } of frames.slice(known)) {
      const isAsked = type === frameType.ping && flags === 0;
      if (isAsked) socket.write(written({ type, flags: frameFlag.ack, payload }));
    }
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  const hello = Buffer.alloc(settings.length * 6);
  for (const [i, [id, value]] of settings.entries()) {
    hello.writeUInt16BE(id, i * 6);
    hello.writeUInt32BE(value, i * 6 + 2);
  }
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(written({ type: frameType.settings, payload: hello }));
  return {
    frames,
    get isClosed() {
      return state.isClosed;
    },
    send(...sent) {
      socket.write(Buffer.concat(sent.map(written)));
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => void socket.destroy(),
  };
}

export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly flags?: number;
}

/** A request without a body, or with one that is still to come. */
export function requestFrame(stream: number, asked: RawRequest = {}): Partial<RawFrame> {
  const { method = 'GET', path = '/', headers = {} } = asked;
  const { flags = frameFlag.endHeaders | frameFlag.endStream } = asked;
  const own = { ':method': method, ':scheme': 'https', ':path': path, ':authority': 'x' };
  const all = Object.entries<string>({ ...own, ...headers });
  const fields = all.map(([name, value]) => headerField(name, value));
  return { type: frameType.headers, flags, stream, payload: Buffer.concat(fields) };
}

/** A header as HPACK's literal without indexing (RFC 7541, 6.2.2). */
export function headerField(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.of(0), text(name), text(value)]);
}

/** The error code of the last frame of a kind; undefined: there was none. */
export function codeOf(client: RawHttp2, type: number, stream = 0): number | undefined {
  const frame = client.frames.findLast((each) => each.type === type && each.stream === stream);
  return frame?.payload.readUInt32BE(type === frameType.goAway ? 4 : 0);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const length: number[] = [];
  // RFC 7541, 5.1: seven bits, and what is more in groups of seven.
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

function written(frame: Partial<RawFrame>): Buffer {
  const { type = 0, flags = 0, stream = 0, payload = Buffer.alloc(0) } = frame;
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Takes off what is complete; gives the rest. */
function readFrames(bytes: Buffer, into: RawFrame[]): Buffer {
  let at = 0;
  while (bytes.length - at >= 9) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    into.push({
      ...{ type: bytes.readUInt8(at + 3), flags: bytes.readUInt8(at + 4) },
      ...{ stream: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + 9, end) },
    });
    at = end;
  }
  return bytes.subarray(at);
}
