import type { Metadata } from '../../kernel/call.ts';
import type { Cancellation } from '../../kernel/cancellation.ts';
import type { Hedge } from '../../resilience/hedge.ts';
import type { Attempt, AttemptParts } from './attempt.ts';
import { type ClientContext, nameOf, newReport, type Report, repeatsOf } from './context.ts';
import { endingWithFirst } from './ending.ts';
import { repeat } from './retry.ts';

interface HedgeParts extends AttemptParts {
  readonly hedge: Hedge;
}

/**
 * The first attempt of a call that may be hedged, and the second one beside it, to another endpoint, if it
 * comes to that. When none of the two is answered the retries go on from there.
 */
export async function hedgedAttempts(
  parts: HedgeParts,
  attempt: Attempt,
  request: unknown,
  context: ClientContext,
): Promise<unknown> {
  const { report } = context;
  let made = 0;
  let first: Report | undefined;
  let last = report;

  function conclude(own: Report): void {
    Object.assign(report, own, { attempts: made });
    if (made > 1) repeatsOf(report).hedges = 1;
  }

  async function run(number: 1 | 2, loser: Cancellation): Promise<unknown> {
    made = number;
    const { own, release, heard } = ownContext(context, number, loser);
    own.report.destination = first?.destination ?? report.destination;
    // The second goes elsewhere than the first, which has not even failed.
    if (first !== undefined)
      own.report.failed = new Set([...(first.failed ?? []), first.instanceId]);
    first ??= own.report;
    last = own.report;
    try {
      const response = await attempt(request, own);
      if (loser.reason === undefined) {
        conclude(own.report);
        heard();
      }
      return response;
    } finally {
      release();
    }
  }

  try {
    return await parts.hedge.run(context.policy.maxExtraLoad, run);
  } catch (thrown) {
    conclude(last);
    return await repeat({ parts, attempt, request, context }, thrown, made);
  }
}

/** A context for one of two attempts: ends with the call or when the other has won, keeps what it hears to itself. */
function ownContext(
  context: ClientContext,
  number: 1 | 2,
  loser: Cancellation,
): { own: ClientContext; release: () => void; heard: () => void } {
  const sources = [context.cancellation ?? context.signal, loser];
  const { cancellation, release } = endingWithFirst(sources, nameOf(context));
  let header: Metadata | undefined;
  let trailer: Metadata | undefined;
  const own: ClientContext = {
    ...context,
    attempt: number,
    report: newReport(),
    cancellation,
    onHeader: context.onHeader && ((metadata) => (header = metadata)),
    onTrailer: context.onTrailer && ((metadata) => (trailer = metadata)),
  };
  return {
    own,
    release,
    heard() {
      if (header !== undefined) context.onHeader?.(header);
      if (trailer !== undefined) context.onTrailer?.(trailer);
    },
  };
}
