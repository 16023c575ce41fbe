import { join } from 'node:path';
import type { FoundTool } from '../tools/find.ts';
import { atLeast } from '../tools/version.ts';
import type { ProcessPlan } from './plan.ts';
import type { MeshFile } from './schema.ts';

/** The programs that carry a mesh. */
export interface Servers {
  readonly consul: FoundTool;
  readonly nats: FoundTool;
}

/** Where things of one checkout lie, and where its ports begin. */
export interface Site {
  /** The checkout. */
  readonly root: string;
  /** State of the checkout: <root>/.run. */
  readonly run: string;
  readonly portBase: number;
}

const host = '127.0.0.1';

/** Consul and NATS for one machine, each with its data under .run/, bound to loopback only. */
export function infrastructurePlans(
  file: MeshFile,
  site: Site,
  servers: Servers,
): readonly [ProcessPlan, ProcessPlan] {
  return [
    consulPlan(file.infrastructure.consul, site, servers.consul),
    natsPlan(file.infrastructure.nats, site, servers.nats),
  ];
}

/** What both have in common. */
function base(service: string, { run }: Site) {
  return {
    id: service,
    service,
    instance: 1,
    kind: 'infrastructure',
    env: {},
    log: join(run, 'logs', `${service}.log`),
    readyWithinMs: 30_000,
    graceMs: 10_000,
    after: [],
    calls: [],
  } as const;
}

/**
 * One server with its data on disk, not `-dev`: registrations and configuration survive down and up. The
 * ports are all given, since a second checkout has its own; raft_multiplier 1 elects a leader in about
 * 2 s instead of 10 (developer.hashicorp.com/consul/docs/reference/agent/configuration-file/general).
 */
function consulPlan(
  offsets: MeshFile['infrastructure']['consul'],
  site: Site,
  { path, version }: FoundTool,
): ProcessPlan {
  const [http, server, serf] = [offsets.port, offsets.server, offsets.serf].map(
    (each) => site.portBase + each,
  ) as [number, number, number];
  const dns = offsets.dns === undefined ? -1 : site.portBase + offsets.dns;
  const settings = [
    'performance { raft_multiplier = 1 }',
    'disable_update_check = true',
    // A certificate authority, and the intentions: idle until a service runs with IDENTITY=consul.
    'connect { enabled = true }',
    // Servers from 1.14 on open a TLS port for xDS by default; older ones refuse to hear of it.
    ...(atLeast(version, '1.14.0') ? ['ports { grpc_tls = -1 }'] : []),
  ];
  const flags = [
    ...['-server', '-bootstrap-expect=1', '-ui', '-node=weft', '-log-level=info'],
    ...[`-bind=${host}`, `-client=${host}`, `-data-dir=${join(site.run, 'consul')}`],
    ...[`-http-port=${http}`, `-server-port=${server}`, `-serf-lan-port=${serf}`],
    ...['-serf-wan-port=-1', `-dns-port=${dns}`, '-grpc-port=-1'],
  ];
  return {
    ...base('consul', site),
    command: [path, 'agent', ...flags, ...settings.flatMap((each) => ['-hcl', each])],
    ports: [http, server, serf, ...(dns === -1 ? [] : [dns])],
    ready: { kind: 'leader' },
  };
}

function natsPlan(
  offsets: MeshFile['infrastructure']['nats'],
  site: Site,
  { path }: FoundTool,
): ProcessPlan {
  const port = site.portBase + offsets.port;
  const monitor = site.portBase + offsets.monitor;
  const store = join(site.run, 'nats');
  return {
    ...base('nats', site),
    command: [
      ...[path, '--name', 'weft', '--addr', host, '--port', String(port)],
      ...['--http_port', String(monitor), '--jetstream', '--store_dir', store],
    ],
    ports: [port, monitor],
    ready: { kind: 'http', url: `http://${host}:${monitor}/healthz` },
  };
}
