import type { Baggage } from '../kernel/baggage.ts';
import type { TraceContext } from '../kernel/context.ts';
import type { SagaFailure } from './step.ts';
import type { SagaStatus } from './tables.ts';

/** What became of one step, in one direction. */
export interface HistoryEntry {
  readonly step: string;
  readonly kind: 'action' | 'compensation';
  /**
   * "begun": noted before it was tried, so that no crash can hide it. "refused": it did not happen.
   * "unknown": it may have. "skipped": a person said that it is done.
   */
  readonly outcome: 'begun' | 'done' | 'refused' | 'unknown' | 'skipped';
  /** Wall ms, as all times here. */
  readonly startedMs: number;
  readonly endedMs?: number;
  /** Tries until it ended. */
  readonly attempts?: number;
  /** The error of the last try. */
  readonly error?: string;
}

/** A saga at one moment: what its row holds, read. */
export interface SagaState {
  readonly id: string;
  readonly name: string;
  readonly status: SagaStatus;
  /** The step that runs, waits or comes next, in the direction of the status; empty: all are through. */
  readonly step: string;
  readonly data: unknown;
  readonly history: readonly HistoryEntry[];
  /** Why it goes back. */
  readonly failure: SagaFailure | undefined;
  readonly attempts: number;
  readonly faults: number;
  readonly lastError: string | undefined;
  readonly waitsFor: string | undefined;
  readonly dueMs: number;
  readonly claimedBy: string | undefined;
  readonly revision: number;
  readonly deadlineMs: number | undefined;
  readonly createdMs: number;
  readonly trace: TraceContext | undefined;
  readonly baggage: Baggage | undefined;
}

/** "done", "compensated" and "stuck": nothing more happens by itself. */
export function isOver({ status }: Pick<SagaState, 'status'>): boolean {
  return status !== 'running' && status !== 'compensating';
}

/** Which way it goes: decides which half of a step is meant. */
export function directionOf({ failure }: Pick<SagaState, 'failure'>): HistoryEntry['kind'] {
  return failure === undefined ? 'action' : 'compensation';
}

/** What is noted as begun and not as ended. There is at most one, the last. */
export function openEntry({ history }: Pick<SagaState, 'history'>): HistoryEntry | undefined {
  const last = history.at(-1);
  return last?.outcome === 'begun' ? last : undefined;
}
