import { Command, InvalidArgumentError, Option } from 'commander';
import { policyPrefix } from '../config/consul.ts';
import type { Fault } from '../config/policy.ts';
import { describeFaults, validatePolicy } from '../config/policy-schema.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { type Status, statusCode } from '../kernel/status.ts';
import { parseDuration } from './duration.ts';
import { type CommandIo, type MeshDoor, throughMesh } from './mesh-door.ts';
import { processIo } from './process-io.ts';
import { outputOption } from './ps.ts';
import { servedMethods } from './served-methods.ts';
import { table } from './table.ts';

interface FaultOptions {
  readonly method?: string;
  readonly abort?: Fault['abort'];
  readonly delay?: Fault['delay'];
  readonly for: number;
  readonly clear?: true;
  readonly consul?: string;
  readonly output: string;
}

export function faultCommand(io: CommandIo = processIo(), clock: Clock = systemClock): Command {
  return new Command('fault')
    .description(
      'make calls to a service fail or wait on purpose, for a while; or show what is set',
    )
    .argument('<service>', 'whom the calls go to, as "inventory"')
    .option('-m, --method <name>', 'one method, as "Reserve"; default: all')
    .option('--abort <status:share>', 'let a share of attempts fail: UNAVAILABLE:0.1', parseAbort)
    .option('--delay <time:share>', 'let a share of attempts wait: 200ms:0.5', parseDelay)
    .option('--for <time>', 'it ends by itself after this time', parseDuration, 60_000)
    .addOption(
      new Option('--clear', 'end it now: of this method, or all').conflicts(['abort', 'delay']),
    )
    .option('-c, --consul <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nIt is part of the live policy (weft policy shows it), so every caller in the mesh applies it within\nmilliseconds: to each attempt, below retries, breaker and balancer, which deal with it as with any other\nfailure. Strangers to the mesh, as grpcurl, are not touched. A share is 0 to 1; without one it is 1.\nThe default of --for is 1m, the most 24h.',
    )
    .action((service: string, options: FaultOptions) =>
      throughMesh(options.consul, io.environment, (mesh) =>
        run(service, { mesh, options, io, clock }),
      ),
    );
}

interface Job {
  readonly mesh: MeshDoor;
  readonly options: FaultOptions;
  readonly io: CommandIo;
  readonly clock: Clock;
}

async function run(service: string, job: Job): Promise<void> {
  const { options, io, clock } = job;
  const { method, abort, delay } = options;
  if (options.clear === true) {
    const before = await change(service, job, (faults) =>
      faults.filter((each) => method !== undefined && each.method !== method),
    );
    io.print(
      before === 0 ? `no fault was set for ${service}` : 'cleared; callers hear of it at once',
    );
    return;
  }
  if (abort !== undefined || delay !== undefined) {
    const fault: Fault = {
      ...(method !== undefined && { method }),
      ...(abort !== undefined && { abort }),
      ...(delay !== undefined && { delay }),
      until: new Date(clock.now() + options.for).toISOString(),
    };
    const others = (each: Fault): boolean =>
      each.method !== method && Date.parse(each.until) > clock.now();
    await change(service, job, (faults) => [...faults.filter(others), fault]);
  }
  const { faults } = await stored(service, job.mesh);
  io.print(
    options.output === 'json' ? JSON.stringify(faults, null, 2) : shown(service, faults, clock),
  );
}

type Stored = Readonly<Record<string, unknown>> & { readonly faults?: readonly Fault[] };

/** Tries to be the one who writes: so many others at once are a mistake. */
const tries = 5;

/** Rewrites the faults of the live policy and nothing else of it; gives how many there were. */
async function change(
  service: string,
  { mesh }: Job,
  rewrite: (faults: readonly Fault[]) => readonly Fault[],
): Promise<number> {
  const key = `${policyPrefix}/${service}`;
  const methods = await servedMethods(service, mesh);
  for (let i = 0; i < tries; i++) {
    const { policy, faults, version } = await stored(service, mesh);
    const after = rewrite(faults);
    const text = JSON.stringify({ ...policy, faults: after.length === 0 ? undefined : after });
    const read = validatePolicy(text, { name: service, methods });
    if (!read.ok) {
      throw new MeshError(`nothing was changed: ${describeFaults(read.faults)}`, {
        status: 'INVALID_ARGUMENT',
        reason: 'INVALID_FAULT',
      });
    }
    // Nothing is left to be said: no policy is a policy too.
    if (text === '{}') {
      await mesh.consul.deleteValue(key);
      return faults.length;
    }
    if (await mesh.consul.swapValue(key, text, version)) return faults.length;
  }
  throw new MeshError(
    `${key} is written to by others all the time; nothing was changed, try again`,
    {
      status: 'ABORTED',
      reason: 'CONSUL_REFUSED',
    },
  );
}

/** The live policy as it stands in Consul, with its faults apart. */
async function stored(
  service: string,
  { consul }: MeshDoor,
): Promise<{ policy: Stored; faults: readonly Fault[]; version: number }> {
  const key = `${policyPrefix}/${service}`;
  const { value: values } = await consul.listValues(policyPrefix);
  const found = values.find((each) => each.key === key);
  if (found === undefined) return { policy: {}, faults: [], version: 0 };
  const read = validatePolicy(found.value, { name: service });
  if (read.ok) {
    const { faults = [], ...policy } = read.policy;
    return { policy, faults, version: found.version };
  }
  throw new MeshError(
    `${key} in Consul is no live policy, and callers do not follow it: ${describeFaults(read.faults)}; weft policy ${service} --clear takes it away`,
    { status: 'FAILED_PRECONDITION', reason: 'INVALID_POLICY' },
  );
}

function shown(service: string, faults: readonly Fault[], clock: Clock): string {
  if (faults.length === 0) return `no fault is set for ${service}`;
  const rows = faults.map(({ method = '(all)', abort, delay, until }) => [
    ...[method, abort ? `${abort.status} ${percent(abort.share)}` : '-'],
    ...[delay ? `${delay.ms} ms ${percent(delay.share)}` : '-', endOf(until, clock)],
  ]);
  return table(['METHOD', 'ABORT', 'DELAY', 'ENDS'], rows);
}

function endOf(until: string, clock: Clock): string {
  const left = Math.ceil((Date.parse(until) - clock.now()) / 1000);
  return left > 0 ? `in ${left} s` : 'it has ended';
}

function percent(share: number): string {
  return `${Math.round(share * 1000) / 10}%`;
}

function parseAbort(text: string): Fault['abort'] {
  const [status = '', given] = text.split(':');
  if (isFailure(status)) return { status, share: parseShare(given) };
  throw new InvalidArgumentError('write it as UNAVAILABLE:0.1, with the name of a gRPC status');
}

function isFailure(name: string): name is Status {
  return Object.hasOwn(statusCode, name) && name !== 'OK';
}

function parseDelay(text: string): Fault['delay'] {
  const [time = '', given] = text.split(':');
  return { ms: Math.max(1, Math.round(parseDuration(time))), share: parseShare(given) };
}

function parseShare(text = '1'): number {
  const share = Number(text);
  if (text !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('a share is 0 to 1, as 0.1 for every tenth');
}
