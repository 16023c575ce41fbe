import type { Order } from './gen/bench/v1/bench.ts';
import type { Work } from './work.ts';

/** Where one server of a contender is reached. */
export interface Address {
  readonly host: string;
  readonly port: number;
  /** What its contender wants to know beside: a Unix socket, a node id. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** The server side of a contender; runs in a process of its own. */
export interface ServerSide {
  serve(work: Work, name: string): Promise<Address & { close(): Promise<void> }>;
}

/** The client side of a contender; all of them run in one process. */
export interface ClientSide {
  /** A client that spreads its calls over all of `servers`. */
  connect(servers: readonly Address[]): Promise<Client>;
}

export interface Client {
  echo(order: Order): Promise<unknown>;
  /** As echo, by another method that takes so long. */
  linger?(order: Order, waitMs: number): Promise<unknown>;
  /** Reads `count` messages of a server stream; gives how many came. */
  watch?(order: Order, count: number): Promise<number>;
  /** `count` turns of a bidirectional stream, each begun when the one before is answered. */
  chat?(order: Order, count: number): Promise<number>;
  /** Share of the unary calls so far that travelled over a lane. */
  laneShare?(): number;
  close(): Promise<void>;
}

/** "127.0.0.1:20123". */
export function hostPort({ host, port }: Pick<Address, 'host' | 'port'>): string {
  return `${host}:${String(port)}`;
}

/** Reads a stream to its end; gives how many messages came, and tells of each. */
export async function countOf(
  messages: AsyncIterable<unknown>,
  onMessage: () => void = () => undefined,
): Promise<number> {
  const reader = messages[Symbol.asyncIterator]();
  let seen = 0;
  while ((await reader.next()).done !== true) {
    seen++;
    onMessage();
  }
  return seen;
}
