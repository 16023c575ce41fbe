import type { Child } from './child.ts';
import { inWaves } from './graph.ts';
import type { ProcessPlan } from './plan.ts';
import type { Report } from './progress.ts';

/**
 * Stops processes: a caller before those it calls, so that its last calls still find them; what carries
 * the mesh last. Those that do not know each other stop at the same time.
 */
export async function stopAll(these: readonly Child[], report: Report): Promise<void> {
  for (const wave of stopOrder(these.map(({ plan }) => plan))) {
    const stopping = these.filter(({ plan }) => wave.includes(plan.id));
    await Promise.all(stopping.map((child) => stopOne(child, report)));
  }
}

async function stopOne(child: Child, report: Report): Promise<void> {
  const { id, graceMs } = child.plan;
  if (child.state().name === 'stopped') return;
  report({ id, what: 'stopping' });
  if (await child.stop()) {
    report({ id, what: 'killed', text: `it still ran ${graceMs / 1_000} s after SIGTERM` });
  } else {
    report({ id, what: 'stopped' });
  }
}

/** What the order of stopping depends on; also of processes that a dead supervisor left behind. */
export type Stoppable = Pick<ProcessPlan, 'id' | 'service' | 'kind' | 'after' | 'calls'>;

/** The ids in groups, first to stop first. */
export function stopOrder(processes: readonly Stoppable[]): string[][] {
  const edges = new Map(
    processes.map((process) => [
      process.id,
      processes.filter((other) => outlives(process, other)).map(({ id }) => id),
    ]),
  );
  return inWaves(edges);
}

/** True if `process` must stay until `other` has stopped. */
function outlives(process: Stoppable, other: Stoppable): boolean {
  if (process.id === 'consul') return other.id !== 'consul';
  if (process.kind === 'infrastructure') return other.kind === 'service';
  return other.after.includes(process.service) || other.calls.includes(process.service);
}
