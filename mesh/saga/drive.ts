import { childTrace, runInContext, type TraceContext } from '../kernel/context.ts';
import { deadlineIn } from '../kernel/deadline.ts';
import { MeshError } from '../kernel/error.ts';
import { type SpanSink, samplingOf } from '../telemetry/spans.ts';
import { type AdvanceParts, advance, contextOf } from './advance.ts';
import type { Saga } from './definition.ts';
import { openEntry, type SagaState } from './state.ts';
import { type CallStepContext, type Step, timeoutOf } from './step.ts';
import { completed, failed, postponed, stepAt, turnedByDeadline } from './transitions.ts';

export interface DriveParts<DB> extends AdvanceParts<DB> {
  readonly spans: SpanSink;
}

/**
 * Drives a saga that this process has claimed until it is over, waits, or is due later. What a call answers is
 * written before the next one is made. Throws when the database cannot be written, or ABORTED/SAGA_LOST when
 * somebody else goes on with it.
 */
export async function drive<DB>(
  parts: DriveParts<DB>,
  saga: Saga<DB>,
  claimed: SagaState,
  stop: AbortSignal,
): Promise<SagaState> {
  let state = claimed;
  if (state.waitsFor === 'reply') state = await unanswered(parts, saga, state);
  while (state.claimedBy !== undefined) {
    const step = stepAt(saga, state);
    const turned = turnedByDeadline(saga, state, parts.clock.now()) !== state;
    if (openEntry(state) === undefined || step?.kind !== 'call' || turned) {
      state = await advance(parts, saga, state, (same) => same);
      continue;
    }
    const next = await tryCall(parts, { saga, step, state, stop });
    state = await advance(parts, saga, state, next);
  }
  return state;
}

/** The reply has not come in time. */
function unanswered<DB>(
  parts: AdvanceParts<DB>,
  saga: Saga<DB>,
  state: SagaState,
): Promise<SagaState> {
  const late = new MeshError(`nobody has answered the step "${state.step}" in time`, {
    status: 'DEADLINE_EXCEEDED',
    reason: 'REPLY_TIMEOUT',
  });
  const { clock, random } = parts;
  return advance(parts, saga, state, (it) =>
    failed(saga, it, late, { nowMs: clock.now(), random }),
  );
}

interface Trying<DB> {
  readonly saga: Saga<DB>;
  readonly step: Extract<Step<DB, unknown>, { kind: 'call' }>;
  readonly state: SagaState;
  readonly stop: AbortSignal;
}

/** One try of a step that calls somebody: what its end makes of the saga. */
async function tryCall<DB>(
  { clock, random, spans }: DriveParts<DB>,
  { saga, step, state, stop }: Trying<DB>,
): Promise<(state: SagaState) => SagaState> {
  const over = new AbortController();
  const timeoutMs = timeoutOf(step);
  const { promise: given, reject } = Promise.withResolvers<never>();
  const giveUp = (error: MeshError): void => {
    over.abort(error);
    reject(error);
  };
  const onStop = (): void => {
    giveUp(new MeshError('the process stops', { status: 'CANCELLED' }));
  };
  const cancel = clock.after(timeoutMs, () => {
    giveUp(timedOut(step.name, timeoutMs));
  });
  stop.addEventListener('abort', onStop, { once: true });
  if (stop.aborted) onStop();
  const trace = childTrace(state.trace, random);
  const record = spanOf({ saga, state, trace, clock, spans });
  // Not the deadline and not the signal of whoever started the saga: what is asked for has to be written down
  // although nobody waits for it any more.
  const { baggage } = state;
  const context = { trace, baggage, deadline: deadlineIn(timeoutMs, clock), signal: over.signal };
  const told: CallStepContext = { ...contextOf(state), trace, signal: over.signal };
  try {
    const data = await Promise.race([runInContext(context, () => half(step, state, told)), given]);
    record('OK');
    return (it) => completed(saga, it, data, { nowMs: clock.now() });
  } catch (thrown) {
    record(MeshError.from(thrown).status);
    // Nobody's fault: the next process goes on at once.
    if (stop.aborted) return (it) => postponed(saga, it, clock.now());
    return (it) => failed(saga, it, thrown, { nowMs: clock.now(), random });
  } finally {
    cancel();
    stop.removeEventListener('abort', onStop);
  }
}

interface Told<DB> extends Pick<DriveParts<DB>, 'clock' | 'spans'> {
  readonly saga: Saga<DB>;
  readonly state: SagaState;
  readonly trace: TraceContext;
}

/** Begins the span of a try; what it gives ends it. */
function spanOf<DB>({ saga, state, trace, clock, spans }: Told<DB>): (status: string) => void {
  const startMs = clock.now();
  const start = clock.monotonic();
  const name = `${saga.name}/${state.step}${state.failure === undefined ? '' : '/undo'}`;
  return (status) => {
    spans.record({
      ...{ traceId: trace.traceId, spanId: trace.spanId },
      ...(state.trace && { parentSpanId: state.trace.spanId }),
      ...{ kind: 'step', name, startMs, status, peer: state.id },
      durationUs: Math.round((clock.monotonic() - start) * 1000),
      attempts: Math.max(1, state.attempts),
      ...samplingOf(trace),
    });
  };
}

/** The half of the step that is meant: the action, or its compensation. */
async function half<DB>(
  step: Trying<DB>['step'],
  { data, failure }: SagaState,
  context: CallStepContext,
): Promise<unknown> {
  if (context.signal.aborted) throw MeshError.from(context.signal.reason);
  if (failure === undefined) return step.action(data, context);
  await step.compensate?.(data, context);
  return data;
}

function timedOut(step: string, timeoutMs: number): MeshError {
  return new MeshError(`the step "${step}" took longer than ${String(timeoutMs)} ms`, {
    status: 'DEADLINE_EXCEEDED',
    reason: 'STEP_TIMEOUT',
  });
}
