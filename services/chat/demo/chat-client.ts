/** A user's client as an app would have it: it remembers one number, and the rest follows from it. */
import { MeshError, type Random, systemClock, systemRandom } from '#mesh';
import { createSocketClient, type Frame, type SocketClient } from '#mesh/edge';
import { tokenOf } from './token.ts';

export interface ChatClientOptions {
  readonly userId: string;
  /** The secret of the issuer; a real client is given its token. */
  readonly secret: string;
  /** Where to connect, as "http://127.0.0.1:7143"; asked before every try. */
  gateway(): string;
  /** The last place of an earlier life. Default: none is remembered; then it begins behind what was acknowledged. */
  readonly place?: number;
  /** Called with each message, in its order, once. */
  onMessage?(message: ChatMessage): void;
  /** Called when somebody has what this user wrote. */
  onSent?(to: string, clientIds: readonly string[]): void;
  readonly random?: Random;
}

export interface ChatMessage {
  readonly place: number;
  readonly from: string;
  readonly clientId: string;
  readonly text: string;
}

export interface ChatClient extends Pick<SocketClient, 'request' | 'state' | 'drop' | 'close'> {
  /** Resolves when the message cannot be lost any more. What is sent one after the other arrives so. */
  send(to: string, text: string): Promise<string>;
  /** The last place that was received. */
  readonly place: number;
  /** Frames that told what was known: an app without memory would have shown them twice. */
  readonly repeated: number;
}

/** What is not decided yet: asked again with the same id. */
const passing = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED']);
const pauseMs = 200;
/** Below every place. */
const unknown = -1;

export function createChatClient(options: ChatClientOptions): ChatClient {
  return new UserClient(options);
}

class UserClient implements ChatClient {
  place: number;
  repeated = 0;
  readonly request: SocketClient['request'];
  readonly #options: ChatClientOptions;
  readonly #socket: SocketClient;
  /** Makes ids of this life different from those of an earlier one. */
  readonly #life: string;
  #acked: number;
  #acking = false;
  #last: Promise<unknown> = Promise.resolve();
  #sent = 0;

  constructor(options: ChatClientOptions) {
    const { userId, secret, random = systemRandom } = options;
    this.#options = options;
    this.place = options.place ?? unknown;
    this.#acked = this.place;
    this.#life = random.hex(4);
    this.#socket = createSocketClient({
      address: () => `${options.gateway().replace(/^http/, 'ws')}/chat`,
      protocols: ['weft.v1', `bearer.${tokenOf(userId, secret)}`],
      onOpen: (ask) => this.#listen(ask),
      onFrame: (frame) => {
        this.#onFrame(frame);
      },
    });
    this.request = this.#socket.request;
  }

  get state(): SocketClient['state'] {
    return this.#socket.state;
  }

  send(to: string, text: string): Promise<string> {
    const turn = this.#last.then(() => this.#send(to, text));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  drop(): void {
    this.#socket.drop();
  }

  close(): Promise<void> {
    return this.#socket.close();
  }

  /** What it has, it has: saying so acknowledges it as well. */
  async #listen(ask: SocketClient['request']): Promise<void> {
    const known = this.place === unknown ? {} : { after: this.place };
    const { after } = await ask({ type: 'listen', ...known });
    this.place = Math.max(this.place, Number(after));
    this.#acked = Math.max(this.#acked, Number(after));
  }

  #onFrame(frame: Frame): void {
    if (frame.type === 'message') this.#onMessage(frame as unknown as ChatMessage);
    if (frame.type !== 'sent') return;
    this.#options.onSent?.(String(frame['to']), frame['clientIds'] as string[]);
  }

  #onMessage(message: ChatMessage): void {
    if (message.place <= this.place) {
      this.repeated++;
      return;
    }
    this.place = message.place;
    this.#options.onMessage?.(message);
    if (!this.#acking) void this.#acknowledge();
  }

  /** One at a time, each for all that came meanwhile. */
  async #acknowledge(): Promise<void> {
    this.#acking = true;
    while (this.#acked < this.place && this.state !== 'closed') {
      const { place } = this;
      await this.#socket.request({ type: 'ack', place }).then(
        () => (this.#acked = place),
        () => systemClock.sleep(pauseMs),
      );
    }
    this.#acking = false;
  }

  async #send(to: string, text: string): Promise<string> {
    const clientId = `${this.#options.userId}-${this.#life}-${String(++this.#sent)}`;
    for (;;) {
      try {
        await this.#socket.request({ type: 'send', to, clientId, text });
        return clientId;
      } catch (thrown) {
        if (this.state === 'closed' || !passing.has(MeshError.from(thrown).status)) throw thrown;
        await systemClock.sleep(pauseMs);
      }
    }
  }
}
