import { Command } from 'commander';
import { collectStats } from '../admin/collect.ts';
import { isUsed, type MeshStats, meshStats } from '../admin/mesh-stats.ts';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { environment } from './environment.ts';
import { type CommandIo, type MeshDoor, throughMesh } from './mesh-door.ts';
import { outputOption } from './ps.ts';
import { only, statTables } from './stat-table.ts';

interface StatOptions {
  readonly output: string;
  readonly watch?: true;
  readonly all?: true;
  readonly consul?: string;
}

/** A terminal that is watched is read by a person: more often than this nobody looks. */
const watchEveryMs = 2_000;

const processIo: CommandIo = {
  print: (text) => console.log(text),
  note: (text) => console.error(text),
  environment: environment(),
};

/** `everyMs`: the pause between two looks of --watch; default 2000. */
export function statCommand(
  io: CommandIo = processIo,
  { everyMs = watchEveryMs }: { readonly everyMs?: number } = {},
): Command {
  return new Command('stat')
    .description('show the last minute: success, rate, latency, lane and plain, retries, breakers')
    .argument('[service]', 'one service, its callers and those it calls, by method')
    .option('-w, --watch', 'again and again, until it is interrupted')
    .option('-a, --all', "with what the mesh itself asks: health, reflection, weft's own calls")
    .option('-c, --consul <url>', 'which Consul to ask; default: MESH_CONSUL, or that of weft up')
    .addOption(outputOption())
    .addHelpText(
      'after',
      '\nWhat each column means: docs/reference/metrics.md of weft, at its end.',
    )
    .action((service: string | undefined, options: StatOptions) =>
      throughMesh(options.consul, io.environment, async (mesh) => {
        for (;;) {
          const text = await look(service, { mesh, options, io });
          // Clears the screen and goes to its first line, as top does.
          io.print(
            options.watch === true && options.output !== 'json' ? `\u001b[2J\u001b[H${text}` : text,
          );
          if (options.watch !== true) return;
          await systemClock.sleep(everyMs);
        }
      }),
    );
}

async function look(
  service: string | undefined,
  { mesh, options, io }: { mesh: MeshDoor; options: StatOptions; io: CommandIo },
): Promise<string> {
  const { stats, silent } = await lookAt(service, mesh, options);
  if (silent.length > 0) io.note(`no answer from ${silent.join(', ')}: not counted`);
  if (options.output === 'json') return JSON.stringify(only(service, stats), null, 2);
  return statTables(shown(stats, options), service);
}

/** What the instances of the mesh measured in the last minute, and those that did not answer. */
export async function lookAt(
  service: string | undefined,
  mesh: MeshDoor,
  { all }: Pick<StatOptions, 'all'>,
): Promise<{ readonly stats: MeshStats; readonly silent: readonly string[] }> {
  const services = await mesh.services();
  if (service !== undefined && !services.includes(service)) throw unknown(service, services);
  const { resolver, transport } = mesh;
  const asked = await collectStats({ services, resolver, transport, clock: systemClock });
  return { stats: meshStats(asked.answers, { own: all === true }), silent: asked.silent };
}

/** Clients that were made and never used are left out. */
export function shown(stats: MeshStats, { all }: Pick<StatOptions, 'all'>): MeshStats {
  return all === true ? stats : { ...stats, edges: stats.edges.filter(isUsed) };
}

function unknown(service: string, known: readonly string[]): MeshError {
  return new MeshError(
    `Consul's agent knows no service "${service}"; it knows ${known.join(', ') || 'none'}`,
    { status: 'NOT_FOUND', reason: 'UNKNOWN_SERVICE' },
  );
}
