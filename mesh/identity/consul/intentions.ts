import type { Consul } from '../../consul/client.ts';
import type { Intention } from '../../consul/types.ts';
import { watchConsul } from '../../consul/watch.ts';
import { aborted, type Clock, systemClock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import { type Log, silentLog } from '../../kernel/log.ts';
import { type Random, systemRandom } from '../../kernel/random.ts';
import { type Intentions, judge } from '../intentions.ts';
import type { SpiffeId } from '../spiffe.ts';

export interface ConsulIntentionsOptions {
  readonly consul: Consul;
  /** Who is called: this process. */
  readonly own: SpiffeId;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: the machine's. */
  readonly random?: Random;
  /** Default: silent. */
  readonly log?: Log;
  /** Ends the wait for the first answer. */
  readonly signal?: AbortSignal;
}

/**
 * Consul's intentions, by one blocking query for the whole list: in 1.8 the query for one destination cannot
 * block. What holds without an intention the agent says (ACLs, or its default_intention_policy); where it may not
 * say it (the token lacks agent:read), the default is taken to be deny. Waits for the first answer.
 */
export async function openConsulIntentions(options: ConsulIntentionsOptions): Promise<Intentions> {
  const { consul, own, clock = systemClock, random = systemRandom, log = silentLog } = options;
  const { signal } = options;
  const first = Promise.withResolvers<undefined>();
  let byDefault: 'allow' | 'deny' | undefined;
  let verdict: Intentions['verdict'] | undefined;
  let away = false;

  const askDefault = async (ends: AbortSignal): Promise<'allow' | 'deny'> => {
    try {
      return (await consul.self({ signal: ends })).intentionsByDefault;
    } catch (thrown) {
      if (MeshError.from(thrown).status !== 'PERMISSION_DENIED') throw thrown;
      log.warn('the agent does not tell its default for intentions, so it is taken to be deny', {
        err: thrown,
      });
      return 'deny';
    }
  };
  const watch = watchConsul<readonly Intention[]>({
    ...{ clock, random, log },
    async ask(block, ends) {
      // Anew after each outage: an agent that was away may have been configured.
      if (block.index === 0n || byDefault === undefined) byDefault = await askDefault(ends);
      return consul.intentions({ block, signal: ends });
    },
    onAnswer(intentions) {
      if (away) log.info('Consul is back', { following: 'intentions' });
      away = false;
      verdict = judge(own, { intentions, byDefault: byDefault ?? 'deny' });
      first.resolve(undefined);
    },
    onError(error) {
      if (verdict === undefined && error.status === 'PERMISSION_DENIED') first.reject(error);
      if (!away) {
        log.warn('Consul is away; the intentions that it said last stand', { err: error });
      }
      away = true;
    },
  });
  const onAbort = (): void => {
    if (signal) first.reject(aborted(signal, 'waiting for the intentions'));
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted) onAbort();
  try {
    await first.promise;
  } catch (thrown) {
    watch.close();
    throw thrown;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  return {
    verdict: (source, path) => verdict?.(source, path) ?? unknown,
    close() {
      watch.close();
      return Promise.resolve();
    },
  };
}

const unknown = { allowed: false, because: 'nothing was said yet', remedy: 'weft doctor' };
