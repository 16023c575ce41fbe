import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import type { Log } from '../kernel/log.ts';
import type { Identity } from './identity.ts';
import type { Credentials } from './leaf.ts';

export interface KeptOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Where it comes from, for messages, as "Consul" or "the file /run/leaf.pem". */
  readonly source: string;
  /** Ends the following of the source. */
  readonly stop: () => void;
}

/** The newest credentials, who wants to hear of newer ones, and an eye on their end. */
export interface Kept extends Identity {
  show(credentials: Credentials): void;
}

/** How often the end is looked for, in ms: timers of days are cut at 24.8 by Node, and clocks are set. */
const lookEveryMs = 30_000;

export function keep(first: Credentials, { clock, log, source, stop }: KeptOptions): Kept {
  const listeners = new Set<() => void>();
  let credentials = first;
  let rotations = 0;
  let closed = false;
  const eye = lookForTheEnd(() => credentials.leaf, { clock, log, source });

  return {
    get credentials() {
      return credentials;
    },
    get rotations() {
      return rotations;
    },
    expired() {
      const { leaf } = credentials;
      return clock.now() < leaf.notAfterMs ? undefined : expiredError(leaf, source);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    show(news) {
      if (closed) return;
      credentials = news;
      rotations++;
      eye.renewed();
      const { id, serial, notAfterMs } = news.leaf;
      const until = new Date(notAfterMs).toISOString();
      log.info('identity renewed', { id: id.uri, serial, until, roots: news.roots.length });
      for (const listener of [...listeners]) {
        try {
          listener();
        } catch (thrown) {
          log.error('a listener of the identity threw', { err: thrown });
        }
      }
    },
    close() {
      closed = true;
      stop();
      eye.close();
      listeners.clear();
      return Promise.resolve();
    },
  };
}

/** Says in the log that a certificate is about to end, and that it has. */
function lookForTheEnd(
  leafNow: () => Credentials['leaf'],
  { clock, log, source }: Omit<KeptOptions, 'stop'>,
): { renewed(): void; close(): void } {
  let told: 'nothing' | 'ending' | 'ended' = 'nothing';
  let stopLooking = (): void => undefined;
  const look = (): void => {
    const { id, notBeforeMs, notAfterMs } = leafNow();
    const nowMs = clock.now();
    const fields = { id: id.uri, until: new Date(notAfterMs).toISOString(), source };
    if (nowMs >= notAfterMs) {
      if (told !== 'ended')
        log.error('the identity has expired: no call will reach anybody', fields);
      told = 'ended';
    } else if (nowMs >= notAfterMs - (notAfterMs - notBeforeMs) / 10 && told === 'nothing') {
      log.warn('the identity is about to expire, and its source has no newer one', fields);
      told = 'ending';
    }
    // Once it has ended there is nothing to be looked for until there is another.
    if (told === 'ended') return;
    stopLooking = clock.after(Math.min(lookEveryMs, Math.max(1, notAfterMs - nowMs)), look);
  };
  look();
  return {
    renewed() {
      told = 'nothing';
      stopLooking();
      look();
    },
    close() {
      stopLooking();
    },
  };
}

function expiredError({ id, notAfterMs }: Credentials['leaf'], source: string): MeshError {
  const at = new Date(notAfterMs).toISOString();
  return new MeshError(
    `the certificate of ${id.uri} ended at ${at}, and ${source} has given no newer one; see that it can`,
    { status: 'UNAVAILABLE', reason: 'IDENTITY_EXPIRED', details: { facts: { identity: id.uri } } },
  );
}
