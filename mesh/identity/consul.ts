import type { Consul } from '../consul/client.ts';
import type { ConnectLeaf, ConnectRoots } from '../consul/types.ts';
import { type ConsulWatch, watchConsul } from '../consul/watch.ts';
import { aborted, type Clock, systemClock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';
import { type Log, silentLog } from '../kernel/log.ts';
import { checkServiceName } from '../kernel/names.ts';
import { type Random, systemRandom } from '../kernel/random.ts';
import type { Identity } from './identity.ts';
import { type Kept, keep } from './kept.ts';
import type { Credentials } from './leaf.ts';
import { readCredentials } from './leaf.ts';

export interface ConsulIdentityOptions {
  readonly consul: Consul;
  /** Whose certificate it is: the name under which the service is found, as "orders". */
  readonly service: string;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
  /** Default: silent. */
  readonly log?: Log;
  /** Ends the wait for the first certificate. */
  readonly signal?: AbortSignal;
}

/**
 * An identity from Consul's CA, through the agent: two blocking queries, one for the certificate, one for the
 * roots. The agent makes the key, renews the certificate between 60 and 90 % of its life, and signs anew when the
 * CA changes its root. All roots that Consul lists are believed, for while it changes them there are peers with
 * certificates of either.
 *
 * Waits for Consul as long as it takes, and says so in the log. Throws what lasts: PERMISSION_DENIED /
 * CONSUL_DENIED (the token needs service:write for the service), and the signal's reason.
 */
export async function openConsulIdentity(options: ConsulIdentityOptions): Promise<Identity> {
  const { consul, clock = systemClock, random = systemRandom, log = silentLog, signal } = options;
  const service = checkServiceName(options.service);
  const source = `Consul at ${consul.address}`;
  const first = Promise.withResolvers<Kept>();
  const watches: ConsulWatch[] = [];
  const stop = (): void => {
    for (const watch of watches) watch.close();
  };
  let leaf: ConnectLeaf | undefined;
  let roots: ConnectRoots | undefined;
  let kept: Kept | undefined;

  const show = (): void => {
    if (leaf === undefined || roots === undefined) return;
    try {
      const news = readCredentials({ ...leaf, roots: roots.roots }, source);
      if (kept === undefined) first.resolve((kept = keep(news, { clock, log, source, stop })));
      else if (!same(news, kept.credentials)) kept.show(news);
    } catch (thrown) {
      log.warn('the identity stays as it is', { why: MeshError.from(thrown).rawMessage });
    }
  };
  let away = false;
  const onError = (error: MeshError): void => {
    if (kept === undefined && lasts(error)) first.reject(error);
    if (!away) log.warn(kept === undefined ? waiting : absent, { service, err: error });
    away = true;
  };
  const heard = (): void => {
    if (away) log.info('Consul is back', { following: 'the identity' });
    away = false;
    show();
  };

  const common = { clock, random, log, onError };
  watches.push(
    watchConsul<ConnectLeaf>({
      ...common,
      ask: (block, ends) => consul.leaf(service, { block, signal: ends }),
      onAnswer(answer) {
        leaf = answer;
        heard();
      },
    }),
    watchConsul<ConnectRoots>({
      ...common,
      ask: (block, ends) => consul.roots({ block, signal: ends }),
      onAnswer(answer) {
        roots = answer;
        heard();
      },
    }),
  );
  try {
    return await endedBy(signal, first, service);
  } catch (thrown) {
    stop();
    throw thrown;
  }
}

/** What the promise gives, or the reason of a caller who has left. */
async function endedBy<T>(
  signal: AbortSignal | undefined,
  { promise, reject }: PromiseWithResolvers<T>,
  service: string,
): Promise<T> {
  const onAbort = (): void => {
    if (signal) reject(aborted(signal, `waiting for the identity of ${service}`));
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    return await promise;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

const waiting = 'waiting for an identity from Consul';
const absent = 'Consul is away; the identity stays as it is';

/** What waiting does not mend. */
function lasts({ status }: MeshError): boolean {
  return status === 'PERMISSION_DENIED' || status === 'INVALID_ARGUMENT';
}

function same(a: Credentials, b: Credentials): boolean {
  return a.leaf.certificates === b.leaf.certificates && a.roots.join() === b.roots.join();
}
