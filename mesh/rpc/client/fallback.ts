import type { StreamLayer } from '../../kernel/call.ts';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { mayFallBack } from '../../resilience/failure.ts';
import { createLastAnswers, type LastAnswers } from '../../resilience/last-answers.ts';
import type { MethodDefinition, ServiceDefinition } from '../../schema/definition.ts';
import type { Method } from '../transport.ts';
import { type ClientContext, clientContext } from './context.ts';
import type { RequestOf, ResponseOf, Substitute } from './stub.ts';
import type { ClientCall } from './unary.ts';

/** An answer for when the target has none: one message, or the messages of a stream. */
type Answer<M extends MethodDefinition> = M['responseStream'] extends true
  ? readonly ResponseOf<M>[]
  : ResponseOf<M>;

/** A method whose requests are one message: only then is there a request to look at, or to find an answer by. */
type Asked<M extends MethodDefinition, T> = M['requestStream'] extends true ? never : T;

/**
 * Answers in place of those that a failing target does not give, by function of the stub. They stand in for
 * what is no fault of the caller: the target is down, late, overloaded or refused by breaker or bulkhead.
 * An answer that is an error (NOT_FOUND, INVALID_ARGUMENT) stays that. A stream is replaced only as long as
 * no message of it has come.
 */
export type Fallbacks<D extends ServiceDefinition> = {
  readonly [K in keyof D['methods']]?: Asked<
    D['methods'][K],
    | Answer<D['methods'][K]>
    | ((error: MeshError, request: RequestOf<D['methods'][K]>) => Answer<D['methods'][K]>)
  >;
};

/** How long and by what the last good answers of a method are kept; tried before a fallback. */
export interface LastAnswerOptions<Req> {
  /** Older ones are of no use. */
  readonly maxAgeMs: number;
  /** Requests whose answers are kept; the one that was asked longest ago goes first. Default 1000. */
  readonly maxEntries?: number;
  /** What is one and the same question. Default: the encoded request. Metadata is not looked at. */
  readonly key?: (request: Req) => string;
  /** Server streams: longer ones are not kept. Default 100 messages. */
  readonly maxMessages?: number;
}

/** Which methods keep their last answers, by function of the stub. */
export type LastAnswersOf<D extends ServiceDefinition> = {
  readonly [K in keyof D['methods']]?: Asked<
    D['methods'][K],
    LastAnswerOptions<RequestOf<D['methods'][K]>>
  >;
};

/** What stands in for the answers of one method. */
export interface Substitutes {
  readonly fallback?: unknown;
  readonly lastAnswer?: LastAnswerOptions<unknown> | undefined;
}

interface Substitution {
  /** The same question has the same key. */
  key(request: unknown): string;
  keep(key: string, answer: unknown): void;
  /** An answer for `request`, of which the caller is told; throws `error` when there is none. */
  instead(key: string, request: unknown, error: MeshError, context: ClientContext): unknown;
}

const maxMessages = 100;

/** Puts fallbacks around the unary calls that `inner` makes. */
export function callOrFallback(
  inner: ClientCall,
  method: Method,
  given: Substitutes,
  clock: Clock,
): ClientCall {
  const substitution = substitutionOf(method, given, clock);
  return async (request, context) => {
    const key = substitution.key(request);
    try {
      const response = await inner(request, context);
      substitution.keep(key, response);
      return response;
    } catch (thrown) {
      return substitution.instead(key, request, MeshError.from(thrown), context);
    }
  };
}

/** The same for server streams, until their first message. */
export function streamOrFallback(method: Method, given: Substitutes, clock: Clock): StreamLayer {
  const substitution = substitutionOf(method, given, clock);
  const most = given.lastAnswer?.maxMessages ?? maxMessages;
  return (next) =>
    async function* (requests, context) {
      const request: unknown = (await requests[Symbol.asyncIterator]().next()).value;
      const key = substitution.key(request);
      const seen: unknown[] = [];
      let count = 0;
      try {
        for await (const message of next(requests, context)) {
          if (count++ < most) seen.push(message);
          yield message;
        }
        if (count === seen.length) substitution.keep(key, seen);
        return;
      } catch (thrown) {
        if (count > 0) throw thrown;
        const error = MeshError.from(thrown);
        yield* substitution.instead(key, request, error, clientContext(context)) as unknown[];
      }
    };
}

function substitutionOf(method: Method, given: Substitutes, clock: Clock): Substitution {
  const { fallback, lastAnswer } = given;
  const answers: LastAnswers | undefined = lastAnswer && createLastAnswers(clock, lastAnswer);

  function found(key: string, request: unknown, error: MeshError): Found | undefined {
    const kept = answers?.get(key);
    if (kept !== undefined) {
      return {
        answer: kept.answer,
        substitute: { source: 'last answer', error, ageMs: kept.ageMs },
      };
    }
    if (fallback === undefined) return undefined;
    const answer: unknown = isFunction(fallback) ? fallback(error, request) : fallback;
    return { answer, substitute: { source: 'fallback', error, ageMs: 0 } };
  }

  return {
    key(request) {
      if (answers === undefined) return '';
      return lastAnswer?.key?.(request) ?? encoded(method, request);
    },
    keep: (key, answer) => answers?.set(key, answer),
    instead(key, request, error, context) {
      const instead = mayFallBack(error) ? found(key, request, error) : undefined;
      if (instead === undefined) throw error;
      context.onFallback?.(instead.substitute);
      return instead.answer;
    },
  };
}

interface Found {
  readonly answer: unknown;
  readonly substitute: Substitute;
}

function isFunction(given: unknown): given is (error: MeshError, request: unknown) => unknown {
  return typeof given === 'function';
}

/** A request that cannot be encoded fails with better words when it is sent; nothing is kept for it. */
function encoded({ requestType }: Method, request: unknown): string {
  try {
    return Buffer.from(requestType.encode(request).finish()).toString('latin1');
  } catch {
    return '';
  }
}
