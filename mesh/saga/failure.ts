import { blame } from '../events/consume/blame.ts';
import { oneLine } from '../events/one-line.ts';
import { MeshError } from '../kernel/error.ts';
import { isRefusal } from '../kernel/status.ts';
import type { SagaFailure } from './step.ts';

/**
 * What a failed try means. "refusal": whoever was asked said no, and will say no again: nothing happened.
 * "world": somebody is away; trying again is all there is to do. "fault": nobody expected it, and nobody knows
 * what happened.
 */
export type Verdict = 'refusal' | 'world' | 'fault';

export function verdictOn(thrown: unknown): Verdict {
  const { status } = MeshError.from(thrown);
  if (blame(thrown) === 'world' || status === 'CANCELLED' || status === 'ABORTED') return 'world';
  return isRefusal(status) ? 'refusal' : 'fault';
}

/** What a step throws when its answer is no: `throw refusal('CARD_DECLINED', 'the card was declined')`. */
export function refusal(reason: string, message: string): MeshError {
  return new MeshError(message, { status: 'FAILED_PRECONDITION', reason });
}

/** An error as it stands in the row of a saga. */
export function failureOf(step: string, thrown: unknown): SagaFailure {
  const { reason, status, rawMessage } = MeshError.from(thrown);
  return { step, reason: oneLine(reason ?? status), message: oneLine(rawMessage) };
}
