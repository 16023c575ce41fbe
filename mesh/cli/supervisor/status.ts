import type { Child } from './child.ts';
import type { MeshPlan, ProcessKind, Ready } from './plan.ts';

/** One process as it is now; what the supervisor tells over its socket. */
export interface ProcessStatus {
  /** "orders#1". */
  readonly id: string;
  readonly service: string;
  readonly instance: number;
  readonly kind: ProcessKind;
  readonly story?: string;
  readonly state: 'stopped' | 'starting' | 'ready' | 'waiting' | 'stopping';
  /** Absent while it does not run, as is `startedAtMs`. */
  readonly pid?: number;
  /** Wall time, in ms since the epoch. */
  readonly startedAtMs?: number;
  /** How often it was started again after a crash. */
  readonly restarts: number;
  /** How its last run ended: "exit code 1", "SIGKILL". */
  readonly lastExit?: string;
  /** Where its output is. */
  readonly log: string;
  /** Its fixed ports. */
  readonly ports: readonly number[];
  readonly ready: Ready;
}

/** Everything that the supervisor of a checkout keeps running. */
export type MeshStatus = Omit<MeshPlan, 'processes'> & {
  readonly supervisorPid: number;
  readonly processes: readonly ProcessStatus[];
};

export function statusOf(child: Child): ProcessStatus {
  const { id, service, instance, kind, story, log, ports, ready } = child.plan;
  const state = child.state();
  const { restarts, lastExit } = child.history();
  return {
    ...{ id, service, instance, kind, log, ports, ready },
    ...(story !== undefined && { story }),
    state: state.name,
    ...('run' in state && { pid: state.run.mark.pid, startedAtMs: state.run.startedAtMs }),
    restarts,
    ...(lastExit !== undefined && { lastExit }),
  };
}
