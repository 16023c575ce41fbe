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
  const { userId, secret, random = systemRandom } = options;
  let place = options.place ?? unknown;
  let acked = place;
  let acking = false;
  let repeated = 0;
  let last: Promise<unknown> = Promise.resolve();
  let sent = 0;
  let closed = false;
  const run = random.hex(4);

  /** One at a time, each for all that came meanwhile. */
  const acknowledge = async (): Promise<void> => {
    if (acking) return;
    acking = true;
    while (acked < place && !closed) {
      const now = place;
      await socket.request({ type: 'ack', place: now }).then(
        () => (acked = now),
        () => systemClock.sleep(pauseMs),
      );
    }
    acking = false;
  };
  const onMessage = (message: ChatMessage): void => {
    if (message.place <= place) {
      repeated++;
      return;
    }
    ({ place } = message);
    options.onMessage?.(message);
    void acknowledge();
  };
  const socket = createSocketClient({
    address: () => `${options.gateway().replace(/^http/, 'ws')}/chat`,
    protocols: ['weft.v1', `bearer.${tokenOf(userId, secret)}`],
    async onOpen(ask) {
      const { after } = await ask({ type: 'listen', ...(place !== unknown && { after: place }) });
      place = Math.max(place, Number(after));
      acked = Math.max(acked, Number(after));
    },
    onFrame(frame: Frame) {
      if (frame.type === 'message') onMessage(frame as unknown as ChatMessage);
      else if (frame.type === 'sent')
        options.onSent?.(String(frame['to']), frame['clientIds'] as string[]);
    },
  });
  const send = async (to: string, text: string): Promise<string> => {
    const clientId = `${userId}-${run}-${String(++sent)}`;
    for (;;) {
      try {
        await socket.request({ type: 'send', to, clientId, text });
        return clientId;
      } catch (thrown) {
        if (!passing.has(MeshError.from(thrown).status)) throw thrown;
        await systemClock.sleep(pauseMs);
      }
    }
  };
  return {
    request: socket.request,
    get state() {
      return socket.state;
    },
    get place() {
      return place;
    },
    get repeated() {
      return repeated;
    },
    drop: () => socket.drop(),
    send(to, text) {
      const turn = last.then(() => send(to, text));
      last = turn.catch(() => undefined);
      return turn;
    },
    async close() {
      closed = true;
      await socket.close();
    },
  };
}
