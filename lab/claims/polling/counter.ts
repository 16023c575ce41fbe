import { Agent, request } from 'node:http';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { systemClock, systemRandom } from '#mesh';
import { tokenOf } from '../../../services/chat/demo/token.ts';
import { secret } from '../chat/rig.ts';

/** What a user's client has cost and got; grows while it runs. */
export interface Tally {
  /** HTTP requests, or frames that the client sent. */
  requests: number;
  /** Of each message from its sending to its arrival, in ms. */
  readonly delaysMs: number[];
}

export interface Watcher {
  readonly tally: Tally;
  /** Payload of TCP so far, both ways: HTTP with its headers, or frames with theirs. */
  bytes(): number;
  close(): Promise<void>;
}

/** Messages tell when they were sent; all that takes part runs on one machine. */
const delayOf = (text: string): number => systemClock.now() - Number(text);

/** A user who holds a connection; resolves when it listens. */
export async function watchSocket(address: string, userId: string): Promise<Watcher> {
  const tally: Tally = { requests: 0, delaysMs: [] };
  const protocols = ['weft.v1', `bearer.${tokenOf(userId, secret)}`];
  const url = `${address.replace(/^http/, 'ws')}/chat`;
  const socket = new WebSocket(url, protocols, { perMessageDeflate: false });
  let tcp: Socket | undefined;
  socket.on('upgrade', (answer) => {
    tcp = answer.socket;
  });
  const say = (frame: object): void => {
    tally.requests++;
    socket.send(JSON.stringify(frame));
  };
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('open', () => {
      say({ type: 'listen', id: 'l' });
    });
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as { type: string; id?: string; text: string };
      if (frame.id === 'l') resolve();
      if (frame.type !== 'message') return;
      tally.delaysMs.push(delayOf(frame.text));
      say({ type: 'ack', id: 'a', place: (frame as unknown as { place: number }).place });
    });
  });
  return {
    tally,
    bytes: () => (tcp?.bytesRead ?? 0) + (tcp?.bytesWritten ?? 0),
    async close() {
      socket.terminate();
    },
  };
}

/** A user who asks every `everyMs` over one connection that is kept alive, and acknowledges what came. */
export function watchPolling(address: string, userId: string, everyMs: number): Watcher {
  const tally: Tally = { requests: 0, delaysMs: [] };
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set<Socket>();
  const headers = { authorization: `Bearer ${tokenOf(userId, secret)}` };
  const stop = new AbortController();
  const ask = (path: string, body?: string): Promise<{ messages?: Polled[] }> => {
    tally.requests++;
    return new Promise((resolve, reject) => {
      const method = body === undefined ? 'GET' : 'POST';
      const asked = request(`${address}${path}`, { agent, method, headers }, (answer) => {
        const pieces: Buffer[] = [];
        answer.on('data', (piece: Buffer) => pieces.push(piece));
        answer.on('end', () => {
          resolve(JSON.parse(Buffer.concat(pieces).toString()) as object);
        });
      });
      asked.on('socket', (socket) => sockets.add(socket));
      asked.on('error', reject);
      asked.end(body);
    });
  };
  const run = async (): Promise<void> => {
    let place = 0;
    // Not all in one moment, as people do not look in one moment.
    await pause(everyMs * systemRandom.next(), stop.signal);
    while (!stop.signal.aborted) {
      const next = systemClock.monotonic() + everyMs;
      const { messages = [] } = await ask(`/mailbox?after=${String(place)}`);
      for (const message of messages) tally.delaysMs.push(delayOf(message.text));
      place = messages.at(-1)?.place ?? place;
      if (messages.length > 0) await ask('/acknowledge', JSON.stringify({ place }));
      await pause(next - systemClock.monotonic(), stop.signal);
    }
  };
  const running = run();
  return {
    tally,
    bytes: () => [...sockets].reduce((sum, it) => sum + it.bytesRead + it.bytesWritten, 0),
    async close() {
      stop.abort();
      await running;
      agent.destroy();
    },
  };
}

interface Polled {
  readonly place: number;
  readonly text: string;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await systemClock.sleep(Math.max(0, ms), signal).catch(() => undefined);
}
