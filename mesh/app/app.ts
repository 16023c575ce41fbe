/**
 * The life of one service in one screen: open the store, build, listen, consume, register; and backwards,
 * leave discovery, let the news spread, finish what runs, close. Whoever wants another life composes the
 * same parts by hand: nothing here is known to the rooms below.
 */
import { AdminServiceDefinition } from '../../gen/weft/admin/v1/admin.ts';
import { createAdminService } from '../admin/service.ts';
import { type Consul, createConsul } from '../consul/client.ts';
import { createConsulElections } from '../discovery/consul/elections.ts';
import { createConsulDiscovery } from '../discovery/consul.ts';
import type { Elections } from '../discovery/elections.ts';
import type { Events } from '../events/events.ts';
import { systemClock } from '../kernel/clock.ts';
import { type Closeable, closeAll } from '../kernel/lifecycle.ts';
import type { Log } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { createServer, type MeshServer } from '../rpc/server/server.ts';
import { weftImage } from '../schema/image.ts';
import { createLog } from '../telemetry/log.ts';
import { createSpanRing } from '../telemetry/spans.ts';
import { createTelemetry } from '../telemetry/telemetry.ts';
import { openDoors } from './doors.ts';
import { exportSpans } from './export-spans.ts';
import { listen } from './listen.ts';
import type { App, AppOptions, ServiceParts } from './options.ts';
import { openParts } from './parts.ts';
import { openReach } from './reach.ts';
import { openSecurity } from './security.ts';
import { newInstanceId } from './settings.ts';
import { givenUp, showMetrics, visible, watchEvents, watchLate } from './visible.ts';

/** The longest that running calls may go on after the instance left discovery, in ms. */
const drainGraceMs = 25_000;

/**
 * Starts a service and resolves when others can find it. Throws what the first failing step threw, with
 * everything closed that was open by then.
 */
export async function startApp<DB>(options: AppOptions<DB>): Promise<App> {
  const { name, settings } = options;
  const instanceId = settings.instanceId ?? newInstanceId(name);
  const fields = { service: name, instance: instanceId };
  const log = createLog({ level: settings.logLevel, fields });
  const system = { clock: systemClock, random: systemRandom, log };
  const ring = createSpanRing();
  const image = options.image ?? weftImage();
  const opened: Closeable[] = [];
  try {
    const telemetry = createTelemetry({ clock: systemClock, service: name, instanceId });
    opened.push(telemetry);
    const spans = exportSpans(ring, settings, { ...system, ...fields, telemetry, opened });
    const ports = { ...system, image, spans };
    const consul = createConsul({ address: settings.consul, ...ports });
    const discovery = createConsulDiscovery({ consul, ...ports });
    opened.push(closingConsul(consul), discovery);
    const basis = { ...ports, instanceId, consul, telemetry, opened };
    const security = await openSecurity(options, basis);
    const reach = openReach(settings, { ...basis, ...security, resolver: discovery.resolver });
    opened.push(reach);
    const known = { ...ports, elections: electionsOf(instanceId, { consul, ...ports }), opened };
    const { tools, events } = await openParts(options, { ...known, peers: reach.peers, telemetry });
    const watching = events && watchEvents(telemetry.registry, events, ports);
    const parts = await options.build(tools);
    const serving = { ...ports, ...security, metrics: telemetry.rpc };
    const server = createServer({ ...serving, lane: settings.lane });
    server.add(
      AdminServiceDefinition,
      createAdminService({
        ...{ service: name, instanceId, spans: ring, image },
        ...{ ...givenUp(events), sagas: tools.desk, events: watching?.view },
        ...visible(telemetry, reach, server),
      }),
    );
    for (const bind of parts.services) bind(server);
    opened.push(server);
    const listening = { instanceId, log, ...security };
    const { host, port, metadata: said } = await listen(server, settings, listening);
    const shown = await showMetrics(settings, telemetry, opened);
    await startEvents({ name, events, watching, parts, opened });
    for (const job of tools.jobs) opened.push(job());
    opened.push(...watchLate(telemetry.registry, tools, ports));
    const doors = await openDoors(parts, opened);
    const metadata = { ...said, ...shown, ...doors, ...options.metadata };
    const endpoint = { instanceId, service: name, host, port, metadata };
    const lease = await discovery.registry.register(endpoint);
    opened.push(leave(lease, server, { spreadMs: settings.drainSpreadMs, log }));
    log.info('serving', { host, port, ...metadata, store: tools.store.dialect });
    return { endpoint, close: once(() => closeAll(opened)) };
  } catch (thrown) {
    await closeAll(opened).catch((err: unknown) => {
      log.error('closing after a failed start failed too', { err });
    });
    throw thrown;
  }
}

interface Hearing<DB> {
  readonly name: string;
  readonly events: Events<DB> | undefined;
  readonly watching: { start(): Closeable } | undefined;
  readonly parts: ServiceParts<DB>;
  readonly opened: Closeable[];
}

/** The relay of the outbox, and the consumer of the service. */
async function startEvents<DB>(hearing: Hearing<DB>): Promise<void> {
  const { name, events, watching, parts, opened } = hearing;
  if (events === undefined) return;
  opened.push(events);
  events.start();
  if (watching !== undefined) opened.push(watching.start());
  if (parts.consumer !== undefined) await events.subscribe({ consumer: name, ...parts.consumer });
}

/**
 * The first thing that closes: out of discovery, so that no new caller comes; then a pause in which the old
 * ones hear of it; then GOAWAY and the end of what runs. A GOAWAY that overtakes the news fails the calls of
 * clients that do not retry.
 */
function leave(
  lease: Closeable,
  server: MeshServer,
  { spreadMs, log }: { spreadMs: number; log: Log },
): Closeable {
  return {
    async close() {
      log.info('draining', { spreadMs, graceMs: drainGraceMs });
      await lease.close();
      await systemClock.sleep(spreadMs);
      await server.drain({ graceMs: drainGraceMs });
    },
  };
}

/** A lead hangs on the check by which Consul probes this instance (mesh/consul/agent.ts). */
function electionsOf(
  instanceId: string,
  ports: Parameters<typeof createConsulElections>[0],
): Elections {
  const checks = [`service:${instanceId}`];
  return createConsulElections(ports, { candidate: instanceId, checks });
}

function closingConsul(consul: Consul): Closeable {
  return {
    close() {
      consul.close();
      return Promise.resolve();
    },
  };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () => (running ??= work());
}
