import type { Freshness } from '../../consul/types.ts';
import { watchConsul } from '../../consul/watch.ts';
import type { Log } from '../../kernel/log.ts';
import type { Board } from '../board.ts';
import { type Checked, createProbation } from '../probation.ts';
import { type Belief, endpointsOf, hear, lose } from './belief.ts';
import { createInstanceReader } from './endpoints.ts';
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
  let cancelProbation = (): void => undefined;
  const reader = createInstanceReader(service, refusalLog(service, log));
  const probation = createProbation();
  let suspects: ReadonlySet<string> = new Set();

  const believe = (next: Belief): void => {
    belief = next;
    const endpoints = endpointsOf(belief);
    if (endpoints) {
      const stale = belief.state !== 'live';
      board.show({ service, endpoints, stale, ...(suspects.size > 0 && { suspects }) });
    }
    cancelSettling();
    if (belief.state !== 'settling') return;
    const { said, until } = belief;
    cancelSettling = clock.after(until - clock.monotonic(), () => {
      believe({ state: 'live', endpoints: said });
    });
  };

  const judge = (checked: readonly Checked[], anew: boolean): void => {
    const now = clock.monotonic();
    const judged = probation.judge(checked, now);
    logSuspects(log, { service, before: suspects.size, now: judged.suspects.size });
    suspects = judged.suspects;
    believe(hear(belief, judged.endpoints, { now, anew }));
    cancelProbation();
    if (judged.againAtMs === undefined) return;
    cancelProbation = clock.after(judged.againAtMs - now, () => {
      // While the registry is away all that it said last stands, its doubts too.
      if (!away) judge(checked, false);
    });
  };

  const watch = watchConsul({
    clock,
    random,
    log,
    ask: (block, signal) => consul.instances(service, { all: true, block, signal, freshness }),
    onAnswer(instances, anew) {
      if (away) log.info('Consul is back', { service });
      away = false;
      judge(reader.read(instances), anew);
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
    cancelProbation();
  };
}

/** Logs each refused instance once. */
function refusalLog(service: string, log: Log): (id: string, fault: string) => void {
  const refused = new Set<string>();
  return (id, fault) => {
    const key = `${id} ${fault}`;
    if (refused.has(key) || refused.size >= refusedKept) return;
    refused.add(key);
    log.warn('an instance in Consul is ignored', { service, instance: id.slice(0, 80), fault });
  };
}

function logSuspects(
  log: Log,
  {
    service,
    before,
    now,
  }: { readonly service: string; readonly before: number; readonly now: number },
): void {
  if (now > 0 && before === 0) {
    log.warn('many health checks fail at once; the instances stay', { service, failing: now });
  } else if (now === 0 && before > 0) log.info('health checks are believed again', { service });
}
