/**
 * `make chaos-cluster`: three nats-servers keep every channel three times, and five times the server that leads
 * the stream is killed while events are published and heard. Every event whose publishing was acknowledged must be
 * heard. Writes lab/results/chaos-cluster.json; takes about two minutes.
 */
import { parseArgs } from 'node:util';
import { connect } from 'nats';
import { createLog, systemClock, systemRandom } from '#mesh';
import { createJetStreamBus } from '../../mesh/events/jetstream/bus.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import { type NatsMember, startNatsCluster } from '../../mesh/testing/nats-cluster.ts';
import { writeResult } from '../result-file.ts';

const { values: options } = parseArgs({ options: { kills: { type: 'string' } } });
const fullRun = 5;
const kills = Number(options.kills ?? fullRun);
const channel = { name: 'chaos-cluster' };
/** Sent together, again and again: what the relay of an outbox does. */
const batch = 100;
const betweenKillsMs = 3000;
const settleMs = 120_000;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const cluster = await startNatsCluster();
const bus = createJetStreamBus({
  servers: cluster.members.map(({ url }) => url.replace('nats://', '')),
  replicas: 3,
  ...{ clock: systemClock, random: systemRandom, log: createLog({ level: 'silent' }) },
});
try {
  await eventually(() => bus.ensureChannel(channel), { withinMs: 60_000, everyMs: 200 });
  const heard = new Map<string, number>();
  bus.consume({
    channel,
    consumer: 'ledger',
    subjects: [`${channel.name}.Numbered`],
    maxInFlight: 1000,
    onDelivery(delivery) {
      const id = Buffer.from(delivery.data).toString();
      heard.set(id, (heard.get(id) ?? 0) + 1);
      delivery.ack();
    },
  });
  const publishing = publishUntil();
  const killed: string[] = [];
  for (let n = 0; n < kills; n++) {
    await systemClock.sleep(betweenKillsMs);
    const leader = await leaderOf();
    await leader.kill();
    killed.push(leader.name);
    say(`killed ${leader.name}, which led the stream`);
    await systemClock.sleep(betweenKillsMs);
    await leader.restart();
  }
  await systemClock.sleep(betweenKillsMs);
  const { acknowledged, open } = await publishing.end();
  const missing = (): string[] => [...acknowledged].filter((id) => !heard.has(id));
  await eventually(() => missing().length === 0, { withinMs: settleMs, everyMs: 200 }).catch(
    () => undefined,
  );
  const lost = missing().length;
  const again = [...heard.values()].reduce((sum, times) => sum + times - 1, 0);
  say(
    `${String(acknowledged.size)} acknowledged, ${String(lost)} of them lost; ${String(again)} heard again; ${String(open)} times a fate was left open and the event sent again`,
  );
  if (kills >= fullRun) {
    const path = await writeResult({
      name: 'chaos-cluster',
      command: 'make chaos-cluster',
      bars: [
        { name: 'cluster-leaders-killed', value: killed.length, op: '>=', bar: 5, unit: 'kill -9' },
        { name: 'cluster-lost', value: lost, op: '<=', bar: 0, unit: 'acknowledged events' },
      ],
      data: { killed, acknowledged: acknowledged.size, heardAgain: again, sentAgain: open },
    });
    say(`written: ${path}; make results shows it`);
  }
  process.exitCode = lost === 0 ? 0 : 1;
} finally {
  await bus.close();
  await cluster.close();
}

/** Publishes numbered events without a pause; what is left open is sent again under its id, as a relay does. */
function publishUntil(): {
  end(): Promise<{ readonly acknowledged: ReadonlySet<string>; readonly open: number }>;
} {
  const acknowledged = new Set<string>();
  let open = 0;
  const over = new AbortController();
  const done = (async () => {
    for (let n = 0; !over.signal.aborted; n++) {
      let waiting = Array.from({ length: batch }, (_, i) => `${String(n)}-${String(i)}`);
      while (waiting.length > 0) {
        const outcomes = await bus.publish(waiting.map(numbered)).catch(() => []);
        const rest = waiting.filter((_, i) => outcomes[i]?.stored !== true);
        for (const id of waiting) if (!rest.includes(id)) acknowledged.add(id);
        open += rest.length;
        waiting = rest;
        // A few hundred a second are a load; a full pipe would only measure the disk.
        await systemClock.sleep(rest.length > 0 ? 200 : 50);
      }
    }
  })();
  return {
    async end() {
      over.abort();
      await done;
      return { acknowledged, open };
    },
  };
}

function numbered(id: string): Parameters<typeof bus.publish>[0][number] {
  const subject = `${channel.name}.Numbered`;
  return { channel: channel.name, subject, id, headers: {}, data: Buffer.from(id) };
}

/** The server that leads the stream now, asked of whichever answers. */
async function leaderOf(): Promise<NatsMember> {
  return eventually(
    async () => {
      const connection = await connect({ servers: cluster.members.map(({ url }) => url) });
      try {
        const manager = await connection.jetstreamManager();
        const { cluster: group } = await manager.streams.info(channel.name);
        const leader = cluster.members.find(({ name }) => name === group?.leader);
        if (leader === undefined) throw new Error('the stream has no leader now');
        return leader;
      } finally {
        await connection.close();
      }
    },
    { withinMs: 60_000, everyMs: 200 },
  );
}
