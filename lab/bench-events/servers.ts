import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type JetStreamClient, type NatsConnection, type StreamConfig } from 'nats';
import { systemClock, systemRandom } from '#mesh';
import type { Bus } from '../../mesh/events/bus/bus.ts';
import { createJetStreamBus } from '../../mesh/events/jetstream/bus.ts';
import { silentLog } from '../../mesh/kernel/log.ts';
import { type NatsServer, startNats } from '../../mesh/testing/nats.ts';
import { channel } from './messages.ts';

/** A real nats-server with the bench's stream: limits retention, one replica, on file. */
export interface Broker {
  readonly server: NatsServer;
  /** The plain client, for those whom weft is measured beside. */
  readonly plain: NatsConnection;
  readonly js: JetStreamClient;
  newBus(options?: { readonly window?: number }): Bus;
  /** Empties the stream, and gives its settings. */
  empty(): Promise<Record<string, string>>;
  close(): Promise<void>;
}

export async function openBroker(): Promise<Broker> {
  const server = await startNats();
  const plain = await connect({ servers: server.url });
  const manager = await plain.jetstreamManager();
  const newBus: Broker['newBus'] = ({ window } = {}) =>
    createJetStreamBus({
      ...{ servers: [server.url], clock: systemClock, random: systemRandom, log: silentLog },
      ...(window !== undefined && { window }),
    });
  const first = newBus();
  await first.ensureChannel({ name: channel });
  await first.close();
  // For those who publish in the server's own batches; weft does not.
  const batches = { allow_atomic: true, allow_batched: true };
  await manager.streams.update(channel, batches as Partial<StreamConfig>);
  return {
    ...{ server, plain, js: plain.jetstream(), newBus },
    async empty() {
      await manager.streams.purge(channel);
      const { config } = await manager.streams.info(channel);
      const version = plain.info?.version ?? 'unknown';
      const { storage, num_replicas: replicas, retention } = config;
      return { 'nats-server': `${version}, ${storage} storage, R${replicas}, ${retention}` };
    },
    async close() {
      await plain.close();
      await server.close();
    },
  };
}

/** A folder that goes when it is closed. */
export async function temporaryFolder(): Promise<{ path: string; close(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'weft-bench-events-'));
  return { path, close: () => rm(path, { recursive: true, force: true }) };
}
