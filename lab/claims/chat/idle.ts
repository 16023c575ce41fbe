/** Many who are connected and say nothing: what one gateway holds for them. */
import { readFileSync } from 'node:fs';
import { systemClock } from '#mesh';
import { eventually } from '../../../mesh/testing/eventually.ts';
import { cpuMs, residentMb } from '../../house/proc.ts';
import { percentile } from '../../suite/stats.ts';
import { startChild } from '../child.ts';
import type { Effort } from '../experiment.ts';
import { type CrowdOptions, crowdUser } from './crowd-options.ts';
import { openChat } from './rig.ts';

export interface Idle {
  /** Connections that stood at the gateway, as the kernel counts them, after they had been idle. */
  readonly connections: number;
  /** Resident memory of the gateway's process, in MiB. */
  readonly emptyMb: number;
  readonly fullMb: number;
  /** What a connection adds to it, in KiB. */
  readonly kibEach: number;
  /** Processor time of the gateway while all were idle, in ms a second; pings are its only work. */
  readonly cpuMsPerSecond: number;
  /** How long it took until all were connected and listened, in s. */
  readonly enteredS: number;
  /** Users of the crowd who were written to, and the median until they had acknowledged, in ms. */
  readonly reached: number;
  readonly reachedP50Ms: number;
}

const plans = {
  full: { users: 10_000, idleMs: 45_000, reach: 100 },
  short: { users: 1_000, idleMs: 3_000, reach: 20 },
} as const;

export async function measureIdle(say: (text: string) => void, effort: Effort): Promise<Idle> {
  const { users, idleMs, reach } = plans[effort];
  const rig = await openChat(1);
  try {
    const address = rig.gateways.all().get('gateway-1') ?? '';
    const pid = rig.pid('gateway-1');
    await systemClock.sleep(2_000);
    const emptyMb = residentMb(pid);
    const begin = systemClock.monotonic();
    const options: CrowdOptions = { address, users };
    const crowd = await startChild('chat/crowd.ts', options);
    const enteredS = (systemClock.monotonic() - begin) / 1000;
    say(`${String(users)} are connected after ${enteredS.toFixed(1)} s`);
    const cpuBefore = cpuMs(pid);
    await systemClock.sleep(idleMs);
    const cpuMsPerSecond = ((cpuMs(pid) - cpuBefore) * 1000) / idleMs;
    const connections = establishedAt(Number(new URL(address).port));
    const fullMb = residentMb(pid);
    const delays: number[] = [];
    for (let i = 0; i < reach; i++) {
      delays.push(await reachOne(rig.messages, crowdUser(Math.floor((i * users) / reach))));
    }
    await crowd.kill();
    const kibEach = ((fullMb - emptyMb) * 1024) / users;
    const reachedP50Ms = percentile(
      delays.sort((a, b) => a - b),
      0.5,
    );
    return {
      ...{ connections, emptyMb, fullMb, kibEach, cpuMsPerSecond, enteredS },
      ...{ reached: delays.length, reachedP50Ms },
    };
  } finally {
    await rig.close();
  }
}

/** Writes to one of the crowd, and waits until it has said that it has it. */
async function reachOne(
  messages: Awaited<ReturnType<typeof openChat>>['messages'],
  userId: string,
): Promise<number> {
  const begin = systemClock.monotonic();
  const draft = { sender: 'watch', recipient: userId, clientId: `to-${userId}`, text: 'hello' };
  await messages.send(draft);
  await eventually(
    async () => (await messages.readMailbox({ userId, after: 0, limit: 1 })).acknowledged === 1,
    { everyMs: 1 },
  );
  return systemClock.monotonic() - begin;
}

/** TCP connections that stand at a local port; the kernel lists both of their ends. */
function establishedAt(port: number): number {
  // 127.0.0.1 as it stands in memory; the crowd's own addresses may use the same number.
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const established = '01';
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, at, , state]) => at === local && state === established).length;
}
