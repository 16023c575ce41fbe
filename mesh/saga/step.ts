import type { TraceContext } from '../kernel/context.ts';
import type { Transaction } from '../store/sql.ts';

/** What a step is told beside the data. */
export interface StepContext {
  /** As `start` gave it. */
  readonly sagaId: string;
  /**
   * The same however often the step is repeated: `<saga id>/<step>`, and `<saga id>/<step>/undo` for its
   * compensation. Whoever is called with it does the work once.
   */
  readonly key: string;
  /** 1 for the first try that is known of; a try that a crash cut off is counted. */
  readonly attempt: number;
  /** Why the saga goes back; undefined while it goes forward. */
  readonly failure: SagaFailure | undefined;
  /** Of whoever started the saga; undefined where there was none. */
  readonly trace: TraceContext | undefined;
}

/** What a call is told: it has a time limit, and nobody waits beyond it. */
export interface CallStepContext extends StepContext {
  /** Aborts when the step's time is over or the process stops. What was asked for may have happened then. */
  readonly signal: AbortSignal;
}

/** Why a saga goes back, or cannot go on. */
export interface SagaFailure {
  /** The step that failed. */
  readonly step: string;
  /** As "CARD_DECLINED": the reason of the error, else its status. */
  readonly reason: string;
  /** For people. */
  readonly message: string;
}

/** How failures of a step are met. */
export interface StepRetry {
  /** The wait after the first failure, in ms; it doubles. Default 250. */
  readonly firstMs?: number;
  /** The longest wait, in ms, give or take 20 %. Default 30 000. */
  readonly longestMs?: number;
  /**
   * Tries that end by a fault of the world (UNAVAILABLE, DEADLINE_EXCEEDED) before the step has failed.
   * Default: no limit but the saga's time; of a step that waits for a reply, 1.
   */
  readonly attempts?: number;
  /** Tries that end by an unexpected error before the step has failed. Default 5. */
  readonly faults?: number;
}

interface StepTuning<T> {
  /** Of one try, in ms. Default 10 000; for a step that waits for a reply, 60 000. */
  readonly timeoutMs?: number;
  readonly retry?: StepRetry;
  /**
   * Once this step is done there is no way back: what comes after it is tried until it succeeds. At most one
   * step; without one the saga can go back until its end.
   */
  readonly pivot?: boolean;
  /**
   * What no other saga of this database may hold from here until this one's end, as `account/ada`: an
   * account with a half-done booking is not to be read as if it were whole. Whoever comes later waits in line.
   */
  lock?(data: T): string | readonly string[];
  /** How long it waits in that line before it goes back, in ms. Default 30 000. */
  readonly lockTimeoutMs?: number;
}

/** Calls somebody, outside of any transaction. */
export interface CallOptions<T> extends StepTuning<T> {
  /** The new data. May run again, with the same `key`, when nobody knows how it ended. */
  action(data: T, context: CallStepContext): Promise<T>;
  /**
   * Takes it back. Runs also when nobody knows whether the action happened, and again until it succeeds: it
   * must take an action that never arrived, or one that was taken back already.
   */
  compensate?(data: T, context: CallStepContext): Promise<void>;
}

/** Writes to the service's own database, in the transaction that notes the step as done: once, exactly. */
export interface LocalOptions<DB, T> extends Omit<StepTuning<T>, 'timeoutMs'> {
  action(tx: Transaction<DB>, data: T, context: StepContext): Promise<T>;
  compensate?(tx: Transaction<DB>, data: T, context: StepContext): Promise<void>;
}

/** Sends something in a transaction (a command, an event), and goes on when `reply` brings the answer. */
export interface AskOptions<DB, T> extends StepTuning<T> {
  /** What is sent leaves with the commit. It may be sent again, with the same `key`. */
  send(tx: Transaction<DB>, data: T, context: StepContext): Promise<void>;
  /** Takes it back, as of LocalOptions: send the opposite. */
  compensate?(tx: Transaction<DB>, data: T, context: StepContext): Promise<void>;
}

/** A step of a saga; made by `callStep`, `localStep` or `askStep`. */
export type Step<DB, T> =
  | ({ readonly kind: 'call'; readonly name: string } & CallOptions<T>)
  | ({ readonly kind: 'local'; readonly name: string } & LocalOptions<DB, T>)
  | ({ readonly kind: 'ask'; readonly name: string } & AskOptions<DB, T>);

/** A step that calls somebody, as a stub does. */
export function callStep<DB, T>(name: string, options: CallOptions<T>): Step<DB, T> {
  return { kind: 'call', name, ...options };
}

/** A step in the saga's own database. */
export function localStep<DB, T>(name: string, options: LocalOptions<DB, T>): Step<DB, T> {
  return { kind: 'local', name, ...options };
}

/** A step that is answered later. */
export function askStep<DB, T>(name: string, options: AskOptions<DB, T>): Step<DB, T> {
  return { kind: 'ask', name, ...options };
}

const defaultTimeoutMs = { call: 10_000, local: 0, ask: 60_000 } as const;

/** Of one try, in ms; 0 for a step in the own database, which has its transaction's limits. */
export function timeoutOf<DB, T>(step: Step<DB, T>): number {
  return step.kind === 'local' ? 0 : (step.timeoutMs ?? defaultTimeoutMs[step.kind]);
}

/** Tries of the world's fault before a step has failed. */
export function attemptsOf<DB, T>(step: Step<DB, T>): number {
  return step.retry?.attempts ?? (step.kind === 'ask' ? 1 : Number.POSITIVE_INFINITY);
}
