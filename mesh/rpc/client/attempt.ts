import type { Outcome } from '../../balance/peer.ts';
import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Random } from '../../kernel/random.ts';
import { verdictOf } from '../../resilience/failure.ts';
import type { Retry } from '../../resilience/retry.ts';
import { nobodyThere } from '../../resilience/unreached.ts';
import type { ClientMeter } from '../../telemetry/rpc-metrics.ts';
import { failureOf } from '../../telemetry/spans.ts';
import type { ClientContext } from './context.ts';
import { suffer } from './faulty.ts';
import type { Open } from './opened.ts';
import type { Lent, Route } from './route.ts';

/** What one attempt needs, and the next one after it. */
export interface AttemptParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly route: Route;
  readonly retry: Retry;
  readonly meter: ClientMeter;
}

/** One attempt of a unary call after another: takes an endpoint, sends the call there, tells how it went. */
export type Attempt = (request: unknown, context: ClientContext) => Promise<unknown>;

export function oneAttempt(parts: AttemptParts): Attempt {
  const { clock, route } = parts;
  return async (request, context) => {
    const startMs = clock.monotonic();
    const at = route.take(context, startMs, false);
    const lent = at ?? (await route.takeLater(context));
    const sentMs = at === undefined ? clock.monotonic() : startMs;
    begun(parts, lent, context);
    try {
      const response = await send(parts, lent, request, context);
      endedWell(parts, lent, context, sentMs);
      return response;
    } catch (thrown) {
      throw endedBadly(parts, lent, context, { thrown, sentMs });
    }
  };
}

/** Sends an attempt; where a fault is set, that comes first. */
export function send(
  parts: AttemptParts,
  lent: Lent,
  request: unknown,
  context: ClientContext,
): Promise<unknown> {
  const { connection } = lent.resource;
  const { fault } = context.policy;
  if (fault === undefined) return connection.unary(context.method, request, context);
  return suffer(fault, context, parts).then(() =>
    connection.unary(context.method, request, context),
  );
}

/** An attempt goes out. */
export function begun(
  { meter }: AttemptParts,
  lent: Lent,
  { report, attempt }: ClientContext,
): void {
  report.attempts = attempt;
  report.peer = lent.resource.address;
  report.instanceId = lent.endpoint.instanceId;
  meter.attemptStarted();
}

const answeredOk: Outcome = { ok: true, status: 'OK' };

/** Gives the endpoint back after an answer, and the time (monotonic ms) at which that was. */
export function endedWell(
  { clock, meter }: AttemptParts,
  lent: Lent,
  { report }: ClientContext,
  sentMs: number,
): number {
  const { transport, sentBytes, receivedBytes } = report;
  const nowMs = clock.monotonic();
  lent.resource.transport = transport;
  lent.done(answeredOk, nowMs);
  meter.attemptEnded('OK', nowMs - sentMs, transport, sentBytes, receivedBytes);
  return nowMs;
}

/** Gives the endpoint back with its failure, and keeps the next attempt away from it. */
export function endedBadly(
  { clock, meter }: AttemptParts,
  lent: Lent,
  { report }: ClientContext,
  { thrown, sentMs, timed = true }: { thrown: unknown; sentMs: number; timed?: boolean },
): MeshError {
  const error = MeshError.from(thrown);
  const { status } = error;
  const { retryAfterMs } = error.details;
  const verdict = verdictOf(error);
  lent.done({
    ok: verdict !== 'failure',
    status,
    neutral: verdict === 'neutral' && status !== 'CANCELLED',
    refused: nobodyThere(error),
    timed,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
  (report.failed ??= new Set()).add(lent.endpoint.instanceId);
  const { transport, sentBytes, receivedBytes } = report;
  const tookMs = clock.monotonic() - sentMs;
  (report.failedAttempts ??= []).push({
    ...{ instanceId: lent.endpoint.instanceId, status },
    ...{ durationUs: Math.round(tookMs * 1000), ...failureOf(error) },
  });
  meter.attemptEnded(status, tookMs, transport, sentBytes, receivedBytes);
  return error;
}

/** One attempt of a stream, which holds its endpoint until it ends. */
export function openAttempt(parts: AttemptParts): Open {
  const { clock, route, meter } = parts;
  return async (requests, context) => {
    const lent = route.take(context, clock.monotonic(), false) ?? (await route.takeLater(context));
    const sentMs = clock.monotonic();
    begun(parts, lent, context);
    const badly = (thrown: unknown): MeshError =>
      endedBadly(parts, lent, context, { thrown, sentMs, timed: false });
    try {
      const { fault } = context.policy;
      if (fault !== undefined) await suffer(fault, context, parts);
      const { connection } = lent.resource;
      const stream = connection.stream(context.method, requests, context);
      const messages: AsyncIterator<unknown, unknown> = stream[Symbol.asyncIterator]();
      const first = await messages.next();
      if (first.done !== true) lent.answered();
      return {
        first,
        messages,
        ended(end) {
          if (end.how === 'failed') return badly(end.error);
          const status = end.how === 'well' ? 'OK' : 'CANCELLED';
          const { transport, sentBytes, receivedBytes } = context.report;
          const tookMs = clock.monotonic() - sentMs;
          lent.done({ ok: true, status, timed: false });
          meter.attemptEnded(status, tookMs, transport, sentBytes, receivedBytes);
          return undefined;
        },
      };
    } catch (thrown) {
      throw badly(thrown);
    }
  };
}
