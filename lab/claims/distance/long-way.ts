import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type Closeable, systemClock } from '#mesh';

/** A way to a port of this machine on which bytes are on the road for half of `roundTripMs` in each direction. */
export interface LongWay extends Closeable {
  readonly port: number;
}

/** Bytes keep their order and their spacing: it is a long cable, not a narrow one. */
export async function openLongWay(target: number, roundTripMs: number): Promise<LongWay> {
  const sockets = new Set<Socket>();
  const listener = createServer((client) => {
    const server = connect(target, '127.0.0.1');
    carry(client, server);
    carry(server, client);
  });
  const carry = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.setNoDelay(true);
    const later = (work: () => void): void => {
      if (roundTripMs === 0) work();
      else systemClock.after(roundTripMs / 2, work);
    };
    from.on('data', (bytes) => {
      later(() => to.write(bytes));
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      sockets.delete(from);
      later(() => to.destroySoon());
    });
  };
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    async close() {
      const closed = once(listener, 'close');
      listener.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
