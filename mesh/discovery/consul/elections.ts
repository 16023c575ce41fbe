import { watchConsul } from '../../consul/watch.ts';
import { MeshError } from '../../kernel/error.ts';
import { checkToken } from '../../kernel/names.ts';
import { jitter } from '../../kernel/random.ts';
import type { Elections, Lead } from '../elections.ts';
import type { Ports } from './ports.ts';

export interface ConsulElectionsOptions {
  /** The instance, for whoever looks into Consul. */
  readonly candidate: string;
  /**
   * The checks that a lead hangs on, as "service:scheduler-1". The check of the instance itself notices a death
   * within two seconds; without it the session's TTL does, within 20. Default: none.
   */
  readonly checks?: readonly string[];
}

/** The least that Consul takes. */
const ttlMs = 10_000;
/**
 * After a death, so that a leader that is cut off hears of it before the next one begins. Consul's 15 s
 * would be an outage; whoever writes is fenced anyway (elections.ts).
 */
const lockDelayMs = 1_000;
/** Between two tries to stand, in ms. */
const againMs = 500;

/** Elections by Consul's sessions: the leader is the holder of the key "weft/leaders/<name>". */
export function createConsulElections(ports: Ports, options: ConsulElectionsOptions): Elections {
  const { clock, random, log } = ports;
  return {
    stand(name, lead) {
      checkToken(name, 'an election');
      const ending = new AbortController();
      const { signal } = ending;
      const run = async (): Promise<void> => {
        while (!signal.aborted) {
          await campaign({ ...ports, ...options, name, lead, signal }).catch((err: unknown) => {
            if (!signal.aborted) log.warn('cannot stand for the lead; tried again', { name, err });
          });
          await clock.sleep(jitter(againMs, 0.2, random), signal).catch(() => undefined);
        }
      };
      const done = run();
      return {
        close() {
          ending.abort();
          return done;
        },
      };
    },
  };
}

interface Campaign extends Ports, ConsulElectionsOptions {
  readonly name: string;
  readonly lead: Lead;
  readonly signal: AbortSignal;
}

/** The life of one session: renewed until it is lost, or whoever stands closes. */
async function campaign(options: Campaign): Promise<void> {
  const { consul, clock, name, candidate, checks = [], signal } = options;
  const session = { name: `${candidate} stands for ${name}`, ttlMs, lockDelayMs, checks };
  const id = await consul.createSession(session, { signal });
  const lost = new AbortController();
  const valid = AbortSignal.any([signal, lost.signal]);
  const renewing = renew(options, id, { valid, lost });
  const key = `weft/leaders/${name}`;
  try {
    while (!valid.aborted) {
      if (await consul.acquireLock(key, id, { signal: valid })) {
        await term(options, { key, id, valid });
        await clock.sleep(againMs, valid);
      } else {
        await whenFree(options, key, valid);
      }
    }
  } finally {
    lost.abort();
    await renewing;
    await consul.endSession(id, { timeoutMs: 1_000 }).catch(() => undefined);
  }
}

/** Renews until it is told that the session is gone, or cannot be sure that it is not. */
async function renew(
  { consul, clock, log, name }: Campaign,
  id: string,
  { valid, lost }: { readonly valid: AbortSignal; readonly lost: AbortController },
): Promise<void> {
  const stepMs = ttlMs / 3;
  let goodUntil = clock.monotonic() + ttlMs;
  const over = (): boolean => valid.aborted;
  for (;;) {
    await clock.sleep(stepMs, valid).catch(() => undefined);
    if (over()) return;
    const askedAt = clock.monotonic();
    try {
      await consul.renewSession(id, { signal: valid, timeoutMs: stepMs });
      goodUntil = askedAt + ttlMs;
    } catch (thrown) {
      if (over()) return;
      const gone = MeshError.from(thrown).status === 'NOT_FOUND';
      if (!gone && clock.monotonic() + stepMs < goodUntil) continue;
      log.warn('the session of an election is lost', { name, err: thrown });
      lost.abort();
    }
  }
}

/** Leads until it ends, or the lock has another holder. */
async function term(
  { consul, clock, random, log, name, lead }: Campaign,
  { key, id, valid }: { readonly key: string; readonly id: string; readonly valid: AbortSignal },
): Promise<void> {
  const over = new AbortController();
  const watch = watchConsul({
    ask: (block, signal) => consul.lockHolder(key, { block, signal }),
    onAnswer(holder) {
      if (holder !== id) over.abort();
    },
    // Whether the session lasts is seen by its renewal.
    onError: () => undefined,
    ...{ clock, random, log },
  });
  const signal = AbortSignal.any([valid, over.signal]);
  log.info('leads', { name });
  try {
    await lead(signal);
  } catch (err) {
    if (!signal.aborted) log.warn('a leader failed', { name, err });
  } finally {
    watch.close();
    await consul.releaseLock(key, id, { timeoutMs: 1_000 }).catch(() => undefined);
    log.info('does not lead any more', { name });
  }
}

/** A blocking query at a time; a lock in its delay looks free and is not, so there is a pause after each. */
async function whenFree({ consul, clock }: Campaign, key: string, signal: AbortSignal) {
  const known = await consul.lockHolder(key, { signal });
  if (known.value !== undefined && known.index !== undefined) {
    const block = { index: BigInt(known.index), waitMs: 10_000 };
    await consul.lockHolder(key, { signal, block });
  } else {
    await clock.sleep(200, signal);
  }
}
