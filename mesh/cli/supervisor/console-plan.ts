import { extname, join } from 'node:path';
import type { Site } from './infrastructure.ts';
import { leanEnvironment, leanNode } from './lean-node.ts';
import type { MeshPlan, ProcessPlan } from './plan.ts';
import type { MeshFile } from './schema.ts';

/** The console of a mesh file that wants one: it begins beside Consul and NATS, and holds up nobody. */
export function consolePlan(
  { console }: MeshFile,
  site: Site,
  { consul, nats }: Pick<MeshPlan, 'consul' | 'nats'>,
): readonly ProcessPlan[] {
  if (console === undefined) return [];
  const port = site.portBase + console.port;
  // main.ts here, main.js in dist/.
  const program = join(import.meta.dirname, '..', `main${extname(import.meta.filename)}`);
  return [
    {
      ...{ id: 'console', service: 'console', instance: 1, kind: 'tool' },
      command: [...leanNode, program, 'console', '--port', String(port)],
      env: { MESH_CONSUL: consul, MESH_NATS: nats, ...leanEnvironment(site.run) },
      ports: [port],
      log: join(site.run, 'logs', 'console.log'),
      ready: { kind: 'tcp', port },
      ...{ readyWithinMs: 30_000, graceMs: 5_000, after: [], calls: [] },
    },
  ];
}

/** Where people find it. */
export function consoleUrl({ console }: MeshFile, { portBase }: Site): Pick<MeshPlan, 'console'> {
  return console === undefined ? {} : { console: `http://127.0.0.1:${portBase + console.port}` };
}
