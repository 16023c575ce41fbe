/** What is sent, and how long is waited when it is not taken: plain data, no I/O. */

export interface Email {
  /** The id of the event that caused it, and the key by which the provider knows it. */
  readonly emailId: string;
  readonly customerId: string;
  readonly address: string;
  readonly subject: string;
  readonly text: string;
}

export function welcome(
  emailId: string,
  customer: { readonly customerId: string; readonly name: string; readonly email: string },
): Email {
  const { customerId, name, email } = customer;
  return {
    ...{ emailId, customerId, address: email, subject: `Welcome, ${name}` },
    text: `Dear ${name},\n\nit is good to have you with us.`,
  };
}

/** What a provider made of an e-mail. */
export type Outcome =
  | { readonly kind: 'taken' }
  /** Never: it is this e-mail's fault. */
  | { readonly kind: 'refused'; readonly because: string }
  /** Not now, neither this one nor another; `retryAfterMs` when the provider said how long. */
  | { readonly kind: 'wait'; readonly because: string; readonly retryAfterMs?: number };

const backoff = { firstMs: 1000, mostMs: 60_000 };

/**
 * How long nothing is sent: for as long as the provider said; where it said nothing (it is away), 1 s, then twice as
 * long each time, up to a minute.
 */
export function pauseMs(outcome: Outcome & { readonly kind: 'wait' }, failures: number): number {
  if (outcome.retryAfterMs !== undefined) return outcome.retryAfterMs;
  return Math.min(backoff.mostMs, backoff.firstMs * 2 ** Math.max(0, failures - 1));
}
