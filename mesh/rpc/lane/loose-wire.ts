import {
  Channel,
  credentials,
  Metadata,
  type ServerInterceptingCallInterface,
  status,
} from '@grpc/grpc-js';

type ClientCall = ReturnType<Channel['createCall']>;
type ClientListener = Parameters<ClientCall['start']>[1];
type ClientStatus = Parameters<ClientListener['onReceiveStatus']>[0];
type ServerListener = Parameters<ServerInterceptingCallInterface['start']>[0];

interface Message {
  readonly message: Buffer;
  readonly sent: (() => void) | undefined;
}
type ToServer = Message | 'begin' | 'end' | 'cancel';
type ToClient = Message | ClientStatus;

const nothing = (): void => undefined;

/**
 * A stream of gRPC in the hand of a test: what one side writes stays under way until the test delivers it, and
 * each way keeps its order and waits for its reader, as HTTP/2 does. Messages travel as the very buffers that
 * were written, so that one that is written to again shows.
 */
export class LooseStream {
  readonly client: ClientCall;
  readonly server: ServerInterceptingCallInterface;
  #toServer: ToServer[] = ['begin'];
  #toClient: ToClient[] = [];
  #clientReads = 0;
  #serverReads = 0;
  #clientListener: ClientListener | undefined;
  #serverListener: ServerListener | undefined;

  constructor(onStart: (server: ServerInterceptingCallInterface) => void) {
    this.client = this.#clientSide(onStart);
    this.server = this.#serverSide();
  }

  /** Delivers the next thing that the server waits for; false if there is none. */
  toServer(): boolean {
    const next = this.#toServer[0];
    const listener = this.#serverListener;
    if (next === undefined || listener === undefined) return false;
    const read = typeof next === 'object' || next === 'end';
    if (read && this.#serverReads === 0) return false;
    if (read) this.#serverReads--;
    this.#toServer.shift();
    if (next === 'begin') listener.onReceiveMetadata(new Metadata());
    else if (next === 'end') listener.onReceiveHalfClose();
    else if (next === 'cancel') listener.onCancel();
    else {
      next.sent?.();
      listener.onReceiveMessage(next.message);
    }
    return true;
  }

  /** Delivers the next thing that the client waits for; false if there is none. */
  toClient(): boolean {
    const next = this.#toClient[0];
    const listener = this.#clientListener;
    if (next === undefined || listener === undefined) return false;
    if ('message' in next) {
      if (this.#clientReads === 0) return false;
      this.#clientReads--;
      this.#toClient.shift();
      next.sent?.();
      listener.onReceiveMessage(next.message);
      return true;
    }
    this.#clientListener = undefined;
    this.#toClient = [];
    listener.onReceiveStatus(next);
    return true;
  }

  /** Breaks the connection: so much of what is under way still arrives, either way, and then the news of it. */
  cut(toServer: number, toClient: number): void {
    this.#toServer = [...this.#toServer.slice(0, toServer), 'cancel'];
    const lost = { code: status.UNAVAILABLE, details: 'cut', metadata: new Metadata() };
    this.#toClient = [...this.#toClient.slice(0, toClient), lost];
  }

  #clientSide(onStart: (server: ServerInterceptingCallInterface) => void): ClientCall {
    return {
      start: (_metadata: Metadata, listener) => {
        this.#clientListener = listener;
        onStart(this.server);
      },
      sendMessageWithContext: ({ callback }, message) => {
        this.#toServer.push({ message, sent: callback && (() => callback(null)) });
      },
      startRead: () => this.#clientReads++,
      halfClose: () => this.#toServer.push('end'),
      cancelWithStatus: (code, details) => {
        this.#toServer = ['cancel'];
        this.#toClient = [{ code, details, metadata: new Metadata() }];
      },
      getPeer: () => 'wire',
      getCallNumber: () => 1,
      setCredentials: nothing,
      getAuthContext: () => null,
    };
  }

  #serverSide(): ServerInterceptingCallInterface {
    return {
      start: (listener) => {
        this.#serverListener = listener;
      },
      sendMetadata: nothing,
      sendMessage: (message: Buffer, sent) => {
        this.#toClient.push({ message, sent });
      },
      sendStatus: ({ code, details }) => {
        // Nobody hears what is still under way to this side.
        this.#serverListener = undefined;
        this.#toClient.push({ code, details, metadata: new Metadata() });
      },
      startRead: () => this.#serverReads++,
      getPeer: () => 'wire',
      getDeadline: () => Number.POSITIVE_INFINITY,
      getHost: () => '',
      getAuthContext: () => ({}),
      getConnectionInfo: () => ({ remoteAddress: 'wire', remotePort: 1 }),
      getMetricsRecorder: () => {
        throw new Error('there is none on this wire');
      },
    };
  }
}

/** A channel whose streams are in the hand of a test; it never connects to anything. */
export class LooseChannel extends Channel {
  /** Those of this test. */
  streams: LooseStream[] = [];
  onStart: (server: ServerInterceptingCallInterface) => void = nothing;

  constructor() {
    super('127.0.0.1:1', credentials.createInsecure(), { 'grpc.enable_channelz': 0 });
  }

  override createCall(): ClientCall {
    const stream = new LooseStream(this.onStart);
    this.streams.push(stream);
    return stream.client;
  }
}
