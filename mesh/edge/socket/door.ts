import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Baggage } from '../../kernel/baggage.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { type Context, runInContext } from '../../kernel/context.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import { traceOf } from '../arrive.ts';
import { Connection } from './connection.ts';
import { closeCode } from './frame.ts';
import { startHeart } from './heart.ts';
import { defaultSocketLimits, type SocketLimits } from './limits.ts';
import type { SocketCaller, SocketConnection } from './socket.ts';
import type { Verb } from './verb.ts';

export interface SocketDoorOptions {
  /** What clients may ask for, by the type of their frames. */
  readonly verbs: Readonly<Record<string, Verb>>;
  /** Called for each connection, before its first frame is read. Must not throw. */
  onOpen?(connection: SocketConnection): void;
  /** Called when a connection is over. Must not throw. */
  onClose?(connection: SocketConnection): void;
  /** What one connection may use up. Default: `defaultSocketLimits` (socket/limits.ts). */
  readonly limits?: Partial<SocketLimits>;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: silent. */
  readonly log?: Log;
}

/** What a door needs to know of a handshake. */
export interface Handshake {
  readonly incoming: IncomingMessage;
  /** Who comes; a door lets nobody in who has no name. */
  readonly principal: SocketCaller | undefined;
  /** What the edge accepted of the caller's baggage: the calls of all verbs carry it. */
  readonly baggage?: Baggage | undefined;
}

/** Takes WebSocket connections from an HTTP server, and looks after them until they end. */
export interface SocketDoor extends Closeable {
  /** Takes a connection over, or answers with 401 or 503. */
  accept(handshake: Handshake, socket: Duplex, head: Buffer): void;
  /** How many are connected. */
  readonly connections: number;
  /** Takes nobody any more, finishes what was asked, sends everybody away with 1012; resolves when they are gone. */
  close(): Promise<void>;
}

/** The subprotocol; a browser that sends its token as another one must be answered with this one. */
const subprotocol = 'weft.v1';

/** Makes a door. It listens nowhere by itself: an `Upgrade` of the edge hands it connections (`accept: door.accept`). */
export function createSocketDoor(options: SocketDoorOptions): SocketDoor {
  const { verbs, clock = systemClock, log = silentLog } = options;
  const limits = { ...defaultSocketLimits, ...options.limits };
  const server = new WebSocketServer({
    ...{ noServer: true, clientTracking: false, maxPayload: limits.frameBytes },
    // A deflater holds some 300 KiB for each connection; frames are small.
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(subprotocol) ? subprotocol : false),
  });
  const open = new Set<Connection>();
  const heart = startHeart({ clock, everyMs: limits.pingMs });
  let opened = 0;
  let closing: Promise<void> | undefined;
  let allGone: (() => void) | undefined;

  const enter = (ws: WebSocket, caller: SocketCaller, context: Context): void => {
    const id = String(++opened);
    const connection = new Connection(ws, { id, caller, limits, verbs, context, clock, log });
    open.add(connection);
    const forget = heart.add(connection);
    ws.once('close', () => {
      open.delete(connection);
      forget();
      options.onClose?.(connection);
      if (open.size === 0) allGone?.();
    });
    runInContext(context, () => options.onOpen?.(connection));
  };

  const gone = (): Promise<void> =>
    new Promise((resolve) => {
      allGone = resolve;
      if (open.size === 0) resolve();
    });
  const farewell = async (): Promise<void> => {
    const end = clock.monotonic() + limits.farewellMs;
    while ([...open].some(({ busy }) => busy > 0) && clock.monotonic() < end) await clock.sleep(20);
    for (const connection of open) connection.close(closeCode.restart, 'leaving; come back');
    const cancel = clock.after(limits.farewellMs, () => {
      for (const connection of open) connection.terminate();
    });
    await gone();
    cancel();
    heart.stop();
    server.close();
  };
  return {
    accept({ incoming, principal, baggage }, socket, head) {
      const refused = refusalOf({ closing: closing !== undefined, open: open.size, limits });
      if (principal === undefined) refuse(socket, 401, unnamed());
      else if (refused !== undefined) refuse(socket, 503, refused);
      else {
        server.handleUpgrade(incoming, socket, head, (ws) => {
          // A trace goes on if the handshake brought one; else each verb begins its own, for a connection lasts.
          enter(ws, principal, { trace: traceOf(incoming.headers), baggage });
        });
      }
    },
    get connections() {
      return open.size;
    },
    close: () => (closing ??= farewell()),
  };
}

function refusalOf(state: {
  readonly closing: boolean;
  readonly open: number;
  readonly limits: SocketLimits;
}): MeshError | undefined {
  const { closing, open, limits } = state;
  if (closing) return busy('INSTANCE_LEAVING', 'this instance is leaving');
  if (open >= limits.connections) {
    return busy('TOO_MANY_SOCKETS', `this instance has ${String(open)} connections`);
  }
  return undefined;
}

function busy(reason: string, why: string): MeshError {
  return new MeshError(`${why}; connect again, to another one`, { status: 'UNAVAILABLE', reason });
}

function unnamed(): MeshError {
  return new MeshError('connect with a token', {
    ...{ status: 'UNAUTHENTICATED', reason: 'TOKEN_MISSING' },
  });
}

const phrases = { 401: 'Unauthorized', 503: 'Service Unavailable' } as const;

/** Before the handshake there is no frame to say it in: an HTTP answer, and the end. */
function refuse(socket: Duplex, code: keyof typeof phrases, error: MeshError): void {
  const { status, reason, rawMessage: message } = error;
  const body = JSON.stringify({ error: { code, status, reason, message } });
  const lines = [
    `HTTP/1.1 ${String(code)} ${phrases[code]}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${String(Buffer.byteLength(body))}`,
    ...(code === 503 ? ['Retry-After: 1'] : []),
  ];
  socket.on('error', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
