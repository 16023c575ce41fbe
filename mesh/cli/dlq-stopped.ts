import type { Command } from 'commander';
import { collectStopped, type FoundKey, releaseStopped } from '../admin/collect-stopped.ts';
import { MeshError } from '../kernel/error.ts';
import { type CommandIo, type Door, throughDoor, whomToAsk } from './mesh-door.ts';
import { table } from './table.ts';

interface AskedOptions {
  readonly service?: string;
  readonly consumer?: string;
  readonly output: string;
  readonly url?: string;
}

interface StoppedOptions extends AskedOptions {
  readonly key?: string;
}

interface ReleaseOptions extends AskedOptions {
  readonly skip?: true;
}

/** `weft dlq stopped` and `weft dlq release`; `asking` adds the options of every command that asks the mesh. */
export function addStoppedCommands(
  dlq: Command,
  io: CommandIo,
  asking: (command: Command) => Command,
): void {
  asking(dlq.command('stopped'))
    .description('the keys of ordered consumers that stand still for an event that was given up')
    .option('-c, --consumer <name>', 'those of this consumer')
    .option('-k, --key <value>', 'this key')
    .action((options: StoppedOptions) => throughDoor(io, options, (mesh) => list(mesh, options)));
  asking(dlq.command('release').argument('<events...>', 'as weft dlq stopped lists them'))
    .description('let stopped keys go on: the event comes again, then what waits behind it')
    .option('-c, --consumer <name>', 'at this consumer only')
    .option('--skip', 'go on without the event')
    .action((events: string[], options: ReleaseOptions) =>
      throughDoor(io, options, (mesh) => release(mesh, events, options)),
    );
}

async function list(mesh: Door, options: StoppedOptions): Promise<void> {
  const { service, consumer = '', key = '', output } = options;
  const { io } = mesh;
  const asked = await whomToAsk(mesh, service);
  const { keys, silent } = await collectStopped({ consumer, key }, asked);
  if (silent.length > 0) {
    io.note(`no answer from ${silent.join(', ')}: the keys that they know of are missing`);
  }
  if (output === 'json') io.print(JSON.stringify(keys.map(keyJson), null, 2));
  else if (keys.length > 0) io.print(keysTable(keys));
  else io.print(`no key stands still; asked were ${asked.services.join(', ') || 'no services'}`);
}

async function release(
  mesh: Door,
  events: readonly string[],
  options: ReleaseOptions,
): Promise<void> {
  const { service, consumer = '', skip = false, output } = options;
  const asked = await whomToAsk(mesh, service);
  const eventIds = [...new Set(events)];
  const { answers, silent } = await releaseStopped({ eventIds, consumer, skip }, asked);
  const released = eventIds.filter((id) => answers.some((ids) => ids.includes(id)));
  const standing = eventIds.filter((id) => !released.includes(id));
  const { io } = mesh;
  if (output === 'json') io.print(JSON.stringify({ released, unknown: standing }, null, 2));
  for (const id of output === 'json' ? [] : released) {
    io.print(`released ${id}: its key goes on ${skip ? 'without it' : 'with it'}`);
  }
  if (standing.length > 0) throw unknown(standing, asked.services, silent);
}

function keysTable(keys: readonly FoundKey[]): string {
  return table(
    ['EVENT', 'SERVICE', 'CONSUMER', 'TYPE', 'KEY', 'WAIT', 'DEAD LETTER'],
    keys.map(({ service, key }) => [
      ...[key.eventId, service, key.consumer, key.type.slice(key.type.lastIndexOf('.') + 1) || '-'],
      ...[key.key || '-', String(key.waits), key.deadLetterId || 'gone'],
    ]),
  );
}

function keyJson({ service, key }: FoundKey): object {
  return { service, ...key, sequence: Number(key.sequence) };
}

function unknown(
  ids: readonly string[],
  services: readonly string[],
  silent: readonly string[],
): MeshError {
  const whom = `asked were all instances of ${services.join(', ') || 'no service: Consul knows none'}`;
  const missing = silent.length > 0 ? `; ${silent.join(', ')} did not answer` : '';
  return new MeshError(
    `no key stands still for the event ${ids.join(', ')}; ${whom}${missing}; weft dlq stopped lists those that do`,
    { status: 'NOT_FOUND', reason: 'NO_STOPPED_KEY' },
  );
}
