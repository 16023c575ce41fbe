import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { breakOff, type Cable, createCable } from './cable.ts';
import { eventually } from './eventually.ts';

let cable: Cable;
let port: number;
const ends = new Set<Socket>();
const server = createServer({ allowHalfOpen: true }, (socket) => {
  ends.add(socket.on('error', () => undefined).resume());
});

beforeEach(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
  cable = await createCable(port);
});
afterEach(async () => {
  await cable.close();
  for (const socket of ends) socket.destroy();
  server.close();
  await once(server, 'close');
});

async function plugIn(into: number): Promise<Socket> {
  const socket = connect({ port: into, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket.on('error', () => undefined).resume(), 'connect');
  return socket;
}

test('a cut breaks all connections, and also those that were ended on one side', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => plugIn(cable.port)));
  await eventually(() => ends.size === clients.length);
  for (const client of clients.slice(10)) client.end();
  await cable.cut();
  await eventually(() => cable.connections === 0);
  await eventually(() => clients.every((socket) => socket.closed || socket.readableEnded));
  for (const client of clients) client.destroy();
  expect(cable.connections).toBe(0);
});

test('a socket that is just being ended is closed too: a reset that it refuses would leave it to the process for ever', async () => {
  const socket = await plugIn(port);
  socket.end();
  breakOff(socket);
  await once(socket, 'close');
  expect(socket.closed).toBe(true);
});
