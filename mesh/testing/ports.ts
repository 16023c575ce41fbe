import { createServer } from 'node:net';
import { systemRandom } from '../kernel/random.ts';

// Below the ports that Linux hands to outgoing connections (32768 and up): while a server is down in a
// test, no connection can take its port by chance, so the restarted server gets the same one again.
const lowest = 20_000;
const highest = 32_000;

/** A TCP port of 127.0.0.1 that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = lowest + Math.floor(systemRandom.next() * (highest - lowest));
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port found between ${String(lowest)} and ${String(highest)}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
