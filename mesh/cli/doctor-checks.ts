import { statfsSync } from 'node:fs';
import { describe, MeshError } from '../kernel/error.ts';
import { type Checkout, thisCheckout } from './checkout.ts';
import { overviewOf } from './overview.ts';
import { askSupervisor } from './supervisor/launch.ts';
import { isRunning } from './supervisor/process-table.ts';
import { readState } from './supervisor/state-file.ts';
import type { MeshStatus } from './supervisor/status.ts';
import { findTool } from './tools/find.ts';
import { readTool, type ToolName, toolNames } from './tools/manifest.ts';
import { atLeast } from './tools/version.ts';
import { planFor, takenPorts } from './up-plan.ts';

/** What one check found. */
export interface Finding {
  /** What was looked at. */
  readonly what: string;
  /** A note is worth knowing and keeps nothing from running. */
  readonly verdict: 'ok' | 'note' | 'fault';
  readonly detail: string;
  /** What to do about it. */
  readonly mend?: string;
}

/** The same as engines in package.json: node:sqlite and type stripping work without a flag from here on. */
const oldestNode = '22.22.2';
/** JetStream and the logs of a long day fit; less, and a write may fail in the middle of work. */
const leastFreeBytes = 1024 ** 3;

/** Looks at everything that a mesh of this checkout needs; never throws for what it finds. */
export async function examine(checkout: Checkout = thisCheckout()): Promise<readonly Finding[]> {
  const mesh = await askSupervisor(checkout.run);
  const processes = mesh === undefined ? [] : await checkProcesses(mesh);
  return [
    checkNode(process.versions.node),
    ...(await Promise.all(toolNames.map(checkTool))),
    checkDisk(checkout),
    checkState(checkout, mesh),
    ...(await checkFileAndPorts(checkout, mesh)),
    ...processes,
  ];
}

/** Found wanting: the error's own words, and what to do. */
function fault(what: string, thrown: unknown, mend: string): Finding {
  const detail = thrown instanceof MeshError ? thrown.rawMessage : describe(thrown);
  return { what, verdict: 'fault', detail, mend };
}

export function checkNode(version: string): Finding {
  if (atLeast(version, oldestNode)) return { what: 'node', verdict: 'ok', detail: version };
  const detail = `${version}, and weft needs ${oldestNode} or newer`;
  const mend = 'npm ci puts Node 24 into node_modules/.bin, and make uses it from there';
  return { what: 'node', verdict: 'fault', detail, mend };
}

async function checkTool(name: ToolName): Promise<Finding> {
  try {
    const { version, source, path } = await findTool(name, { fetch: false });
    return { what: name, verdict: 'ok', detail: `${version} (${source}: ${path})` };
  } catch (thrown) {
    if (MeshError.from(thrown).reason !== 'TOOL_NOT_FOUND') {
      return fault(name, thrown, 'mend or unset the variable');
    }
    const { optional } = readTool(name);
    return {
      what: name,
      verdict: optional ? 'note' : 'fault',
      detail: optional ? 'not here, and not needed' : 'not here',
      mend: 'weft tools fetches it, or says how to install it by hand',
    };
  }
}

function checkDisk({ root }: Checkout): Finding {
  const { bavail, bsize } = statfsSync(root);
  const free = bavail * bsize;
  const detail = `${(free / 1024 ** 3).toFixed(1)} GiB free at ${root}`;
  if (free >= leastFreeBytes) return { what: 'disk', verdict: 'ok', detail };
  return { what: 'disk', verdict: 'fault', detail, mend: 'make room: data and logs need 1 GiB' };
}

function checkState({ run }: Checkout, mesh: MeshStatus | undefined): Finding {
  const what = 'state';
  if (mesh !== undefined) {
    const detail = `a mesh runs at PORT_BASE ${mesh.portBase}, supervised by pid ${mesh.supervisorPid}`;
    return { what, verdict: 'ok', detail };
  }
  const left = readState(run)?.processes.filter(({ mark }) => isRunning(mark)) ?? [];
  if (left.length === 0) return { what, verdict: 'ok', detail: 'no mesh runs here' };
  const ids = left.map(({ id }) => id).join(', ');
  const detail = `the supervisor died and left ${ids} running`;
  return {
    what,
    verdict: 'fault',
    detail,
    mend: 'weft down ends them; weft up does, and starts anew',
  };
}

async function checkFileAndPorts(
  checkout: Checkout,
  mesh: MeshStatus | undefined,
): Promise<Finding[]> {
  const portBase = readState(checkout.run)?.portBase;
  try {
    const servers = { consul: nowhere, nats: nowhere };
    const plan = planFor({ options: {}, checkout, before: { mesh, portBase }, servers });
    const taken = await takenPorts(plan, () => askSupervisor(checkout.run));
    const file: Finding = { what: 'weft.yaml', verdict: 'ok', detail: plan.file };
    if (taken.length === 0) {
      const detail = mesh === undefined ? `free from ${plan.portBase} on` : 'held by this mesh';
      return [file, { what: 'ports', verdict: 'ok', detail }];
    }
    const mend = `stop who holds them, or move the mesh: PORT_BASE=${plan.portBase + 200} make up`;
    return [file, { what: 'ports', verdict: 'fault', detail: taken.join('\n'), mend }];
  } catch (thrown) {
    return [fault('weft.yaml', thrown, 'docs/reference/weft-yaml.md describes every field')];
  }
}

/** A plan that is only looked at needs no programs. */
const nowhere = { path: '', version: '0.0.0', source: 'path' } as const;

async function checkProcesses(mesh: MeshStatus): Promise<Finding[]> {
  const { processes } = await overviewOf(mesh);
  return processes.map(({ id, service, health, address, log, restarts }) => {
    const times = restarts === 0 ? '' : `, restarted ${restarts} times`;
    const detail = `${health}${address === undefined ? '' : ` at ${address}`}${times}`;
    if (health === 'passing') return { what: id, verdict: 'ok', detail };
    if (health === 'stopped') {
      return { what: id, verdict: 'note', detail, mend: `weft start ${id} brings it back` };
    }
    return { what: id, verdict: 'fault', detail, mend: `weft logs ${service} tells why (${log})` };
  });
}
