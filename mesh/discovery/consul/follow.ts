import type { Freshness } from '../../consul/types.ts';
import { watchConsul } from '../../consul/watch.ts';
import type { Board } from '../board.ts';
import { type Belief, endpointsOf, hear, lose } from './belief.ts';
import { toEndpoints } from './endpoints.ts';
import type { Ports } from './ports.ts';

export interface FollowOptions extends Ports {
  readonly service: string;
  readonly freshness: Freshness;
  /** Where the snapshots go. */
  readonly board: Board;
}

/** How many refused instances are remembered, so that each is logged once; a flood of them is not kept. */
const refusedKept = 1_000;

/** Keeps the board of one service up to date; the returned function ends it. */
export function followService(options: FollowOptions): () => void {
  const { service, freshness, board, consul, clock, random, log } = options;
  let belief: Belief = { state: 'unknown' };
  let away = false;
  let cancelSettling = (): void => undefined;
  const refused = new Set<string>();

  const onRefused = (id: string, fault: string): void => {
    const key = `${id} ${fault}`;
    if (refused.has(key) || refused.size >= refusedKept) return;
    refused.add(key);
    log.warn('an instance in Consul is ignored', { service, instance: id.slice(0, 80), fault });
  };

  const believe = (next: Belief): void => {
    belief = next;
    const endpoints = endpointsOf(belief);
    if (endpoints) board.show({ service, endpoints, stale: belief.state !== 'live' });
    cancelSettling();
    if (belief.state !== 'settling') return;
    const { said, until } = belief;
    cancelSettling = clock.after(until - clock.monotonic(), () => {
      believe({ state: 'live', endpoints: said });
    });
  };

  const watch = watchConsul({
    clock,
    random,
    log,
    ask: (block, signal) => consul.instances(service, { block, signal, freshness }),
    onAnswer(instances, anew) {
      if (away) log.info('Consul is back', { service });
      away = false;
      const said = toEndpoints(service, instances, onRefused);
      believe(hear(belief, said, { now: clock.monotonic(), anew }));
    },
    onError(error) {
      if (!away) log.warn('Consul is away; the last known instances stay', { service, err: error });
      away = true;
      believe(lose(belief));
    },
  });

  return () => {
    watch.close();
    cancelSettling();
  };
}
