import { Command, InvalidArgumentError } from 'commander';
import { SagaOrder } from '../../gen/weft/admin/v1/sagas.ts';
import { type Asked, type AskOptions } from '../admin/collect.ts';
import {
  collectSagas,
  type FoundSaga,
  findSaga,
  type Said,
  steerSaga,
} from '../admin/collect-sagas.ts';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { environment } from './environment.ts';
import { type CommandIo, type Door, throughDoor, whomToAsk } from './mesh-door.ts';
import { outputOption } from './ps.ts';
import { sagaJson, sagasTable, sagaText } from './saga-table.ts';

interface SagaOptions {
  readonly service?: string;
  readonly output: string;
  readonly url?: string;
}

interface ListOptions extends SagaOptions {
  readonly all?: true;
  readonly limit: number;
}

const processIo: CommandIo = {
  print: (text) => console.log(text),
  note: (text) => console.error(text),
  environment: environment(),
};

const orders = {
  retry: [SagaOrder.RETRY, 'try the step again now, whatever it waits for'],
  skip: [SagaOrder.SKIP, 'take the step for done: you have seen to it yourself'],
  compensate: [SagaOrder.COMPENSATE, 'take back what was done; not after the pivot'],
} as const;

export function sagaCommand(io: CommandIo = processIo): Command {
  const saga = new Command('saga').description(
    'sagas: where each one stands and what it waits for; and to steer one that is stuck',
  );
  asking(saga.command('ls'))
    .description('list those that are stuck and those on their way')
    .option('-a, --all', 'also those that have ended')
    .option('-n, --limit <sagas>', 'most of them', parseLimit, 50)
    .action((options: ListOptions) => throughDoor(io, options, (mesh) => list(mesh, options)));
  asking(saga.command('show').argument('<id>', 'as weft saga ls lists it'))
    .description('show one: what happened, when, and what it says')
    .action((id: string, options: SagaOptions) =>
      throughDoor(io, options, async (mesh) => {
        const asked = await whomToAsk(mesh, options.service);
        io.print(text(one(id, await findSaga(id, asked), asked), options));
      }),
    );
  for (const [verb, [order, description]] of Object.entries(orders)) {
    asking(saga.command(verb).argument('<id>', 'as weft saga ls lists it'))
      .description(description)
      .action((id: string, options: SagaOptions) =>
        throughDoor(io, options, async (mesh) => {
          const asked = await whomToAsk(mesh, options.service);
          io.print(text(one(id, await steerSaga({ id, order }, asked), asked), options));
        }),
      );
  }
  return saga;
}

async function list(mesh: Door, options: ListOptions): Promise<void> {
  const { io } = mesh;
  const asked = await whomToAsk(mesh, options.service);
  const request = { all: options.all ?? false, limit: options.limit };
  const { sagas, silent } = await collectSagas(request, asked);
  if (silent.length > 0) io.note(`no answer from ${silent.join(', ')}: their sagas are missing`);
  if (options.output === 'json') io.print(JSON.stringify(sagas.map(sagaJson), null, 2));
  else if (sagas.length === 0) {
    io.print(`no sagas under way; asked were ${asked.services.join(', ') || 'no services'}`);
  } else io.print(sagasTable(sagas, systemClock.now()));
}

function text(found: FoundSaga, { output }: SagaOptions): string {
  return output === 'json'
    ? JSON.stringify(sagaJson(found), null, 2)
    : sagaText(found, systemClock.now());
}

/** The answer of whoever has the saga; an order that was refused is an error. */
function one(id: string, { answers, silent }: Asked<Said>, { services }: AskOptions): FoundSaga {
  for (const said of answers) {
    if (said !== 'unknown' && 'refused' in said) throw said.refused;
  }
  const found = answers.find((said) => said !== 'unknown');
  if (found !== undefined && 'saga' in found) return found;
  const missing = silent.length > 0 ? `; ${silent.join(', ')} did not answer` : '';
  throw new MeshError(
    `nobody has the saga "${id}"; asked were all instances of ${services.join(', ') || 'no service: Consul knows none'}${missing}; weft saga ls --all lists those that are known`,
    { status: 'NOT_FOUND', reason: 'SAGA_NOT_FOUND' },
  );
}

function asking(command: Command): Command {
  return command
    .option('-s, --service <name>', 'ask the instances of this service only')
    .option('--url <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .addOption(outputOption());
}

function parseLimit(given: string): number {
  const limit = Number(given);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new InvalidArgumentError('say a number from 1 to 1000');
}
