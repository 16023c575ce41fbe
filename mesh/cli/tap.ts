import { Command, InvalidArgumentError } from 'commander';
import { followTap } from '../admin/follow-tap.ts';
import { createTapJoin, type Tapped } from '../admin/tap-join.ts';
import { systemClock } from '../kernel/clock.ts';
import { parseDuration } from './duration.ts';
import { ending, type LiveIo, processLive } from './live.ts';
import { type MeshDoor, throughMesh, whomToAsk } from './mesh-door.ts';
import { outputOption } from './ps.ts';
import { concerns, tapEntry, tapLine } from './tap-line.ts';

interface TapOptions {
  readonly method?: string;
  readonly failed?: true;
  readonly slow?: number;
  readonly peer?: string;
  readonly all?: true;
  readonly count?: number;
  readonly for?: number;
  readonly consul?: string;
  readonly output: string;
}

export function tapCommand(io: LiveIo = processLive()): Command {
  return new Command('tap')
    .description('show the calls of a service, and the events that it handles, as they happen')
    .argument('<service>', 'whose calls: those that it handles and those that it makes')
    .option('-m, --method <name>', 'one method or event, as "PlaceOrder" or by its full name')
    .option('-f, --failed', 'only what did not end with OK')
    .option('-s, --slow <time>', 'only what took at least so long, as "100ms"', parseDuration)
    .option('-p, --peer <name>', 'only with this service, instance or address on a side')
    .option('-a, --all', "with what the mesh itself asks: health, reflection, weft's own calls")
    .option('-n, --count <lines>', 'end after so many', parseCount)
    .option('--for <time>', 'end after this time, as "10s"; default: with Ctrl-C', parseDuration)
    .option('-c, --consul <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .addOption(outputOption())
    .addHelpText(
      'after',
      "\nOne line a call: when it ended, who called whom, method, status and reason, time (and the\nhandler's part of it), lane or plain, attempts if more than one, trace (weft trace, weft why).\nMetadata and payloads are not shown. A tap that reads too slowly misses calls, and says how many.",
    )
    .action((service: string, options: TapOptions) =>
      throughMesh(options.consul, io.environment, (mesh) => tap(service, { mesh, options, io })),
    );
}

interface Job {
  readonly mesh: MeshDoor;
  readonly options: TapOptions;
  readonly io: LiveIo;
}

async function tap(service: string, { mesh, options, io }: Job): Promise<void> {
  // For its complaint about a service that nobody knows; asked are all, for the callers know who called.
  await whomToAsk(mesh, service);
  const { services, resolver, transport, clock } = await whomToAsk(mesh, undefined);
  const { signal, end } = ending(io.signal, options.for);
  let left = options.count ?? Number.POSITIVE_INFINITY;

  const tell = (tapped: Tapped): void => {
    const entry = tapEntry(tapped);
    if (left <= 0 || (options.peer !== undefined && !concerns(tapped, entry, options.peer))) return;
    io.print(options.output === 'json' ? JSON.stringify(entry) : tapLine(entry));
    if (--left <= 0) end();
  };
  const join = createTapJoin(systemClock, tell);
  const open = new Set<string>();
  await followTap({
    request: {
      service,
      method: options.method ?? '',
      failed: options.failed === true,
      minDurationUs: BigInt(Math.round((options.slow ?? 0) * 1000)),
      own: options.all === true,
    },
    ...{ services, resolver, transport, clock, signal },
    onOpen(instanceId) {
      io.note(`${open.has(instanceId) ? 'tapping again' : 'tapping'} ${instanceId}`);
      open.add(instanceId);
    },
    async onSpans({ spans, dropped }, instanceId) {
      if (dropped > 0n) io.note(`${instanceId}: ${dropped} are missing, this reads too slowly`);
      for (const span of spans) join.add(span);
      await io.ready();
    },
  });
  join.flush();
}

function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('say a number of lines');
}
