import type { Span } from '../../gen/weft/admin/v1/admin.ts';
import { fromTimestamp } from '../schema/timestamp.ts';
import { type AskOptions, askAll } from './collect.ts';

/** One trace as the processes that took part in it remember it together. */
export interface TraceRow {
  readonly traceId: string;
  /** The span that began first, of those that are remembered. */
  readonly first: Span;
  readonly spans: number;
  /** Those that ended otherwise than OK. */
  readonly failed: number;
  /** Wall time, in ms since the epoch. */
  readonly startMs: number;
  /** When the last span ended; wall time, in ms. */
  readonly endMs: number;
  /** The services that took part, sorted. */
  readonly services: readonly string[];
}

/** The last traces of these services, newest first. */
export async function collectTraces(
  limit: number,
  options: AskOptions,
): Promise<{ readonly traces: readonly TraceRow[]; readonly silent: readonly string[] }> {
  const asked = await askAll(options, async (admin, call, { service }) => {
    const { traces } = await admin.listTraces({ limit }, call);
    return traces.flatMap(({ traceId, first, spans, failed, endTime }): TraceRow[] => {
      if (first?.startTime === undefined || endTime === undefined) return [];
      const startMs = fromTimestamp(first.startTime);
      const endMs = fromTimestamp(endTime);
      return [{ ...{ traceId, first, spans, failed, startMs, endMs }, services: [service] }];
    });
  });
  const byId = Map.groupBy(asked.answers.flat(), ({ traceId }) => traceId);
  const traces = [...byId.values()].map((parts) => parts.reduce(joined));
  traces.sort((a, b) => b.startMs - a.startMs);
  return { traces: traces.slice(0, limit), silent: asked.silent };
}

function joined(a: TraceRow, b: TraceRow): TraceRow {
  const first = a.startMs <= b.startMs ? a : b;
  return {
    ...{ traceId: a.traceId, first: first.first, startMs: first.startMs },
    spans: a.spans + b.spans,
    failed: a.failed + b.failed,
    endMs: Math.max(a.endMs, b.endMs),
    services: [...new Set([...a.services, ...b.services])].sort(),
  };
}
