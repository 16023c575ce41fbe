import { Command } from 'commander';
import { collectTrace } from '../admin/collect.ts';
import { renderTrace, traceTree } from '../admin/trace-tree.ts';
import { createConsul } from '../consul/client.ts';
import { createConsulDiscovery } from '../discovery/consul.ts';
import { systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { silentLog } from '../kernel/log.ts';
import { systemRandom } from '../kernel/random.ts';
import { runningMesh } from './checkout.ts';
import { outputOption } from './ps.ts';

export function traceCommand(): Command {
  return new Command('trace')
    .description('draw the way of one call or order: calls, events, who handled them')
    .argument('<trace-id>', '32 hexadecimal digits, or a whole traceparent header')
    .addOption(outputOption())
    .action(async (given: string, { output }: { output: string }) => {
      const { consul: address, processes } = await runningMesh();
      const traceId = traceIdOf(given);
      const ports = { clock: systemClock, random: systemRandom, log: silentLog };
      const consul = createConsul({ address, ...ports });
      const discovery = createConsulDiscovery({ consul, ...ports });
      try {
        const services = processes.filter(({ kind }) => kind === 'service');
        const spans = await collectTrace({
          traceId,
          services: [...new Set(services.map(({ service }) => service))],
          resolver: discovery.resolver,
          clock: systemClock,
        });
        if (spans.length === 0) throw unknown(traceId);
        console.log(output === 'json' ? toJson(spans) : renderTrace(traceTree(spans)));
      } finally {
        await discovery.close();
        consul.close();
      }
    });
}

function traceIdOf(given: string): string {
  const [, traceId] = /^(?:00-)?([0-9a-f]{32})(?:-[0-9a-f]{16}-[0-9a-f]{2})?$/.exec(given) ?? [];
  if (traceId !== undefined) return traceId;
  throw MeshError.invalid('weft trace', [
    {
      field: 'trace-id',
      description: `${JSON.stringify(given)} is no trace: give 32 lower-case hexadecimal digits`,
    },
  ]);
}

function unknown(traceId: string): MeshError {
  return new MeshError(
    `no running instance remembers trace ${traceId}: each keeps its last spans only, and forgets them when it stops`,
    { status: 'NOT_FOUND', reason: 'UNKNOWN_TRACE' },
  );
}

/** Durations are bigint, which JSON does not know; as a number of microseconds they are exact. */
function toJson(spans: readonly object[]): string {
  return JSON.stringify(
    spans,
    (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value),
    2,
  );
}
