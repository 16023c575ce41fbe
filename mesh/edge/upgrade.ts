import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { EdgeRequest } from './edge-request.ts';

/** A request to leave HTTP for another protocol, as WebSocket. */
export interface UpgradeRequest extends EdgeRequest {
  /** What the handshake of the other protocol is made from. */
  readonly incoming: IncomingMessage;
}

/** Takes over connections at one path. */
export interface Upgrade {
  /** The whole path, as "/v1/topics". */
  readonly path: string;
  /**
   * Takes the socket over. Origin, token, rate and number of connections were found good before; from here on
   * the socket is the taker's, which must listen for its errors and bound what it holds for it.
   */
  accept(request: UpgradeRequest, socket: Duplex, head: Buffer): void;
  /**
   * The edge drains: say goodbye to those who are connected, and resolve when they are gone. Whoever still is
   * when the grace of the edge is over is cut off. Default: nothing is said.
   */
  drain?(): Promise<void>;
}
