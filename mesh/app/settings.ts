import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { MeshError } from '../kernel/error.ts';
import { startFault } from '../kernel/last-words.ts';
import { systemRandom } from '../kernel/random.ts';
import {
  type Collector,
  collectorOf,
  collectorShape,
  secretVariables,
} from './collector-settings.ts';

/** A list in one variable, separated by commas; blanks and empty items do not count. */
const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

/** A switch in one variable. */
const onOff = z.enum(['0', '1']).transform((text) => text === '1');

const port = z.coerce
  .number('use a number from 0 to 65535; 0 is any free port')
  .int('use a whole number')
  .min(0, 'use a number from 0 to 65535; 0 is any free port')
  .max(65_535, 'use a number from 0 to 65535; 0 is any free port');

const label = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, "use 1 to 64 letters, digits, '.', '_' and '-'")
  .optional();

const common = z.object({
  /** HTTP address of the Consul agent of this host. */
  MESH_CONSUL: z
    .url({ protocol: /^https?$/, error: 'use the URL of an agent, as http://127.0.0.1:8500' })
    .default('http://127.0.0.1:8500'),
  /** NATS servers, separated by commas; empty = this process speaks no events. */
  MESH_NATS: list.default([]),
  /** Where the relay of the outbox learns what to send: "poll" asks the table, "log" follows PostgreSQL's log. */
  MESH_RELAY: z.enum(['poll', 'log']).default('poll'),
  /** On how many servers of a NATS cluster the channels that this process makes are kept. */
  MESH_NATS_REPLICAS: z.coerce
    .number()
    .pipe(z.literal([1, 3, 5]))
    .default(1),
  /** The address that peers are told, and on which the server listens. */
  HOST: z.string().min(1).default('127.0.0.1'),
  /** 0 = any free port. */
  PORT: port.default(0),
  /** sqlite:<path>, sqlite::memory: or postgres://… */
  STORE: z
    .string()
    .regex(/^(sqlite:|postgres(ql)?:\/\/)/, 'use sqlite:<path>, sqlite::memory: or postgres://…')
    .default('sqlite::memory:'),
  /** SQLite only: "full" = a power loss loses nothing, for an fsync at each commit. */
  STORE_DURABILITY: z.enum(['normal', 'full']).default('normal'),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Unique in the mesh; empty = the service's name and eight random digits. */
  INSTANCE_ID: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, "use 1 to 64 letters, digits, '_' and '-'")
    .optional(),
  /** How long a leaving instance goes on serving after it left discovery, in ms. */
  DRAIN_SPREAD_MS: z.coerce.number().int().min(0).max(60_000).default(2000),
  /** 0: calls go plainly, and this process serves no lanes. */
  LANE: onOff.default(true),
  /** The folder of Unix sockets, by which processes of one host call each other; "off" = TCP only. */
  UNIX_SOCKETS: z.string().optional(),
  /** Where /metrics is served; 0 = any free port, "off" = nowhere. */
  METRICS_PORT: z
    .union([z.literal('off'), port], 'use a number from 0 to 65535, or off')
    .default(0),
  /** "consul": mutual TLS with a certificate of Consul's CA, and its intentions decide who may call. */
  IDENTITY: z.enum(['off', 'consul']).default('off'),
  /** Where the process runs, as "eu-1a"; calls stay in their zone while it has endpoints enough. */
  ZONE: label,
  /** Of the service, as "v2"; subsets and splits tell instances apart by it. */
  SERVICE_VERSION: label,
  ...collectorShape,
});

/** What every weft process is told from outside. */
export interface Settings {
  /** HTTP address of the Consul agent. */
  readonly consul: string;
  /** NATS servers; empty = no events. */
  readonly nats: readonly string[];
  /** Where the relay learns what to send, see `RelayTuning`. */
  readonly relay: 'poll' | 'log';
  /** On how many servers of a NATS cluster the channels that this process makes are kept. */
  readonly natsReplicas: 1 | 3 | 5;
  /** The address that peers are told, and on which the server listens. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** The URL of the store. */
  readonly store: string;
  /** What a commit promises on SQLite, see `openStore`. */
  readonly durability: 'normal' | 'full';
  /** The least that is logged. */
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Unique in the mesh. */
  readonly instanceId: string | undefined;
  /** In ms. */
  readonly drainSpreadMs: number;
  /** Whether unary calls may go by lane, and lanes are served. */
  readonly lane: boolean;
  /** The folder of Unix sockets; undefined: none are used. */
  readonly sockets: string | undefined;
  /** Undefined: /metrics is not served. */
  readonly metricsPort: number | undefined;
  /** Who the process is: nobody, or what Consul's CA says. */
  readonly identity: 'off' | 'consul';
  /** Where the process runs, as "eu-1a"; undefined: nowhere in particular. */
  readonly zone: string | undefined;
  /** Of the service, as "v2"; subsets and splits tell instances apart by it. */
  readonly version: string | undefined;
  /** Where spans are sent; undefined: nowhere. */
  readonly collector: Collector | undefined;
}

/**
 * Reads the settings of a process, and a service's own beside them, from an environment. Reports every
 * fault at once, with the variable, what was found and what is allowed; throws INVALID_ARGUMENT.
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Settings;
export function readSettings<Own extends z.ZodRawShape>(
  env: Readonly<Record<string, string | undefined>>,
  own: Own,
): Settings & z.output<z.ZodObject<Own>>;
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  own: z.ZodRawShape = {},
): Settings {
  // An empty variable is what a shell or a compose file leaves where nothing was said.
  const said = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const read = common.safeParse(said);
  const readOwn = z.object(own).safeParse(said);
  const issues = [...(read.error?.issues ?? []), ...(readOwn.error?.issues ?? [])];
  if (!read.success || !readOwn.success) {
    const faults = issues.map((issue) => {
      const field = issue.path.join('.');
      const found = secretVariables.has(field) ? '' : ` (found ${JSON.stringify(said[field])})`;
      return { field, description: `${issue.message}${found}` };
    });
    throw startFault(MeshError.invalid('the environment of this process is not usable', faults));
  }
  const { data } = read;
  return {
    ...readOwn.data,
    consul: data.MESH_CONSUL,
    nats: data.MESH_NATS,
    relay: data.MESH_RELAY,
    natsReplicas: data.MESH_NATS_REPLICAS,
    host: data.HOST,
    port: data.PORT,
    store: data.STORE,
    durability: data.STORE_DURABILITY,
    logLevel: data.LOG_LEVEL,
    instanceId: data.INSTANCE_ID,
    drainSpreadMs: data.DRAIN_SPREAD_MS,
    lane: data.LANE,
    identity: data.IDENTITY,
    sockets: data.UNIX_SOCKETS === 'off' ? undefined : (data.UNIX_SOCKETS ?? socketFolder()),
    metricsPort: data.METRICS_PORT === 'off' ? undefined : data.METRICS_PORT,
    zone: data.ZONE,
    version: data.SERVICE_VERSION,
    collector: collectorOf(data),
  };
}

/** One folder a user: others can neither read it nor put a socket of their own in its place. */
function socketFolder(): string {
  return join(tmpdir(), `weft-${String(userInfo().uid)}`);
}

/** The id of an instance that was not given one. */
export function newInstanceId(service: string): string {
  return `${service}-${systemRandom.hex(4)}`;
}
