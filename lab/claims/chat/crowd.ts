/** Users who are connected and say nothing; what they are sent they acknowledge. */
import { WebSocket } from 'ws';
import { tokenOf } from '../../../services/chat/demo/token.ts';
import { childOptions, tellReady } from '../child.ts';
import { crowdOptions, crowdUser } from './crowd-options.ts';
import { secret } from './rig.ts';

const { address, users } = childOptions(crowdOptions);
/** So many handshakes at a time: a gateway is measured for what it holds, not for a stampede. */
const atOnce = 64;

function enter(n: number): Promise<void> {
  const userId = crowdUser(n);
  const protocols = ['weft.v1', `bearer.${tokenOf(userId, secret)}`];
  const socket = new WebSocket(`${address.replace(/^http/, 'ws')}/chat`, protocols, {
    perMessageDeflate: false,
    // An address has 28 000 ports to connect from (ip_local_port_range); four of them are plenty.
    localAddress: `127.0.0.${String(1 + (n % 4))}`,
  });
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.send(JSON.stringify({ type: 'listen', id: 'l' }));
    });
    socket.once('error', reject);
    socket.on('message', (data: Buffer) => {
      const { type, id, place } = JSON.parse(data.toString()) as Record<string, unknown>;
      if (id === 'l') resolve();
      if (type === 'message') socket.send(JSON.stringify({ type: 'ack', id: 'a', place }));
    });
  });
}

let next = 0;
await Promise.all(
  Array.from({ length: atOnce }, async () => {
    while (next < users) await enter(next++);
  }),
);
tellReady();
