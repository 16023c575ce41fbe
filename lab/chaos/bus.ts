import { createLog, systemClock, systemRandom } from '#mesh';
import type { Bus, Outgoing } from '../../mesh/events/bus/bus.ts';
import { createJetStreamBus } from '../../mesh/events/jetstream/bus.ts';
import { eventually } from '../../mesh/testing/eventually.ts';
import type { NatsCluster } from '../../mesh/testing/nats-cluster.ts';
import { killLeaders } from './leaders.ts';

const channel = { name: 'chaos-cluster' };
/** Sent together, again and again: what the relay of an outbox does. */
const batch = 100;

/** What became of events that were published meanwhile. */
export interface BusReport {
  readonly killed: readonly string[];
  readonly acknowledged: number;
  /** Acknowledged and never heard. */
  readonly lost: number;
  readonly heardAgain: number;
  readonly sentAgain: number;
}

/** Publishes and hears numbered events while the leaders of their stream die. */
export async function busUnderLeaders(
  cluster: NatsCluster,
  of: {
    readonly times: number;
    readonly pauseMs: number;
    /** How long what was acknowledged may take to be heard. */
    readonly settleMs: number;
    readonly onKilled: (name: string) => void;
  },
): Promise<BusReport> {
  const bus = createJetStreamBus({
    servers: cluster.members.map(({ url }) => url.replace('nats://', '')),
    replicas: 3,
    ...{ clock: systemClock, random: systemRandom, log: createLog({ level: 'silent' }) },
  });
  try {
    await eventually(() => bus.ensureChannel(channel), { withinMs: 60_000, everyMs: 200 });
    const heard = hear(bus);
    const publishing = publishUntil(bus);
    const killed = await killLeaders(cluster, { ...of, stream: channel.name });
    const { acknowledged, open } = await publishing.end();
    const missing = (): string[] => [...acknowledged].filter((id) => !heard.has(id));
    const all = eventually(() => missing().length === 0, { withinMs: of.settleMs, everyMs: 200 });
    await all.catch(() => undefined);
    return {
      ...{ killed, acknowledged: acknowledged.size, lost: missing().length, sentAgain: open },
      heardAgain: [...heard.values()].reduce((sum, times) => sum + times - 1, 0),
    };
  } finally {
    await bus.close();
  }
}

/** How often each event was heard. */
function hear(bus: Bus): ReadonlyMap<string, number> {
  const heard = new Map<string, number>();
  bus.consume({
    ...{ channel, consumer: 'ledger', subjects: [`${channel.name}.Numbered`], maxInFlight: 1000 },
    onDelivery(delivery) {
      const id = Buffer.from(delivery.data).toString();
      heard.set(id, (heard.get(id) ?? 0) + 1);
      delivery.ack();
    },
  });
  return heard;
}

/** Publishes numbered events without a pause; what is left open is sent again under its id, as a relay does. */
function publishUntil(bus: Bus): {
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

function numbered(id: string): Outgoing {
  const subject = `${channel.name}.Numbered`;
  return { channel: channel.name, subject, id, headers: {}, data: Buffer.from(id) };
}
