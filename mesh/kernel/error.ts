import { type Status, statusCode } from './status.ts';

/** One rule that one field of a request breaks (google.rpc.BadRequest.FieldViolation). */
export interface FieldViolation {
  /** The path of the field in proto names, as "lines[2].quantity". */
  readonly field: string;
  /** The rule and the remedy, in a sentence. */
  readonly description: string;
  /** The rule as a constant, as "MIN_ITEMS". */
  readonly reason?: string;
}

/** What an error carries beside its status; travels as google.rpc details in grpc-status-details-bin. */
export interface ErrorDetails {
  /** Fields at fault (google.rpc.BadRequest). */
  readonly violations?: readonly FieldViolation[];
  /** Facts for machines (google.rpc.ErrorInfo.metadata), as { service: 'inventory', known: '3' }. */
  readonly facts?: Readonly<Record<string, string>>;
  /** How long to wait before the same call may succeed, in ms (google.rpc.RetryInfo). */
  readonly retryAfterMs?: number;
}

export interface MeshErrorOptions {
  readonly status: Status;
  /** The cause as a constant in UPPER_SNAKE_CASE (google.rpc.ErrorInfo.reason); callers branch on it. */
  readonly reason?: string;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/**
 * The one error of weft. The message says what was asked, what is known and what to do next; `status` is
 * what travels, `reason` what a program branches on. Everything that is thrown through weft is one of these.
 */
export class MeshError extends Error {
  override readonly name = 'MeshError';
  /** What travels: one of the statuses of gRPC but OK. */
  readonly status: Status;
  /** What a program branches on, as "NO_ENDPOINT"; undefined where nobody said one. */
  readonly reason: string | undefined;
  /** Fields at fault, facts, and when to try again; empty where there are none. */
  readonly details: ErrorDetails;
  /** The text without the status prefix; this is the message that travels. */
  readonly rawMessage: string;

  constructor(message: string, options: MeshErrorOptions) {
    super(`[${options.status.toLowerCase()}] ${message}`, { cause: options.cause });
    this.rawMessage = message;
    this.status = options.status;
    this.reason = options.reason;
    this.details = options.details ?? {};
  }

  /** The gRPC status number. */
  get code(): number {
    return statusCode[this.status];
  }

  /**
   * The door for anything caught: a MeshError stays what it is, an abort becomes CANCELLED (or
   * DEADLINE_EXCEEDED when the signal timed out), everything else is UNKNOWN with its cause kept.
   */
  static from(thrown: unknown): MeshError {
    if (thrown instanceof MeshError) return thrown;
    const message = describe(thrown);
    const name = looksLikeError(thrown) ? thrown.name : '';
    if (name === 'AbortError')
      return new MeshError(message, { status: 'CANCELLED', cause: thrown });
    if (name === 'TimeoutError') {
      return new MeshError(message, { status: 'DEADLINE_EXCEEDED', cause: thrown });
    }
    return new MeshError(message, { status: 'UNKNOWN', cause: thrown });
  }

  /** A request that breaks rules: names every field at fault. */
  static invalid(what: string, violations: readonly FieldViolation[]): MeshError {
    const list = violations.map((v) => `${v.field}: ${v.description}`).join('; ');
    return new MeshError(`${what}: ${list}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELDS',
      details: { violations },
    });
  }
}

/** Text for a log line or a terminal, whatever was thrown. */
export function describe(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '') {
    return thrown.errors.map(describe).join('; ');
  }
  return looksLikeError(thrown) ? thrown.message : String(thrown);
}

// By shape, not by class: a DOMException or an error of another realm (a worker, a vm) is no instance of
// this realm's Error.
function looksLikeError(thrown: unknown): thrown is Error {
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown && 'name' in thrown;
}
