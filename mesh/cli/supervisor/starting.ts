import type { Clock } from '../../kernel/clock.ts';
import type { Changes } from './changes.ts';
import type { Child } from './child.ts';
import { inWaves } from './graph.ts';
import type { ProcessPlan } from './plan.ts';
import type { Progress, Report } from './progress.ts';

/** A process that crashed this often without getting ready is told to its starter as failed. */
const hopeless = 3;

export interface StartOptions {
  /** Every process of the mesh, also those that run already. */
  readonly all: readonly Child[];
  readonly changes: Changes;
  readonly clock: Clock;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/**
 * Starts processes, each as soon as those that it must come after are ready, all others at once: a
 * service of the mesh finds its peers whenever they come. Resolves when of each was told that it is
 * ready, failed or held; a failed one goes on being restarted.
 */
export async function startAll(these: readonly Child[], options: StartOptions): Promise<void> {
  const { all, report } = options;
  const outcomes = new Map<Child, Promise<Progress>>();
  const startOne = async (child: Child): Promise<Progress> => {
    const { id } = child.plan;
    for (const before of all.filter((other) => mustComeAfter(child.plan, other.plan))) {
      const { what } = await (outcomes.get(before) ?? outcomeOf(before, options));
      if (what !== 'ready') return { id, what: 'held', text: `it waits for ${before.plan.id}` };
    }
    report({ id, what: 'starting' });
    child.start();
    return outcomeOf(child, options);
  };
  // Those that others wait for first, so that their outcome is known to exist.
  for (const child of startOrder(these)) {
    const outcome = startOne(child);
    outcomes.set(child, outcome);
    void outcome.then(report);
  }
  await Promise.all(outcomes.values());
}

function mustComeAfter(plan: ProcessPlan, other: ProcessPlan): boolean {
  // A tool copes with a mesh that is not there yet.
  if (plan.kind !== 'service') return false;
  return other.kind === 'infrastructure' || plan.after.includes(other.service);
}

function startOrder(these: readonly Child[]): Child[] {
  const edges = new Map(
    these.map(({ plan }) => [
      plan.id,
      these.filter((other) => mustComeAfter(plan, other.plan)).map((other) => other.plan.id),
    ]),
  );
  return inWaves(edges).flatMap((wave) => these.filter(({ plan }) => wave.includes(plan.id)));
}

/** Waits for a process to be ready, or for a cause to believe that it will not be. */
async function outcomeOf(
  { plan, state, history }: Child,
  options: StartOptions,
): Promise<Progress> {
  const { clock, changes, signal } = options;
  const failed = (text: string): Progress => ({ id: plan.id, what: 'failed', text });
  const end = clock.monotonic() + plan.readyWithinMs;
  for (;;) {
    const { name } = state();
    const { failures, lastExit = 'no cause seen' } = history();
    if (name === 'ready') return { id: plan.id, what: 'ready' };
    if (name === 'stopped' || name === 'stopping') return failed('it is stopped');
    if (signal.aborted) return failed('the mesh is being stopped');
    if (failures >= hopeless) return failed(`it crashed ${failures} times (${lastExit})`);
    const left = end - clock.monotonic();
    if (left <= 0) return failed(`it is not ready after ${plan.readyWithinMs / 1_000} s`);
    await changes.next(left, signal);
  }
}
