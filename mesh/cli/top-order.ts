import type { MeshStats } from '../admin/mesh-stats.ts';

type Urgency = readonly number[];

/** The rows of every table with what matters first: what fails or is refused, then what is busiest. */
export function urgentFirst(stats: MeshStats): MeshStats {
  const { services, edges, methods, publishers, consumers } = stats;
  return {
    services: ordered(services, ({ failed, perSecond }) => [failed, perSecond]),
    edges: ordered(edges, ({ failed, refused, breakersOpen, ejected, perSecond }) => [
      // A breaker that is open refuses: few calls fail any more, and nothing is well.
      ...[breakersOpen, failed + refused, ejected.length, perSecond],
    ]),
    methods: ordered(methods, ({ failed, perSecond }) => [failed, perSecond]),
    publishers: ordered(publishers, (row) => [row.outboxUnsent, row.publishedPerSecond]),
    consumers: ordered(consumers, ({ byOutcome, deadLetters, parked, handledPerSecond }) => [
      ...[(byOutcome['failed'] ?? 0) + (byOutcome['dead'] ?? 0) + (byOutcome['outage'] ?? 0)],
      ...[deadLetters, parked, handledPerSecond],
    ]),
  };
}

function ordered<T>(rows: readonly T[], urgency: (row: T) => Urgency): T[] {
  const judged = rows.map((row) => ({ row, urgency: urgency(row) }));
  return judged.sort((a, b) => compared(a.urgency, b.urgency)).map(({ row }) => row);
}

function compared(a: Urgency, b: Urgency): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (b[at] ?? 0) - (a[at] ?? 0);
}
