import { systemClock } from '#mesh';
import { cpuMs } from '../../house/proc.ts';
import { percentile } from '../../suite/stats.ts';
import type { ChatRig } from '../chat/rig.ts';
import { type Watcher, watchPolling, watchSocket } from './counter.ts';

export type Way = 'WebSocket' | 'polling';

/** How often those look who poll, in ms. */
export const pollMs = 1_000;

export interface Play {
  readonly way: Way;
  readonly users: number;
  /** Between two messages to one user, in ms; undefined: none come. */
  readonly gapMs: number | undefined;
  readonly lastsMs: number;
}

/** What it came to, from when everybody was there. */
export interface Cost {
  readonly delivered: number;
  readonly requests: number;
  readonly bytes: number;
  /** Processor time of the gateway. */
  readonly cpuMs: number;
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
}

let plays = 0;

export async function play(rig: ChatRig, { way, users, gapMs, lastsMs }: Play): Promise<Cost> {
  const address = rig.gateways.all().get('gateway-1') ?? '';
  const name = `play-${String(++plays)}`;
  const ids = Array.from({ length: users }, (_, n) => `${name}-${String(n)}`);
  const watchers = await Promise.all(
    ids.map(async (id) =>
      way === 'WebSocket' ? watchSocket(address, id) : watchPolling(address, id, pollMs),
    ),
  );
  // Beginning is not part of it: the first poll opens a connection as well.
  await systemClock.sleep(pollMs + 200);
  const before = { ...sumOf(watchers), cpu: cpuMs(rig.pid('gateway-1')) };
  const end = systemClock.monotonic() + lastsMs;
  if (gapMs === undefined) await systemClock.sleep(lastsMs);
  else await Promise.all(ids.map((id, n) => writeTo(rig, id, { n, users, gapMs, end })));
  // What was written last is still to be fetched.
  await systemClock.sleep(gapMs === undefined ? 0 : pollMs + 200);
  const after = { ...sumOf(watchers), cpu: cpuMs(rig.pid('gateway-1')) };
  await Promise.all(watchers.map((each) => each.close()));
  const delays = watchers.flatMap(({ tally }) => tally.delaysMs);
  return {
    delivered: delays.length,
    requests: after.requests - before.requests,
    bytes: after.bytes - before.bytes,
    cpuMs: after.cpu - before.cpu,
    delayP50Ms: percentile(delays, 0.5),
    delayP99Ms: percentile(delays, 0.99),
  };
}

function sumOf(watchers: readonly Watcher[]): { requests: number; bytes: number } {
  return {
    requests: watchers.reduce((sum, { tally }) => sum + tally.requests, 0),
    bytes: watchers.reduce((sum, each) => sum + each.bytes(), 0),
  };
}

interface Writing {
  readonly n: number;
  readonly users: number;
  readonly gapMs: number;
  readonly end: number;
}

async function writeTo(rig: ChatRig, id: string, { n, users, gapMs, end }: Writing): Promise<void> {
  await systemClock.sleep((gapMs * n) / users);
  for (let i = 0; systemClock.monotonic() < end; i++) {
    const due = systemClock.monotonic() + gapMs;
    const text = String(systemClock.now());
    const clientId = `${id}-${String(i)}`;
    await rig.messages.send({ sender: 'sender', recipient: id, clientId, text });
    await systemClock.sleep(Math.max(0, Math.min(due, end) - systemClock.monotonic()));
  }
}
