/** The provider's HTTP API: the only file that knows it. */
import { type Clock, describe } from '#mesh';
import type { Email, Outcome } from './welcome.ts';

/** Hands an e-mail to the provider; repeated, it is taken once. Never throws: whatever fails is an outcome. */
export type Deliver = (email: Email, signal: AbortSignal) => Promise<Outcome>;

export interface ProviderOptions {
  /** Its HTTP address. */
  readonly url: string;
  readonly clock: Clock;
  /** How long it may take, in ms. Default 5000. */
  readonly timeoutMs?: number;
}

export function createDeliver({ url, clock, timeoutMs = 5000 }: ProviderOptions): Deliver {
  return async (email, signal) => {
    const late = new AbortController();
    const cancel = clock.after(timeoutMs, () => {
      late.abort(new Error(`no answer within ${String(timeoutMs)} ms`));
    });
    try {
      const response = await fetch(new URL('/emails', url), {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': email.emailId },
        body: JSON.stringify({ to: email.address, subject: email.subject, text: email.text }),
        signal: AbortSignal.any([signal, late.signal]),
      });
      return outcomeOf(response, await response.text(), clock.now());
    } catch (thrown) {
      const cause = thrown instanceof Error && thrown.cause !== undefined ? thrown.cause : thrown;
      return { kind: 'wait', because: `the provider does not answer: ${describe(cause)}` };
    } finally {
      cancel();
    }
  };
}

function outcomeOf({ status, headers }: Response, text: string, nowMs: number): Outcome {
  const because = `the provider answered ${String(status)}: ${text.slice(0, 200)}`;
  if (status >= 200 && status < 300) return { kind: 'taken' };
  // 408 and 429 are of the moment, as all of 5xx; every other 4xx is about this e-mail.
  if (status < 500 && status !== 408 && status !== 429) return { kind: 'refused', because };
  const retryAfterMs = retryAfter(headers.get('retry-after'), nowMs);
  return { kind: 'wait', because, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** Seconds, or a date (RFC 9110, 10.2.3); undefined for neither. */
function retryAfter(said: string | null, nowMs: number): number | undefined {
  if (said === null) return undefined;
  if (/^\d+$/.test(said)) return Number(said) * 1000;
  const date = Date.parse(said);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}
