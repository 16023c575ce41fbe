import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { collectPolicy } from '../admin/collect.ts';
import { meshPolicy } from '../admin/mesh-policy.ts';
import { policyPrefix } from '../config/consul.ts';
import { describeFaults, validatePolicy } from '../config/policy-schema.ts';
import { systemClock } from '../kernel/clock.ts';
import { describe, MeshError } from '../kernel/error.ts';
import { environment } from './environment.ts';
import { type CommandIo, type MeshDoor, throughMesh } from './mesh-door.ts';
import { policyTable } from './policy-table.ts';
import { outputOption } from './ps.ts';
import { servedMethods } from './served-methods.ts';

interface PolicyOptions {
  readonly output: string;
  readonly set?: string;
  readonly clear?: true;
  readonly consul?: string;
}

const processIo: CommandIo = {
  print: (text) => console.log(text),
  note: (text) => console.error(text),
  environment: environment(),
};

export function policyCommand(io: CommandIo = processIo): Command {
  return new Command('policy')
    .description(
      'show the policy of calls to a service, each value with its origin; or set it live',
    )
    .argument('<service>', 'whom the calls go to, as "inventory"')
    .argument('[method]', 'one method, as "Reserve"')
    .addOption(
      new Option('--set <file>', 'check this JSON file and put it in force').conflicts('clear'),
    )
    .option('--clear', 'take the live policy back; what schema and clients say goes on')
    .option('-c, --consul <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .addOption(outputOption())
    .action((service: string, method: string | undefined, options: PolicyOptions) =>
      throughMesh(options.consul, io.environment, async (mesh) => {
        const key = `${policyPrefix}/${service}`;
        if (options.clear === true) {
          await mesh.consul.deleteValue(key);
          io.print(`${key} is gone; its callers go back as soon as they hear of it`);
        } else if (options.set !== undefined) {
          await mesh.consul.putValue(key, await checked(options.set, service, { mesh, io }));
          io.print(`${key} is set; weft policy ${service} shows when its callers apply it`);
        } else {
          io.print(await show(service, method ?? '', { mesh, options }));
        }
      }),
    );
}

async function show(
  service: string,
  method: string,
  { mesh, options }: { mesh: MeshDoor; options: PolicyOptions },
): Promise<string> {
  const services = await mesh.services();
  const { answers } = await collectPolicy(
    { target: service, method },
    { services, resolver: mesh.resolver, transport: mesh.transport, clock: systemClock },
  );
  const policy = meshPolicy(answers);
  if (policy.callers.length === 0) throw nobodyCalls(service, services);
  if (method !== '' && policy.settings.every((row) => row.method === '')) {
    throw new MeshError(
      `${policy.callers.join(', ')} call ${service}, and none of them knows a method "${method}"; weft policy ${service} lists those they know`,
      { status: 'NOT_FOUND', reason: 'UNKNOWN_METHOD' },
    );
  }
  return options.output === 'json' ? JSON.stringify(policy, null, 2) : policyTable(service, policy);
}

/** The text of a file that is a policy for the service; its methods are checked where one can be asked. */
async function checked(
  path: string,
  service: string,
  { mesh, io }: { mesh: MeshDoor; io: CommandIo },
): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new MeshError(`cannot read ${path}: ${describe(cause)}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'UNREADABLE_FILE',
      cause,
    });
  });
  const methods = await servedMethods(service, mesh);
  if (methods === undefined) {
    io.note(`no instance of ${service} answers: whether it has these methods is not checked`);
  }
  const reading = validatePolicy(text, { name: service, methods });
  if (reading.ok) return text;
  throw MeshError.invalid(
    `${path} is no policy for ${service}, and nothing was changed`,
    reading.faults.map(({ field, rule }) => ({
      field: field === '' ? path : field,
      description: describeFaults([{ field: '', rule }]),
    })),
  );
}

function nobodyCalls(service: string, asked: readonly string[]): MeshError {
  return new MeshError(
    `no running instance has a client for "${service}"; asked were all of ${asked.join(', ') || 'no service: Consul knows none'}`,
    { status: 'NOT_FOUND', reason: 'NO_CALLER' },
  );
}
