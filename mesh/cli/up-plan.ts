import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { MeshError } from '../kernel/error.ts';
import type { Checkout } from './checkout.ts';
import { environment } from './environment.ts';
import { invalidMeshFile, readMeshFile } from './supervisor/config.ts';
import type { Servers } from './supervisor/infrastructure.ts';
import type { MeshIdentity, MeshPlan, ProcessPlan, Scale } from './supervisor/plan.ts';
import { planMesh } from './supervisor/planner.ts';
import { holderOf, isFree } from './supervisor/ports.ts';
import type { MeshFile } from './supervisor/schema.ts';
import type { MeshStatus } from './supervisor/status.ts';

/** Where ports begin unless PORT_BASE says otherwise: the numbers that the documentation names. */
export const defaultPortBase = 7_100;

/** What `weft up` was told on its command line. */
export interface UpOptions {
  /** As "inventory=3,payments=2". */
  readonly scale?: string;
  readonly story?: string;
  readonly portBase?: string;
  readonly file?: string;
}

/** What is known of this checkout from before. */
export interface Before {
  /** What runs. */
  readonly mesh: MeshStatus | undefined;
  /** Where the ports of a mesh began whose supervisor died. */
  readonly portBase: number | undefined;
}

/** What a plan is made from. */
export interface PlanOptions {
  readonly options: UpOptions;
  readonly checkout: Checkout;
  readonly before: Before;
  readonly servers: Servers;
}

/**
 * What is to run: what was asked, on top of what is in force. A story is added to those that run, and a
 * scale not named stays, so that a second `weft up` takes nothing away.
 */
export function planFor({ options, checkout, before, servers }: PlanOptions): MeshPlan {
  const { root, run } = checkout;
  const { mesh } = before;
  const env = environment();
  const portBase = choosePortBase(options.portBase ?? env['PORT_BASE'], before);
  const path = resolve(options.file ?? mesh?.file ?? join(root, 'deploy', 'weft.yaml'));
  const file = readMeshFile(path);
  const plan = planMesh({
    ...{ file, path, env, servers },
    site: { root, run, portBase },
    stories: merged(mesh?.stories, options.story ?? file.story),
    scale: { ...mesh?.scale, ...parseScale(options.scale ?? '') },
    identity: chooseIdentity(env['IDENTITY'], mesh),
  });
  checkPrograms(plan, { path, file });
  return plan;
}

/** A program that is not there would be started three times to find that out. */
function checkPrograms(
  { root, processes }: MeshPlan,
  { path, file }: { path: string; file: MeshFile },
): void {
  const names = new Set(processes.map(({ service }) => service));
  const faults = Object.entries(file.services).flatMap(([name, { run }]) => {
    if (run === undefined || !names.has(name) || existsSync(resolve(root, run))) return [];
    return [`services.${name}.run: there is no file ${run} in ${root}`];
  });
  if (faults.length > 0) throw invalidMeshFile(path, faults);
}

/** A file that names no story runs all of it. */
function merged(running: readonly string[] = [], asked = 'all'): string[] {
  return [...new Set([...running, asked])];
}

/** Reads "inventory=3,payments=2"; spaces separate as well. Throws INVALID_ARGUMENT / INVALID_SCALE. */
export function parseScale(text: string): Scale {
  const entries = text.split(/[\s,]+/).filter((entry) => entry !== '');
  return Object.fromEntries(
    entries.map((entry) => {
      const [, name = '', count = ''] = /^([a-z0-9-]+)=(\d{1,3})$/.exec(entry) ?? [];
      if (name !== '') return [name, Number(count)];
      throw new MeshError(`"${entry}" is no count of instances: say "inventory=3,payments=2"`, {
        status: 'INVALID_ARGUMENT',
        reason: 'INVALID_SCALE',
      });
    }),
  );
}

/** Throws INVALID_ARGUMENT / INVALID_PORT_BASE; nothing for nothing. */
export function parsePortBase(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const port = Number(text);
  // Below 1024 ports are privileged, and offsets reach up to 999.
  if (Number.isInteger(port) && port >= 1_024 && port <= 64_000) return port;
  throw new MeshError(`PORT_BASE ${text} is no base for ports: use a number from 1024 to 64000`, {
    status: 'INVALID_ARGUMENT',
    reason: 'INVALID_PORT_BASE',
  });
}

/** What is asked, else where the mesh is or was; one that runs cannot be moved. */
function choosePortBase(text: string | undefined, { mesh, portBase }: Before): number {
  const asked = parsePortBase(text);
  const current = mesh?.portBase ?? portBase ?? defaultPortBase;
  if (asked === undefined || asked === current || mesh === undefined) return asked ?? current;
  throw new MeshError(
    `the mesh of this checkout runs at PORT_BASE ${current}; weft down, then weft up with ${asked}, moves it`,
    { status: 'FAILED_PRECONDITION', reason: 'MESH_RUNS_ELSEWHERE' },
  );
}

/**
 * What is asked, else what the mesh has. All of a mesh has identities or none: of one that runs, only what is started
 * from now on would change.
 */
export function chooseIdentity(
  asked: string | undefined,
  mesh: Pick<MeshStatus, 'identity'> | undefined,
): MeshIdentity {
  const wanted = asked === undefined || asked === '' ? mesh?.identity : asked;
  if (wanted !== undefined && wanted !== 'off' && wanted !== 'consul') {
    throw MeshError.invalid('weft up', [
      { field: 'IDENTITY', description: `${JSON.stringify(wanted)} is none: use consul, or off` },
    ]);
  }
  const chosen = wanted ?? 'off';
  if (mesh === undefined || mesh.identity === chosen) return chosen;
  throw new MeshError(
    `the mesh of this checkout runs with IDENTITY=${mesh.identity}; weft down, then IDENTITY=${chosen} weft up, changes it`,
    { status: 'FAILED_PRECONDITION', reason: 'MESH_RUNS_OTHERWISE' },
  );
}

/**
 * Finds out before anything starts that a port is somebody else's, and whose. Throws UNAVAILABLE /
 * PORT_TAKEN with all of them and the way out.
 */
export async function checkPorts(plan: MeshPlan, mesh: AskMesh): Promise<void> {
  const taken = await takenPorts(plan, mesh);
  if (taken.length === 0) return;
  throw new MeshError(
    `ports are taken:\n  ${taken.join('\n  ')}\nStop who holds them, or move this mesh: PORT_BASE=${plan.portBase + 200} weft up (or make up)`,
    { status: 'UNAVAILABLE', reason: 'PORT_TAKEN' },
  );
}

/** What runs in this checkout at the moment of asking. */
type AskMesh = () => Promise<Pick<MeshStatus, 'processes'> | undefined>;

/** The fixed ports of the plan that somebody else holds, each with whom. */
export async function takenPorts(
  plan: { readonly processes: readonly Pick<ProcessPlan, 'id' | 'ports'>[] },
  askMesh: AskMesh,
): Promise<readonly string[]> {
  const wanted = plan.processes.flatMap(({ id, ports }) => ports.map((port) => ({ id, port })));
  const checked = await Promise.all(
    wanted.map(async (each) => ({ ...each, free: await isFree(each.port) })),
  );
  const taken = checked.filter(({ free }) => !free);
  if (taken.length === 0) return [];
  // After the look: one that crashed comes back by itself, and holds its port then.
  const mesh = await askMesh();
  const ours = new Set(mesh?.processes.filter(({ pid }) => pid !== undefined).map(({ id }) => id));
  return taken
    .filter(({ id }) => !ours.has(id))
    .map(({ id, port }) => `${port} (${id}) is held by ${holderOf(port)}`);
}
