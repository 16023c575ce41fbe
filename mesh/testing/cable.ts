import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * The cable between clients and one server on loopback. To cut it looks to both sides like the death of the
 * other's process: open connections break, new ones are refused; but the server lives on, so that a test
 * can ask it what it has seen.
 */
export interface Cable {
  /** Where clients plug in. */
  readonly port: number;
  /** Connections that are open now. */
  readonly connections: number;
  /** kill -9: breaks what is open, refuses what comes. */
  cut(): Promise<void>;
  /**
   * A host that is gone without a word: what is open says nothing more, what comes gets no answer. One
   * direction alone is a host that hears and is not heard, or the other way round. Bytes are lost, so cut
   * before mending.
   */
  freeze(direction?: 'both' | 'to-server' | 'to-client'): void;
  /** Listens again, on the same port. */
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** A cable to `serverPort` of this machine. */
export async function createCable(serverPort: number): Promise<Cable> {
  const sockets = new Set<Socket>();
  let frozen: Parameters<Cable['freeze']>[0] | 'no' = 'no';
  let port = 0;
  let listener = createServer(plug);

  function plug(client: Socket): void {
    const server = connect(serverPort, '127.0.0.1');
    for (const [from, to, direction] of [
      [client, server, 'to-server'],
      [server, client, 'to-client'],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('data', (bytes) => {
        if (frozen !== 'both' && frozen !== direction) to.write(bytes);
      });
      from.on('error', () => undefined);
      // What was sent before an orderly end must still arrive; a break breaks the other side too.
      from.on('end', () => to.end());
      from.on('close', (broken) => {
        sockets.delete(from);
        if (broken || from.destroyed) to.destroySoon();
      });
    }
  }

  async function cut(): Promise<void> {
    const closed = listener.listening ? once(listener, 'close') : undefined;
    listener.close();
    for (const socket of sockets) breakOff(socket);
    await closed;
  }

  async function listen(): Promise<void> {
    listener.listen(port, '127.0.0.1');
    await once(listener, 'listening');
    ({ port } = listener.address() as AddressInfo);
  }

  await listen();
  return {
    get port() {
      return port;
    },
    get connections() {
      return sockets.size / 2;
    },
    cut,
    freeze(direction = 'both') {
      frozen = direction;
    },
    async mend() {
      frozen = 'no';
      if (listener.listening) return;
      listener = createServer(plug);
      await listen();
    },
    close: cut,
  };
}

/**
 * As the death of the process at the other end. A socket that is just being ended refuses the reset (EINVAL), and
 * Node then takes it for closed and never closes it: at its end the process waits for that at full speed, for ever.
 */
export function breakOff(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
