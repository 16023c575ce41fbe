import { join, relative } from 'node:path';
import { MeshError } from '../../kernel/error.ts';
import type { Environment } from '../environment.ts';
import { consolePlan, consoleUrl } from './console-plan.ts';
import { infrastructurePlans, type Servers, type Site } from './infrastructure.ts';
import { leanEnvironment, leanNode } from './lean-node.ts';
import type { MeshIdentity, MeshPlan, ProcessPlan, Scale } from './plan.ts';
import type { MeshFile, ServiceEntry } from './schema.ts';
import { fill, type Values } from './template.ts';

/** What is asked to run. */
export interface Request {
  readonly file: MeshFile;
  /** The path of that file, for messages. */
  readonly path: string;
  readonly site: Site;
  /** Stories to run; "all" is every one of them. */
  readonly stories: readonly string[];
  /** Overrides the counts of the file. */
  readonly scale: Scale;
  readonly identity: MeshIdentity;
  readonly servers: Servers;
  /** What ${env.NAME} means. */
  readonly env: Environment;
}

const host = '127.0.0.1';

/** Turns what is asked into the list of processes that are to run. Throws INVALID_ARGUMENT on names that nobody declared. */
export function planMesh(request: Request): MeshPlan {
  const { file, path, site, stories, scale, identity } = request;
  checkNames(request);
  const infrastructure = infrastructurePlans(file, site, request.servers);
  const consul = `http://${host}:${site.portBase + file.infrastructure.consul.port}`;
  const nats = `${host}:${site.portBase + file.infrastructure.nats.port}`;
  const values = valuesOf(request, { consul, nats });
  const services = Object.entries(file.services)
    .filter(([, { story }]) => story === undefined || runs(stories, story))
    .flatMap(([name, entry]) =>
      Array.from({ length: scale[name] ?? entry.instances }, (_, i) =>
        servicePlan({ ...{ name, entry, instance: i + 1 }, site, consul, identity, values }),
      ),
    );
  const running = new Set(services.map(({ service }) => service));
  return {
    root: site.root,
    file: path,
    portBase: site.portBase,
    stories,
    scale,
    identity,
    consul,
    nats,
    ...consoleUrl(file, site),
    processes: [...infrastructure, ...consolePlan(file, site, { consul, nats }), ...services],
    examples: file.examples.filter(({ service }) => running.has(service)),
    next: file.next,
  };
}

function runs(stories: readonly string[], own: readonly string[]): boolean {
  return stories.includes('all') || own.some((story) => stories.includes(story));
}

function checkNames({ file, path, stories, scale }: Request): void {
  const known = new Set(Object.values(file.services).flatMap(({ story }) => story ?? []));
  const refuse = (message: string): MeshError =>
    new MeshError(message, { status: 'INVALID_ARGUMENT', reason: 'UNKNOWN_NAME' });
  for (const story of stories) {
    if (story === 'all' || known.has(story)) continue;
    throw refuse(`${path} has no story ${story}; it has ${[...known, 'all'].join(', ')}`);
  }
  for (const [name, count] of Object.entries(scale)) {
    const entry = file.services[name];
    if (entry === undefined) {
      throw refuse(
        `${path} has no service ${name}; it has ${Object.keys(file.services).join(', ')}`,
      );
    }
    if (count > 1 && entry.ready === 'tcp') {
      throw refuse(
        `${name} cannot run ${count} times: it is ready by its one fixed port (ready: tcp). Let it register in Consul (ready: consul)`,
      );
    }
  }
}

function valuesOf({ file, site, env }: Request, at: { consul: string; nats: string }): Values {
  const variables = Object.entries(env).map(([name, value]) => [`env.${name}`, value] as const);
  const ports = Object.entries(file.services).flatMap(([name, { port }]) =>
    port === undefined ? [] : [[`port.${name}`, String(site.portBase + port)] as const],
  );
  const { dns } = file.infrastructure.consul;
  const dnsPort = dns === undefined ? {} : { dns: String(site.portBase + dns) };
  const own = {
    ...at,
    ...dnsPort,
    run: relative(site.root, site.run),
    port_base: String(site.portBase),
  };
  return { ...Object.fromEntries([...variables, ...ports]), ...own };
}

interface ServiceAt {
  readonly name: string;
  readonly entry: ServiceEntry;
  /** From 1. */
  readonly instance: number;
  readonly site: Site;
  readonly consul: string;
  readonly identity: MeshIdentity;
  readonly values: Values;
}

function servicePlan({
  name,
  entry,
  instance,
  site,
  consul,
  identity,
  values,
}: ServiceAt): ProcessPlan {
  const instanceId = `${name}-${instance}`;
  // Only the first instance has fixed ports: a number that people remember names one process.
  const fixed = instance === 1;
  const port = fixed && entry.port !== undefined ? site.portBase + entry.port : 0;
  const others = Object.entries(entry.ports).map(
    ([variable, at]) => [variable, fixed ? site.portBase + at : 0] as const,
  );
  const own = Object.entries(entry.env).map(
    ([variable, value]) => [variable, fill(value, { ...values, instance: instanceId })] as const,
  );
  return {
    id: `${name}#${instance}`,
    service: name,
    instance,
    kind: 'service',
    ...(entry.story !== undefined && { story: entry.story.join(', ') }),
    command: commandOf(entry, values),
    env: {
      MESH_CONSUL: consul,
      MESH_NATS: values['nats'] ?? '',
      IDENTITY: identity,
      HOST: host,
      PORT: String(port),
      STORE: `sqlite:${values['run'] ?? '.run'}/data/${name}.db`,
      LOG_LEVEL: values['env.LOG_LEVEL'] ?? 'info',
      INSTANCE_ID: instanceId,
      ...socketsOf(site.run),
      ...leanEnvironment(site.run),
      ...Object.fromEntries(others.map(([variable, at]) => [variable, String(at)])),
      ...Object.fromEntries(own),
    },
    ports: [port, ...others.map(([, at]) => at)].filter((each) => each !== 0),
    log: join(site.run, 'logs', `${instanceId}.log`),
    ready:
      entry.ready === 'tcp'
        ? { kind: 'tcp', port }
        : { kind: 'passing', service: name, instanceId },
    readyWithinMs: entry.readyWithinSeconds * 1_000,
    graceMs: entry.graceSeconds * 1_000,
    after: entry.after,
    calls: entry.calls,
  };
}

/**
 * Sockets stand in .run like everything else of a checkout, so that two checkouts do not meet. The kernel takes
 * 107 bytes of path (unix(7)); where the checkout lies too deep, the user's own folder of the machine serves.
 */
function socketsOf(run: string): Environment {
  const folder = join(run, 'sockets');
  return folder.length <= 60 ? { UNIX_SOCKETS: folder } : {};
}

function commandOf(entry: ServiceEntry, values: Values): readonly string[] {
  if (entry.command !== undefined) return entry.command.map((word) => fill(word, values));
  return [...leanNode, entry.run ?? ''];
}
