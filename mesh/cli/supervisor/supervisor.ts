import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Random } from '../../kernel/random.ts';
import { createChanges } from './changes.ts';
import { type Child, createChild } from './child.ts';
import type { MeshPlan, ProcessPlan } from './plan.ts';
import type { Report } from './progress.ts';
import { createReadiness } from './readiness.ts';
import { startAll } from './starting.ts';
import { type MeshStatus, statusOf } from './status.ts';
import { stopAll } from './stopping.ts';
import { createTurns } from './turns.ts';

export interface SupervisorOptions {
  /** The environment beneath that of each process. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  /** Called after every change of any process, with all of them in the order of the plan. */
  readonly onChange: (children: readonly Child[]) => void;
}

/**
 * Keeps the processes of one checkout running. Commands run one after the other, except that `down` makes
 * those before it give up. A command resolves when its work is seen done, or was told as failed.
 */
export interface Supervisor {
  /** Makes what runs equal to the plan. Processes that run already are left alone. */
  apply(plan: MeshPlan, report: Report): Promise<void>;
  /** `target` is a service ("orders") or one instance ("orders#2"); throws NOT_FOUND for others. */
  start(target: string, report: Report): Promise<void>;
  stop(target: string, report: Report): Promise<void>;
  /**
   * Stops everything: callers before those they call, what carries the mesh last. From here on nothing is
   * started any more: `apply` and `start` throw FAILED_PRECONDITION / MESH_STOPPING.
   */
  down(report: Report): Promise<void>;
  /** Undefined before the first plan. */
  status(): MeshStatus | undefined;
}

export function createSupervisor({ env, clock, random, onChange }: SupervisorOptions): Supervisor {
  const turns = createTurns();
  const changes = createChanges(clock);
  let children: readonly Child[] = [];
  let mesh: Omit<MeshPlan, 'processes'> | undefined;

  const changed = (): void => {
    onChange(children);
    changes.tell();
  };
  const start = (these: readonly Child[], report: Report, signal: AbortSignal): Promise<void> =>
    startAll(these, { all: children, changes, clock, report, signal });

  async function apply(plan: MeshPlan, report: Report, signal: AbortSignal): Promise<void> {
    const { processes, ...rest } = plan;
    const wanted = new Set(processes.map(({ id }) => id));
    await stopAll(
      children.filter((child) => !wanted.has(child.plan.id)),
      report,
    );
    // What crashes again and again may have been mended in the file.
    for (const child of children) if (child.state().name === 'waiting') await child.stop();
    mesh = rest;
    const isReady = createReadiness(plan.consul);
    const common = { root: plan.root, env, clock, random, isReady, onChange: changed };
    children = processes.map((process) => {
      const there = children.find((child) => child.plan.id === process.id);
      if (there !== undefined && there.state().name !== 'stopped') {
        noteDifference(there.plan, process, report);
        return there;
      }
      return createChild({ ...common, plan: process });
    });
    const idle = children.filter((child) => child.state().name !== 'ready');
    await start(idle, report, signal);
  }

  function targets(target: string): Child[] {
    const found = children.filter(({ plan }) => plan.id === target || plan.service === target);
    if (found.length > 0) return found;
    const known = [...new Set(children.map(({ plan }) => plan.service))].join(', ');
    throw new MeshError(`nothing here is called ${target}; there are ${known}`, {
      status: 'NOT_FOUND',
      reason: 'UNKNOWN_NAME',
    });
  }

  return {
    apply: (plan, report) => turns.take((signal) => apply(plan, report, signal)),
    start: (target, report) => turns.take((signal) => start(targets(target), report, signal)),
    stop: (target, report) => turns.take(() => stopAll(targets(target), report)),
    down: (report) => turns.finish(() => stopAll(children, report)),
    status() {
      if (mesh === undefined) return undefined;
      return { ...mesh, supervisorPid: process.pid, processes: children.map(statusOf) };
    },
  };
}

/** A process that runs is not restarted behind the back of whoever uses it; that it is outdated is told. */
function noteDifference(running: ProcessPlan, wanted: ProcessPlan, report: Report): void {
  const parts = (['command', 'env', 'ports'] as const).filter(
    (part) => JSON.stringify(running[part]) !== JSON.stringify(wanted[part]),
  );
  if (parts.length === 0) return;
  const text = `runs with another ${parts.join(' and ')} than is asked for now; weft stop ${running.id}, then weft up, applies it`;
  report({ id: running.id, what: 'note', text });
}
