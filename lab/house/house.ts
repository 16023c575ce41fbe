import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from '#mesh';
import { socketPath } from '../../mesh/cli/supervisor/control.ts';
import { command } from '../../mesh/cli/supervisor/control-client.ts';
import { run } from '../checks/command.ts';

/** What `weft ps -o json` says, as far as it is measured here. */
const psShape = z.object({
  processes: z.array(
    z.object({
      id: z.string(),
      service: z.string(),
      kind: z.enum(['infrastructure', 'service', 'tool']),
      pid: z.number().optional(),
      /** The file that holds what it wrote. */
      log: z.string(),
    }),
  ),
});

export type Process = z.output<typeof psShape>['processes'][number];

/** A fresh clone of this checkout with ports of its own, and the commands of the README in it. */
export interface House {
  readonly root: string;
  readonly consul: string;
  /** Where orders answers, "host:port". */
  readonly orders: string;
  /** Runs `make <args>`; throws with the last lines of its output when it fails. Returns ms. */
  make(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<number>;
  /** Runs `weft <args>` and returns what it printed; `up` hands `env` on to every process that it starts. */
  weft(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
  ps(): Promise<readonly Process[]>;
  /**
   * `weft stop` and `weft start` of an instance ("orders#2"), asked of the supervisor itself: a command line of
   * its own for each would take a second of the processor from what is being measured.
   */
  restart(instance: string): Promise<void>;
  close(): Promise<void>;
}

export interface HouseOptions {
  /** Where its ports begin; beside those of a mesh that a person may have running. */
  readonly portBase: number;
  /**
   * own: nothing is installed; `make` gets what it needs, as it does for a newcomer.
   * shared: packages and binaries are those of this checkout, and `make` must not be asked: it would install
   * into them.
   */
  readonly packages: 'own' | 'shared';
}

/** Clones the last commit into an empty folder: what is measured is what a newcomer gets. */
export async function openHouse({ portBase, packages }: HouseOptions): Promise<House> {
  const root = mkdtempSync(join(tmpdir(), 'weft-house-'));
  const source = join(import.meta.dirname, '../..');
  const env = { PORT_BASE: String(portBase) };
  const call = async (file: string, args: readonly string[], more = {}): Promise<string> => {
    const { code, stdout, stderr } = await run(root, [file, ...args], { ...env, ...more });
    if (code === 0) return stdout;
    const tail = `${stdout}\n${stderr}`.trim().split('\n').slice(-30).join('\n');
    throw new Error(`${file} ${args.join(' ')} ended with ${String(code)}:\n${tail}`);
  };
  await call('git', ['clone', '--quiet', source, '.']);
  if (packages === 'shared') {
    for (const shared of ['node_modules', '.tools']) {
      symlinkSync(join(source, shared), join(root, shared));
    }
  }
  const weft: House['weft'] = (args, more) =>
    call('node', ['--disable-warning=ExperimentalWarning', 'mesh/cli/main.ts', ...args], more);
  return {
    root,
    consul: `http://127.0.0.1:${String(portBase + 50)}`,
    orders: `127.0.0.1:${String(portBase + 1)}`,
    weft,
    async make(args, more) {
      const begin = performance.now();
      await call('make', args, more);
      return performance.now() - begin;
    },
    async ps() {
      return psShape.parse(JSON.parse(await weft(['ps', '-o', 'json']))).processes;
    },
    async restart(instance) {
      const socket = socketPath(join(root, '.run'));
      await command(socket, { verb: 'stop', target: instance }, () => undefined);
      await command(socket, { verb: 'start', target: instance }, ({ what, id }) => {
        if (what === 'failed' || what === 'held') throw new Error(`${id} did not come up again`);
      });
    },
    async close() {
      await (packages === 'own' ? call('make', ['down']) : weft(['down']));
      rmSync(root, { recursive: true, force: true });
    },
  };
}
