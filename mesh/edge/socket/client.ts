import { type RetryDelay, retryDelayMs } from '../../events/retry-delay.ts';
import { type Clock, systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Closeable } from '../../kernel/lifecycle.ts';
import { type Random, systemRandom } from '../../kernel/random.ts';
import { errorOfFrame, type Frame } from './frame.ts';

export interface SocketClientOptions {
  /** Where to connect, as "ws://127.0.0.1:7145/chat"; asked before every try, so that it can name another instance each time. */
  address(): string;
  /** Subprotocols, as ["weft.v1", "bearer.<JWT>"]. Default ["weft.v1"]. */
  readonly protocols?: readonly string[];
  /**
   * Each connection begins with this: here a client says where it was. What it asked before and had no answer
   * to is asked again afterwards. When it throws, the connection is made anew.
   */
  onOpen?(ask: Ask): Promise<void>;
  /** Called with every frame that answers nothing. Must not throw. */
  onFrame?(frame: Frame): void;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Asks, and gives the answer; rejects with the error that the server tells. */
export type Ask = (request: Frame) => Promise<Frame>;

/** A client that comes back: to another instance when one is gone, and goes on where it was. */
export interface SocketClient extends Closeable {
  /**
   * Asks, now or as soon as there is a connection, and again on the next connection if this one ends before the
   * answer: so ask for what may be done twice. Ids are given here.
   */
  readonly request: Ask;
  readonly state: 'connecting' | 'open' | 'closed';
  /** How often a connection was made. */
  readonly connected: number;
  /** Cuts the connection, as a network does; the client comes back. */
  drop(): void;
}

interface Pending {
  readonly frame: Frame;
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: MeshError) => void;
  /** The one connection on which it was asked; absent: any will do. */
  readonly only: WebSocket | undefined;
}

const redial: RetryDelay = { firstMs: 50, longestMs: 5_000 };

/** Over the WebSocket of the platform, as browsers and Node have it. */
export function createSocketClient(options: SocketClientOptions): SocketClient {
  const { clock = systemClock, random = systemRandom, protocols = ['weft.v1'] } = options;
  const pending = new Map<string, Pending>();
  let asked = 0;
  let connected = 0;
  let failures = 0;
  let ready = false;
  let socket: WebSocket | undefined;
  const stop = new AbortController();

  const ask = (frame: Frame, only?: WebSocket): Promise<Frame> =>
    new Promise((resolve, reject) => {
      const id = `c${String(++asked)}`;
      const whole = { ...frame, id };
      pending.set(id, { frame: whole, resolve, reject, only });
      const over = only ?? (ready ? socket : undefined);
      over?.send(JSON.stringify(whole));
    });
  const onMessage = (text: string): void => {
    const frame = JSON.parse(text) as Frame;
    const id = frame['id'];
    const waiting = typeof id === 'string' ? pending.get(id) : undefined;
    if (waiting === undefined) {
      options.onFrame?.(frame);
      return;
    }
    pending.delete(String(id));
    if (frame.type === 'error') waiting.reject(errorOfFrame(frame));
    else waiting.resolve(frame);
  };
  const begin = async (on: WebSocket): Promise<void> => {
    await options.onOpen?.((frame) => ask(frame, on));
    if (on.readyState !== WebSocket.OPEN) return;
    for (const { frame } of pending.values()) on.send(JSON.stringify(frame));
    ready = true;
    failures = 0;
  };
  /** One connection, from dial to end. */
  const live = (): Promise<void> =>
    new Promise((resolve) => {
      const on = new WebSocket(options.address(), [...protocols]);
      socket = on;
      on.addEventListener('open', () => {
        connected++;
        begin(on).catch(() => {
          on.close();
        });
      });
      on.addEventListener('message', ({ data }) => {
        onMessage(String(data));
      });
      on.addEventListener('close', () => {
        ready = false;
        for (const [id, { only, reject }] of pending) {
          if (only !== on) continue;
          pending.delete(id);
          reject(ended());
        }
        resolve();
      });
    });
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await live();
      failures++;
      const pauseMs = retryDelayMs(failures, redial, random);
      await clock.sleep(pauseMs, stop.signal).catch(() => undefined);
    }
    for (const { reject } of pending.values()) reject(closed());
    pending.clear();
  };
  const running = run();
  return {
    request: (frame) => (stop.signal.aborted ? Promise.reject(closed()) : ask(frame)),
    get state() {
      if (stop.signal.aborted) return 'closed';
      return ready ? 'open' : 'connecting';
    },
    get connected() {
      return connected;
    },
    drop: () => socket?.close(),
    async close() {
      stop.abort();
      socket?.close();
      await running;
    },
  };
}

function closed(): MeshError {
  return new MeshError('this client is closed; make another one', {
    ...{ status: 'FAILED_PRECONDITION', reason: 'CLIENT_CLOSED' },
  });
}

function ended(): MeshError {
  return new MeshError('the connection ended before the answer; another one is made', {
    ...{ status: 'UNAVAILABLE', reason: 'SOCKET_CLOSED' },
  });
}
