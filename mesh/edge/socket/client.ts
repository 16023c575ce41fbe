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
  /** "connecting" also between two connections; "closed" is for ever. */
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
  return new ClientMachine(options);
}

class ClientMachine implements SocketClient {
  connected = 0;
  readonly #options: SocketClientOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #asked = 0;
  #failures = 0;
  #ready = false;
  #socket: WebSocket | undefined;

  constructor(options: SocketClientOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  get state(): SocketClient['state'] {
    if (this.#stop.signal.aborted) return 'closed';
    return this.#ready ? 'open' : 'connecting';
  }

  readonly request: Ask = (frame) =>
    this.#stop.signal.aborted ? Promise.reject(closed()) : this.#ask(frame);

  drop(): void {
    this.#socket?.close();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#socket?.close();
    await this.#running;
  }

  #ask(frame: Frame, only?: WebSocket): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const id = `c${String(++this.#asked)}`;
      const whole = { ...frame, id };
      this.#pending.set(id, { frame: whole, resolve, reject, only });
      const over = only ?? (this.#ready ? this.#socket : undefined);
      over?.send(JSON.stringify(whole));
    });
  }

  async #run(): Promise<void> {
    const { clock = systemClock, random = systemRandom } = this.#options;
    while (!this.#stop.signal.aborted) {
      await this.#live();
      const pauseMs = retryDelayMs(++this.#failures, redial, random);
      await clock.sleep(pauseMs, this.#stop.signal).catch(() => undefined);
    }
    for (const { reject } of this.#pending.values()) reject(closed());
    this.#pending.clear();
  }

  /** One connection, from dial to end. */
  #live(): Promise<void> {
    const { protocols = ['weft.v1'] } = this.#options;
    const socket = new WebSocket(this.#options.address(), [...protocols]);
    this.#socket = socket;
    return new Promise((resolve) => {
      socket.addEventListener('open', () => {
        this.connected++;
        this.#begin(socket).catch(() => {
          socket.close();
        });
      });
      socket.addEventListener('message', ({ data }) => {
        this.#onMessage(String(data));
      });
      socket.addEventListener('close', () => {
        this.#onEnd(socket);
        resolve();
      });
    });
  }

  async #begin(socket: WebSocket): Promise<void> {
    await this.#options.onOpen?.((frame) => this.#ask(frame, socket));
    if (socket.readyState !== WebSocket.OPEN) return;
    for (const { frame } of this.#pending.values()) socket.send(JSON.stringify(frame));
    this.#ready = true;
    this.#failures = 0;
  }

  #onMessage(text: string): void {
    const frame = JSON.parse(text) as Frame;
    const id = frame['id'];
    const waiting = typeof id === 'string' ? this.#pending.get(id) : undefined;
    if (waiting === undefined) {
      this.#options.onFrame?.(frame);
      return;
    }
    this.#pending.delete(String(id));
    if (frame.type === 'error') waiting.reject(errorOfFrame(frame));
    else waiting.resolve(frame);
  }

  #onEnd(socket: WebSocket): void {
    this.#ready = false;
    for (const [id, { only, reject }] of this.#pending) {
      if (only !== socket) continue;
      this.#pending.delete(id);
      reject(ended());
    }
  }
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
