import { Command } from 'commander';
import { collectTrace } from '../admin/collect.ts';
import { renderTrace, traceTree } from '../admin/trace-tree.ts';
import { MeshError } from '../kernel/error.ts';
import { runningMesh } from './checkout.ts';
import { throughMesh, whomToAsk } from './mesh-door.ts';
import { outputOption } from './ps.ts';

export function traceCommand(): Command {
  return new Command('trace')
    .description('draw the way of one call or order: calls, events, who handled them')
    .argument('<trace-id>', '32 hexadecimal digits, or a whole traceparent header')
    .addOption(outputOption())
    .action(async (given: string, { output }: { output: string }) => {
      const { consul, processes } = await runningMesh();
      const traceId = traceIdOf(given);
      await throughMesh(consul, {}, async (mesh) => {
        const own = processes.filter(({ kind }) => kind === 'service');
        const services = [...new Set(own.map(({ service }) => service))];
        const spans = await collectTrace({
          ...(await whomToAsk(mesh, undefined)),
          ...{ services, traceId },
        });
        if (spans.length === 0) throw unknown(traceId);
        console.log(output === 'json' ? toJson(spans) : renderTrace(traceTree(spans)));
      });
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
