import { Command, InvalidArgumentError } from 'commander';
import type { DeadLetterFilter } from '../../gen/weft/admin/v1/dead_letters.ts';
import {
  collectLetters,
  dropLetters,
  findLetter,
  replayLetters,
  type Treated,
  type Wanted,
} from '../admin/collect-letters.ts';
import { type Clock, systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { toTimestamp } from '../schema/timestamp.ts';
import { addStoppedCommands } from './dlq-stopped.ts';
import { letterJson, lettersTable, letterText } from './dlq-table.ts';
import { environment } from './environment.ts';
import { type CommandIo, type Door, throughDoor, whomToAsk } from './mesh-door.ts';
import { outputOption } from './ps.ts';
import { parseSince } from './since.ts';

interface FilterOptions {
  readonly service?: string;
  readonly consumer?: string;
  readonly type?: string;
  readonly key?: string;
  /** Wall ms. */
  readonly since?: number;
  readonly output: string;
  readonly url?: string;
}

interface ListOptions extends FilterOptions {
  readonly replayed?: true;
  readonly limit: number;
}

interface TreatOptions extends FilterOptions {
  readonly all?: true;
}

const processIo: CommandIo = {
  print: (text) => console.log(text),
  note: (text) => console.error(text),
  environment: environment(),
};

// One that must write a thousand letters takes longer than one that tells of itself.
const treatWithinMs = 10_000;

export function dlqCommand(io: CommandIo = processIo, clock: Clock = systemClock): Command {
  const dlq = new Command('dlq').description(
    'dead letters: what consumers gave up; look at it, give it back to its consumer, or drop it',
  );
  filtered(dlq.command('ls'), clock)
    .description('list them, newest first')
    .option('--replayed', 'also those that were given back and have not died again')
    .option('-n, --limit <letters>', 'most of them', parseLimit, 50)
    .action((options: ListOptions) => throughDoor(io, options, (mesh) => list(mesh, options)));
  asking(dlq.command('show').argument('<id>', 'as weft dlq ls lists it'))
    .description('show one: why it died, each failure, its headers and its body')
    .action((id: string, options: FilterOptions) =>
      throughDoor(io, options, (mesh) => show(mesh, id, options)),
    );
  filtered(dlq.command('replay').argument('[ids...]', 'as weft dlq ls lists them'), clock)
    .description('give them back to the consumers that gave them up, as if they had just come')
    .option('--all', 'all that the filters choose')
    .action((ids: string[], options: TreatOptions) =>
      throughDoor(io, options, (mesh) => treat(mesh, ids, { options, verb: 'replay' })),
    );
  filtered(dlq.command('drop').argument('[ids...]', 'as weft dlq ls lists them'), clock)
    .description('forget them for ever; their events do not come again')
    .option('--all', 'all that the filters choose')
    .action((ids: string[], options: TreatOptions) =>
      throughDoor(io, options, (mesh) => treat(mesh, ids, { options, verb: 'drop' })),
    );
  addStoppedCommands(dlq, io, asking);
  return dlq;
}

async function list(mesh: Door, options: ListOptions): Promise<void> {
  const { io } = mesh;
  const request = {
    ...{ filter: filterOf(options), includeReplayed: options.replayed ?? false },
    ...{ pageSize: options.limit, pageToken: '' },
  };
  const asked = await whomToAsk(mesh, options.service);
  const { letters, more, silent } = await collectLetters(request, asked);
  noteSilent(io, silent);
  if (options.output === 'json') {
    io.print(JSON.stringify(letters.map(letterJson), null, 2));
    return;
  }
  if (letters.length === 0) {
    io.print(`no dead letters; asked were ${asked.services.join(', ') || 'no services'}`);
    return;
  }
  io.print(
    lettersTable(letters, { replayed: options.replayed ?? false, nowMs: systemClock.now() }),
  );
  if (more) io.note(`these are the newest ${letters.length}: --limit shows more, filters choose`);
}

async function show(mesh: Door, id: string, options: FilterOptions): Promise<void> {
  const asked = await whomToAsk(mesh, options.service);
  const { answers, silent } = await findLetter(id, asked);
  const found = answers.find((answer) => answer !== 'unknown');
  if (found === undefined) throw unknown([id], asked.services, silent);
  const { io } = mesh;
  io.print(
    options.output === 'json' ? JSON.stringify(letterJson(found), null, 2) : letterText(found),
  );
}

async function treat(
  mesh: Door,
  ids: readonly string[],
  { options, verb }: { options: TreatOptions; verb: 'replay' | 'drop' },
): Promise<void> {
  const { io } = mesh;
  const wanted = wantedOf(ids, options, verb);
  const asked = { ...(await whomToAsk(mesh, options.service)), timeoutMs: treatWithinMs };
  const work = verb === 'replay' ? replayLetters : dropLetters;
  const treated = await work(wanted, asked);
  noteSilent(io, treated.silent);
  io.print(options.output === 'json' ? treatedJson(treated, verb) : treatedText(treated, verb));
  if (treated.unknown.length > 0) throw unknown(treated.unknown, asked.services, treated.silent);
}

/** Explicit ids, or --all with something that chooses: nobody drops everything by a slip of the hand. */
function wantedOf(ids: readonly string[], options: TreatOptions, verb: string): Wanted {
  const { service, consumer, type, key, since } = options;
  const filters = [service, consumer, type, key, since].filter((each) => each !== undefined);
  if (ids.length > 0 && options.all === undefined && filters.length <= (service ? 1 : 0)) {
    return { ids: [...new Set(ids)], filter: undefined };
  }
  if (ids.length === 0 && options.all === true && filters.length > 0) {
    return { ids: [], filter: filterOf(options) };
  }
  throw new MeshError(
    `weft dlq ${verb} wants ids, as weft dlq ls lists them, or --all with at least one of --service, --consumer, --type, --key, --since; not both`,
    { status: 'INVALID_ARGUMENT', reason: 'WHICH_DEAD_LETTERS' },
  );
}

function treatedText({ ids, skipped }: Treated, verb: 'replay' | 'drop'): string {
  const letters = ids.length === 1 ? '1 dead letter' : `${ids.length} dead letters`;
  const lines =
    verb === 'replay'
      ? [...ids.map((id) => `replayed ${id}`), `${letters} given back`]
      : [...ids.map((id) => `dropped ${id}`), `${letters} dropped`];
  for (const id of skipped) lines.push(`left alone ${id}: it was replayed before`);
  return lines.join('\n');
}

function treatedJson({ ids, skipped, unknown: nobodys }: Treated, verb: 'replay' | 'drop'): string {
  const done = verb === 'replay' ? { replayed: ids, skipped } : { dropped: ids };
  return JSON.stringify({ ...done, unknown: nobodys }, null, 2);
}

function filterOf({ consumer = '', type = '', key = '', since }: FilterOptions): DeadLetterFilter {
  return { consumer, type, key, since: since === undefined ? undefined : toTimestamp(since) };
}

function noteSilent(io: CommandIo, silent: readonly string[]): void {
  if (silent.length > 0) io.note(`no answer from ${silent.join(', ')}: their letters are missing`);
}

function unknown(
  ids: readonly string[],
  services: readonly string[],
  silent: readonly string[],
): MeshError {
  const asked = `asked were all instances of ${services.join(', ') || 'no service: Consul knows none'}`;
  const missing = silent.length > 0 ? `; ${silent.join(', ')} did not answer` : '';
  return new MeshError(
    `nobody has the dead letter ${ids.join(', ')}; ${asked}${missing}; weft dlq ls --replayed lists those that are known`,
    { status: 'NOT_FOUND', reason: 'UNKNOWN_DEAD_LETTER' },
  );
}

function asking(command: Command): Command {
  return command
    .option('-s, --service <name>', 'ask the instances of this service only')
    .option('--url <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .addOption(outputOption());
}

function filtered(command: Command, clock: Clock): Command {
  return asking(command)
    .option('-c, --consumer <name>', 'those of this consumer')
    .option('-t, --type <name>', 'those of this type: its full name, or the last part of it')
    .option('-k, --key <value>', 'those of this key')
    .option('--since <time>', 'those that died since: "30m", "2h", "7d", or a time', (text) =>
      parseSince(text, clock.now()),
    );
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit;
  throw new InvalidArgumentError('say a number from 1 to 1000');
}
