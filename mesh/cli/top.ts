import { Command } from 'commander';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { parseDuration } from './duration.ts';
import { ending, type LiveIo, processLive } from './live.ts';
import { type MeshDoor, throughMesh } from './mesh-door.ts';
import { framed, processScreen, type Screen } from './screen.ts';
import { lookAt, shown } from './stat.ts';
import { statTables } from './stat-table.ts';
import { urgentFirst } from './top-order.ts';

interface TopOptions {
  readonly all?: true;
  readonly every: number;
  readonly for?: number;
  readonly consul?: string;
}

export function topCommand(
  io: LiveIo = processLive(),
  screen: Screen | undefined = processScreen(),
): Command {
  return new Command('top')
    .description('the last minute, over and over: what fails first, then what is busiest')
    .argument('[service]', 'one service, its callers and those it calls')
    .option('-a, --all', "with what the mesh itself asks: health, reflection, weft's own calls")
    .option('-e, --every <time>', 'the pause between two looks; default: 2s', parseDuration, 2_000)
    .option('--for <time>', 'end after this time, as "30s"; default: with q', parseDuration)
    .option('-c, --consul <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .addHelpText(
      'after',
      '\nThe numbers are those of weft stat. q or Ctrl-C ends it. Where the output is no terminal, one look\nfollows the other, each under the time at which it was made.',
    )
    .action((service: string | undefined, options: TopOptions) =>
      throughMesh(options.consul, io.environment, (mesh) =>
        top(service, { mesh, options, io, screen }),
      ),
    );
}

interface Job {
  readonly mesh: MeshDoor;
  readonly options: TopOptions;
  readonly io: LiveIo;
  readonly screen: Screen | undefined;
}

async function top(service: string | undefined, job: Job): Promise<void> {
  const { options, io, screen } = job;
  const { signal, end } = ending(io.signal, options.for);
  // Before the screen is taken: a service that nobody knows is told in the terminal as it is.
  let text = await look(service, job);
  const close = screen?.open((key) => {
    // In raw mode Ctrl-C is a key like any other.
    if (key === 'q' || key === '\u0003') end();
  });
  try {
    for (;;) {
      io.print(screen === undefined ? `${text}\n` : framed(text, screen));
      await io.ready();
      await systemClock.sleep(options.every, signal).catch(() => undefined);
      if (signal.aborted) return;
      text = await look(service, job).catch((thrown: unknown) => missed(text, thrown));
    }
  } finally {
    close?.();
  }
}

async function look(service: string | undefined, { mesh, options }: Job): Promise<string> {
  const { stats, silent } = await lookAt(service, mesh, options);
  const note = silent.length === 0 ? '' : `  no answer from ${silent.join(', ')}`;
  const tables = statTables(urgentFirst(shown(stats, options)), service, { methods: true });
  return `${timeNow()}${note}\n\n${tables}`;
}

/** The look before, under why there is no newer one: an outage must not take the picture away. */
function missed(text: string, thrown: unknown): string {
  const [, ...before] = text.split('\n');
  return [`${timeNow()}  as before: ${MeshError.from(thrown).rawMessage}`, ...before].join('\n');
}

function timeNow(): string {
  return new Date(systemClock.now()).toISOString().slice(11, 19);
}
