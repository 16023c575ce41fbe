import { connect } from 'nats';
import { systemClock } from '#mesh';
import { eventually } from '../../mesh/testing/eventually.ts';
import type { NatsCluster, NatsMember } from '../../mesh/testing/nats-cluster.ts';

/** Kills the server that leads a stream, so many times, and brings it back each time. */
export async function killLeaders(
  cluster: NatsCluster,
  of: {
    readonly stream: string;
    readonly times: number;
    /** Before each kill, before its server comes back, and at the end. */
    readonly pauseMs: number;
    readonly onKilled: (name: string) => void;
  },
): Promise<readonly string[]> {
  const killed: string[] = [];
  for (let n = 0; n < of.times; n++) {
    await systemClock.sleep(of.pauseMs);
    const leader = await leaderOf(cluster, of.stream);
    await leader.kill();
    killed.push(leader.name);
    of.onKilled(leader.name);
    await systemClock.sleep(of.pauseMs);
    await leader.restart();
  }
  await systemClock.sleep(of.pauseMs);
  return killed;
}

/** The server that leads the stream now, asked of whichever answers. */
async function leaderOf({ members }: NatsCluster, stream: string): Promise<NatsMember> {
  const ask = async (): Promise<NatsMember> => {
    const connection = await connect({ servers: members.map(({ url }) => url) });
    try {
      const manager = await connection.jetstreamManager();
      const { cluster: group } = await manager.streams.info(stream);
      const leader = members.find(({ name }) => name === group?.leader);
      if (leader === undefined) throw new Error(`${stream} has no leader now`);
      return leader;
    } finally {
      await connection.close();
    }
  };
  return eventually(ask, { withinMs: 60_000, everyMs: 200 });
}
