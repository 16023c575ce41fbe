import { MeshError } from '../../kernel/error.ts';
import { oneLine } from '../one-line.ts';

/** One failure of a handler at an event. */
export interface Failure {
  /** Wall ms. */
  readonly atMs: number;
  /** The gRPC status name. */
  readonly status: string;
  /** The reason as a constant; '' when whatever was thrown had none. */
  readonly reason: string;
  /** One line, at most 500 characters. */
  readonly message: string;
  /** The how-manieth delivery by the bus it was. */
  readonly delivery: number;
}

/** All that is known of the failures of one consumer at one event. */
export interface FailureHistory {
  /** How many there were; more than are listed when the oldest had to go. */
  readonly failures: number;
  /** When the first one was, wall ms. */
  readonly firstMs: number;
  /** The last ones, oldest first; at most `longestHistory`. */
  readonly last: readonly Failure[];
}

/** How many failures of an event are told one by one: twice as many as are made by default. */
export const longestHistory = 10;

/** What was thrown, as a failure. */
export function failureOf(thrown: unknown, at: Pick<Failure, 'atMs' | 'delivery'>): Failure {
  const { status, reason = '', rawMessage } = MeshError.from(thrown);
  return { ...at, status, reason: oneLine(reason), message: oneLine(rawMessage) };
}

/** The list with one more, without the oldest when it would be too long; JSON in, JSON out. */
export function withFailure(list: string, failure: Failure): readonly Failure[] {
  return [...readFailures(list), failure].slice(-longestHistory);
}

/** Reads a list that this file wrote. */
export function readFailures(list: string): readonly Failure[] {
  return JSON.parse(list) as readonly Failure[];
}
