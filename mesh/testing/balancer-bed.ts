import {
  type Balancer,
  type BalancerEvent,
  type BalancerOptions,
  createBalancer,
  type EndpointState,
  type Pick,
} from '../balance/balancer.ts';
import type { Outcome } from '../balance/peer.ts';
import type { Endpoint } from '../kernel/endpoint.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { createSeededRandom } from './seeded-random.ts';

export const ok: Outcome = { ok: true, status: 'OK' };
export const broken: Outcome = { ok: false, status: 'UNAVAILABLE' };

/** "e0", "e1" ... at ports of their own. */
export function endpoint(n: number, metadata: Readonly<Record<string, string>> = {}): Endpoint {
  const instanceId = `e${String(n)}`;
  return { instanceId, service: 'inventory', host: '127.0.0.1', port: 7000 + n, metadata };
}

export function endpoints(count: number): Endpoint[] {
  return Array.from({ length: count }, (_, i) => endpoint(i));
}

/** A balancer whose resources are names, on a clock that stands still, with all it tells. */
export interface BalancerBed {
  readonly clock: FakeClock;
  readonly balancer: Balancer<string>;
  readonly events: BalancerEvent[];
  readonly opened: string[];
  readonly closed: string[];
  /** A pick; throws if there is none. */
  pick(exclude?: ReadonlySet<string>): Pick<string>;
  stream(): Pick<string>;
  state(instanceId: string): EndpointState;
  /** Calls one after another, each taking what `latencyMs` says; returns how many each endpoint got. */
  serve(
    calls: number,
    latencyMs: (instanceId: string) => number,
    outcome?: (instanceId: string) => Outcome,
  ): Map<string, number>;
  /** Lets every call to `instanceId` fail until it is ejected; other picks succeed. */
  eject(instanceId: string): void;
}

export function balancerBed(
  members: number | readonly Endpoint[],
  { seed = 1, ...options }: Partial<BalancerOptions<string>> & { readonly seed?: number } = {},
): BalancerBed {
  const clock = createFakeClock();
  const events: BalancerEvent[] = [];
  const opened: string[] = [];
  const closed: string[] = [];
  const balancer = createBalancer<string>({
    clock,
    random: createSeededRandom(seed),
    open({ instanceId }) {
      opened.push(instanceId);
      return instanceId;
    },
    close: (name) => closed.push(name),
    onChange: (event) => events.push(event),
    ...options,
  });
  balancer.update(typeof members === 'number' ? endpoints(members) : members);

  const given = (pick: Pick<string> | undefined): Pick<string> => {
    if (pick === undefined) throw new Error('no endpoint was picked');
    return pick;
  };
  const pick = (exclude?: ReadonlySet<string>): Pick<string> => given(balancer.pick(exclude));
  const state = (instanceId: string): EndpointState => {
    const found = balancer.describe().find((each) => each.instanceId === instanceId);
    if (found === undefined) throw new Error(`${instanceId} is not used`);
    return found;
  };

  return {
    clock,
    balancer,
    events,
    opened,
    closed,
    pick,
    stream: () => given(balancer.pick(undefined, 'stream')),
    state,
    serve(calls, latencyMs, outcome = () => ok) {
      const got = new Map<string, number>();
      for (let i = 0; i < calls; i++) {
        const picked = pick();
        const id = picked.endpoint.instanceId;
        got.set(id, (got.get(id) ?? 0) + 1);
        clock.advance(latencyMs(id));
        picked.done(outcome(id));
      }
      return got;
    },
    eject(instanceId) {
      for (let i = 0; i < 10_000 && state(instanceId).health !== 'ejected'; i++) {
        const picked = pick();
        clock.advance(1);
        picked.done(picked.endpoint.instanceId === instanceId ? broken : ok);
      }
      if (state(instanceId).health !== 'ejected') throw new Error(`${instanceId} stays in`);
    },
  };
}
