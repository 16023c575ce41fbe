import type { Frame } from './frame.ts';

/** Who is connected, as the handshake said. */
export interface SocketCaller {
  /** The user: the subject of its token. */
  readonly subject: string;
}

/** One client, as those see it who have something to tell it. */
export interface SocketConnection {
  /** Unique in this process. */
  readonly id: string;
  /** Who is connected. */
  readonly caller: SocketCaller;
  /** Aborts when the connection is over, for whatever reason. */
  readonly signal: AbortSignal;
  /**
   * Sends a frame. Resolves when there is room for the next one: who waits for it holds one frame at a time,
   * however slow the client reads. Rejects with CANCELLED / SOCKET_CLOSED when the connection is over.
   */
  send(frame: Frame): Promise<void>;
  /** Sends the close frame; what was to be sent before it goes first. */
  close(code: number, reason: string): void;
}
