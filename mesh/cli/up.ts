import { relative } from 'node:path';
import { Command } from 'commander';
import { MeshError } from '../kernel/error.ts';
import { type Checkout, thisCheckout } from './checkout.ts';
import { environment } from './environment.ts';
import { cliName } from './mesh-door.ts';
import { type Overview, overviewOf, overviewTable } from './overview.ts';
import { pasteable, withWeft } from './paste.ts';
import { createProgress } from './show-progress.ts';
import { command } from './supervisor/control-client.ts';
import { askSupervisor, cleanUp, ensureSupervisor } from './supervisor/launch.ts';
import { lastWords } from './supervisor/output.ts';
import type { Progress } from './supervisor/progress.ts';
import type { MeshStatus } from './supervisor/status.ts';
import { findTool } from './tools/find.ts';
import { checkPorts, defaultPortBase, planFor, type UpOptions } from './up-plan.ts';

export function upCommand(): Command {
  return new Command('up')
    .description('start Consul, NATS and the services of weft.yaml, and wait until all are healthy')
    .option('--scale <counts>', 'how many instances, as "inventory=3,payments=2"')
    .option('--story <name>', 'which services: those of this story, or all')
    .option('--port-base <port>', `where the ports begin (PORT_BASE, or ${defaultPortBase})`)
    .option('--file <path>', 'what runs (default: deploy/weft.yaml)')
    .action((options: UpOptions) => up(options, thisCheckout()));
}

async function up(options: UpOptions, checkout: Checkout): Promise<void> {
  const { root, run } = checkout;
  const report = createProgress();
  const mesh = await askSupervisor(run);
  const portBase = mesh === undefined ? await cleanUp(run, report) : undefined;
  const fetching = { onFetch: console.log };
  const [consul, nats] = await Promise.all([
    findTool('consul', fetching),
    findTool('nats-server', fetching),
  ]);
  const servers = { consul, nats };
  const plan = planFor({ options, checkout, before: { mesh, portBase }, servers });
  await checkPorts(plan, () => askSupervisor(run));
  if (mesh === undefined) {
    console.log(`Starting ${plan.processes.length} processes, ports from ${plan.portBase}:`);
  }
  const socket = await ensureSupervisor({ root, run, env: environment() });
  const failed: Progress[] = [];
  const status = await command(socket, { verb: 'apply', plan }, (progress) => {
    if (progress.what === 'failed') failed.push(progress);
    report(progress);
  });
  if (status === undefined) return;
  if (failed.length > 0) throw notUp(failed, status);
  printMesh(status, await overviewOf(status));
}

function notUp(failed: readonly Progress[], { root, processes }: MeshStatus): MeshError {
  const parts = failed.map(({ id, text }) => {
    const log = processes.find((process) => process.id === id)?.log ?? '';
    const lines = lastWords(log, 12).map((line) => `    ${line}`);
    const words = lines.length === 0 ? 'it wrote nothing' : 'its last words';
    return [`${id}: ${text ?? ''}; ${words} (${relative(root, log)})`, ...lines].join('\n');
  });
  parts.push('The rest of the mesh runs on: mend it and weft up again, or weft down.');
  return new MeshError(parts.join('\n'), { status: 'UNAVAILABLE', reason: 'SERVICE_NOT_UP' });
}

function printMesh(status: MeshStatus, overview: Overview): void {
  const pages = [`Consul UI  ${status.consul}/ui`];
  if (status.console !== undefined) {
    pages.unshift(`Console    ${status.console}   the mesh: who calls whom, what fails, live`);
  }
  console.log(`\n${overviewTable(overview)}\n\n${pages.join('\n')}`);
  const secured = status.identity === 'consul';
  if (secured) {
    console.log(
      `\nIdentities  all calls are mutual TLS, and Consul's intentions decide who may call whom.\n            weft calls as "${cliName}", with a certificate of its own.`,
    );
  }
  for (const example of status.examples) {
    const at = overview.processes.find(({ service }) => service === example.service)?.address;
    if (at === undefined) continue;
    const lines = secured ? [withWeft(example)] : pasteable(example, at);
    console.log(`\n${example.title}:\n  ${lines.join('\n  ')}`);
  }
  if (status.next.length > 0) console.log(`\nGo on:\n  ${status.next.join('\n  ')}`);
}
