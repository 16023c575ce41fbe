import { createBalancer } from '../../mesh/balance/balancer.ts';
import type { Strategy } from '../../mesh/balance/chooser.ts';
import { createSeededRandom } from '../../mesh/testing/seeded-random.ts';
import { createVirtualTime } from './virtual-time.ts';

/** What is simulated of Buoyant's test; see `slowBackend`. */
export interface SlowBackendOptions {
  readonly strategy: Strategy;
  readonly seed: number;
  /** Whether failing endpoints are ejected. Buoyant's was a test of balancing alone. Default true. */
  readonly ejection?: boolean;
}

const backends = 11;
const perSecond = 1000;
const seconds = 60;
const slowFrom = 15_000;
const slowTo = 45_000;
const slowMs = 2000;
const timeoutMs = 1000;
/** Time of an answer when all is well: 5 ms and an exponential tail of 10 ms on average. */
const leastMs = 5;
const tailMs = 10;

/**
 * Buoyant's test of 2016 ("Beyond Round Robin: Load Balancing for Latency"), which compared how balancers take
 * a backend that slows down: eleven backends, 1000 calls a second, one backend takes 2 s for 30 s, callers give
 * up after 1 s, nobody retries. It found about 95 % of calls answered with round robin, 99 % with least loaded,
 * 99.9 % with peak EWMA. Here on a virtual clock for a minute; the answer is the number of calls that failed.
 */
export function slowBackend({ strategy, seed, ejection = true }: SlowBackendOptions): {
  readonly calls: number;
  readonly failed: number;
  readonly success: number;
} {
  const time = createVirtualTime();
  const { clock } = time;
  const random = createSeededRandom(seed);
  const never = { ejectAfter: Number.POSITIVE_INFINITY, minSuccessRate: 0 };
  const balancer = createBalancer({
    clock,
    random,
    strategy,
    open: () => undefined,
    close: () => undefined,
    ...(ejection ? {} : never),
  });
  balancer.update(
    Array.from({ length: backends }, (_, n) => ({
      instanceId: `backend-${String(n)}`,
      service: 'backend',
      host: '127.0.0.1',
      port: 7000 + n,
      metadata: {},
    })),
  );
  let calls = 0;
  let failed = 0;

  function call(): void {
    const pick = balancer.pick();
    if (pick === undefined) throw new Error('there are eleven backends, and none was picked');
    calls++;
    const nowMs = clock.monotonic();
    const isSlow = pick.endpoint.instanceId === 'backend-0' && nowMs >= slowFrom && nowMs < slowTo;
    const usualMs = leastMs - tailMs * Math.log(1 - random.next());
    const tookMs = isSlow ? slowMs : usualMs;
    time.at(nowMs + Math.min(tookMs, timeoutMs), () => {
      const ok = tookMs < timeoutMs;
      if (!ok) failed++;
      pick.done({ ok, status: ok ? 'OK' : 'DEADLINE_EXCEEDED' });
    });
    // Callers are many and do not know of each other: a Poisson process.
    const nextMs = nowMs - (1000 / perSecond) * Math.log(1 - random.next());
    if (nextMs < seconds * 1000) time.at(nextMs, call);
  }

  time.at(0, call);
  while (time.step(seconds * 1000 + timeoutMs));
  return { calls, failed, success: 1 - failed / calls };
}
