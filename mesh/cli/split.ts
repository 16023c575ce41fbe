import { Command, InvalidArgumentError } from 'commander';
import type { NewConfigEntry } from '../consul/config-entries.ts';
import type { ConfigEntry } from '../consul/types.ts';
import { MeshError } from '../kernel/error.ts';
import { type CommandIo, type MeshDoor, throughMesh } from './mesh-door.ts';
import { processIo } from './process-io.ts';
import { outputOption } from './ps.ts';
import { table } from './table.ts';

interface SplitOptions {
  readonly clear?: true;
  readonly consul?: string;
  readonly output: string;
}

/** One side of a split: a subset of the service, or another service. */
interface Leg {
  readonly name: string;
  readonly weight: number;
}

export function splitCommand(io: CommandIo = processIo()): Command {
  return new Command('split')
    .description('send shares of the calls to a service to subsets of it, or to other services')
    .argument('<service>', 'whom the calls go to, as "inventory"')
    .argument(
      '[legs...]',
      'shares that add up to 100, as v1=90 v2=10; none: show what is set',
      addLeg,
    )
    .option('--clear', 'end the split: calls go to all instances again, or to the default subset')
    .option('-c, --consul <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .addOption(outputOption())
    .addHelpText(
      'after',
      "\nA name is a subset of the service (its service-resolver in Consul names them), the version that\ninstances tell (SERVICE_VERSION), for which a subset is made, or another service. What it writes are\nConsul's own config entries (docs/guides/traffic.md); every caller follows them within milliseconds.",
    )
    .action((service: string, legs: readonly Leg[] | undefined, options: SplitOptions) =>
      throughMesh(options.consul, io.environment, async (mesh) => {
        if (options.clear === true) await clear(service, mesh, io);
        else if (legs !== undefined && legs.length > 0) await set(service, legs, mesh);
        if (options.clear !== true) io.print(await shown(service, mesh, options));
      }),
    );
}

async function clear(service: string, { consul }: MeshDoor, io: CommandIo): Promise<void> {
  const before = await entry('service-splitter', service, consul);
  await consul.deleteConfigEntry('service-splitter', service);
  io.print(
    before === undefined
      ? `no split was set for ${service}`
      : 'cleared; callers hear of it at once',
  );
}

async function set(service: string, legs: readonly Leg[], mesh: MeshDoor): Promise<void> {
  const total = legs.reduce((sum, { weight }) => sum + weight, 0);
  if (Math.abs(total - 100) > 0.001) {
    throw new MeshError(`the shares add up to ${total}, not to 100; nothing was changed`, {
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_SPLIT',
    });
  }
  const { consul } = mesh;
  const { splits, made } = await resolved(service, legs, mesh);
  for (const name of [service, ...splits.flatMap(({ Service }) => Service ?? [])]) {
    await speaksGrpc(name, mesh);
  }
  if (made !== undefined) {
    await consul.putConfigEntry({ kind: 'service-resolver', name: service, fields: made });
  }
  const fields = { Splits: splits };
  await consul.putConfigEntry({ kind: 'service-splitter', name: service, fields });
}

/** Consul splits only what speaks HTTP, as far as it knows: that must be said first. */
async function speaksGrpc(name: string, { consul }: MeshDoor): Promise<void> {
  const defaults = written((await entry('service-defaults', name, consul))?.fields);
  if (['grpc', 'http', 'http2'].includes(String(defaults['Protocol']))) return;
  const fields = { ...defaults, Protocol: 'grpc' };
  await consul.putConfigEntry({ kind: 'service-defaults', name, fields });
}

const ofConsul = new Set(['Kind', 'Name', 'CreateIndex', 'ModifyIndex', 'Hash']);

/** What somebody wrote of an entry, without what Consul adds to it. */
function written(fields: ConfigEntry['fields'] = {}): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !ofConsul.has(name)));
}

interface Split {
  readonly Weight: number;
  readonly ServiceSubset?: string;
  readonly Service?: string;
}

/** What the names mean; `made` is the service-resolver with subsets for versions that had none. */
async function resolved(
  service: string,
  legs: readonly Leg[],
  mesh: MeshDoor,
): Promise<{ splits: Split[]; made: Record<string, unknown> | undefined }> {
  const { consul } = mesh;
  const { value: instances } = await consul.instances(service);
  const versions = new Set(instances.map(({ meta }) => meta['version']).filter(isText));
  const services = await mesh.services();
  const resolver = written((await entry('service-resolver', service, consul))?.fields);
  const subsets: Record<string, unknown> = { ...subsetsOf(resolver) };
  const before = Object.keys(subsets).length;
  const splits = legs.map(({ name, weight }): Split => {
    if (Object.hasOwn(subsets, name)) return { Weight: weight, ServiceSubset: name };
    if (versions.has(name)) {
      subsets[name] = { Filter: `Service.Meta.version == ${JSON.stringify(name)}` };
      return { Weight: weight, ServiceSubset: name };
    }
    if (services.includes(name)) return { Weight: weight, Service: name };
    throw unknown(service, name, { subsets: Object.keys(subsets), versions, services });
  });
  const added = Object.keys(subsets).length > before;
  return { splits, made: added ? { ...resolver, Subsets: subsets } : undefined };
}

function unknown(
  service: string,
  name: string,
  known: { subsets: string[]; versions: Set<string>; services: string[] },
): MeshError {
  const list = (names: Iterable<string>): string => [...names].join(', ') || 'none';
  return new MeshError(
    `"${name}" is no subset of ${service} (${list(known.subsets)}), no version of an instance that runs (${list(known.versions)}) and no service (${list(known.services)}); nothing was changed`,
    { status: 'NOT_FOUND', reason: 'UNKNOWN_SUBSET' },
  );
}

async function shown(
  service: string,
  { consul }: MeshDoor,
  options: SplitOptions,
): Promise<string> {
  const splits = splitsOf((await entry('service-splitter', service, consul))?.fields);
  if (options.output === 'json') return JSON.stringify(splits, null, 2);
  if (splits.length === 0) return `no split is set for ${service}`;
  const rows = splits.map(({ Weight, Service, ServiceSubset }) => [
    `${Weight}%`,
    [Service ?? service, ...(ServiceSubset === undefined ? [] : [ServiceSubset])].join('/'),
  ]);
  return table(['SHARE', 'GOES TO'], rows);
}

async function entry(
  kind: NewConfigEntry['kind'],
  service: string,
  consul: MeshDoor['consul'],
): Promise<ConfigEntry | undefined> {
  const { value: entries } = await consul.configEntries(kind);
  return entries.find(({ name }) => name === service);
}

function subsetsOf(fields: ConfigEntry['fields']): Record<string, unknown> {
  const { Subsets } = fields;
  return typeof Subsets === 'object' && Subsets !== null ? { ...Subsets } : {};
}

function splitsOf(fields: ConfigEntry['fields'] | undefined): Split[] {
  const splits = fields?.['Splits'];
  if (!Array.isArray(splits)) return [];
  return splits.map((each: Readonly<Record<string, unknown>>) => ({
    Weight: Number(each['Weight'] ?? 0),
    ...(isText(each['Service']) && { Service: each['Service'] }),
    ...(isText(each['ServiceSubset']) && { ServiceSubset: each['ServiceSubset'] }),
  }));
}

/** Consul says "" for what was not said. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function addLeg(text: string, before: readonly Leg[] = []): readonly Leg[] {
  const [, name, weight] = /^([A-Za-z0-9._-]+)=(\d+(?:\.\d+)?)%?$/.exec(text) ?? [];
  if (name === undefined) throw new InvalidArgumentError('write it as v2=10');
  return [...before, { name, weight: Number(weight) }];
}
