import type { GetStatsResponse, Span } from '../../gen/weft/admin/v1/admin.ts';
import type { DeadLetter } from '../../gen/weft/admin/v1/dead_letters.ts';
import {
  type AskOptions,
  collectStats,
  collectTrace,
  createAdminClients,
} from '../admin/collect.ts';
import { collectLetters, type Found } from '../admin/collect-letters.ts';
import { collectSagas, type FoundSaga } from '../admin/collect-sagas.ts';
import { collectTraces, type TraceRow } from '../admin/collect-traces.ts';
import type { Watch } from '../discovery/resolver.ts';
import type { ChannelBacklog } from '../events/bus/backlog.ts';
import type { Clock } from '../kernel/clock.ts';
import { isServiceName } from '../kernel/names.ts';
import { type Known, remembering } from './remember.ts';
import type { ConsoleSources, InstanceFacts, ProcessFacts } from './sources.ts';

/** All that was seen of the mesh at one moment. */
export interface Look {
  /** Wall time, in ms since the epoch. */
  readonly atMs: number;
  readonly services: Known<readonly string[]>;
  readonly instances: Known<readonly InstanceFacts[]>;
  readonly channels: Known<readonly ChannelBacklog[]> | undefined;
  readonly processes: readonly ProcessFacts[] | undefined;
  readonly stats: readonly GetStatsResponse[];
  /** The instances that did not answer. */
  readonly silent: readonly string[];
  readonly traces: readonly TraceRow[];
  /** The spans of the one that is drawn: of the last ones that with the most. */
  readonly newest: readonly Span[];
  readonly letters: readonly Found<DeadLetter>[];
  readonly moreLetters: boolean;
  /** Those that are stuck or under way, the stuck ones first. */
  readonly sagas: readonly FoundSaga[];
}

/** Looks at the mesh, again and again, over connections that are kept. */
export interface Lookout {
  look(): Promise<Look>;
  /** What is remembered of one trace. */
  trace(traceId: string): Promise<Span[]>;
  /** Lets go of connections and watches until somebody looks again. */
  rest(): Promise<void>;
}

/** As many as a page can show. */
const most = { traces: 12, letters: 20, sagas: 20 };

export function createLookout(sources: ConsoleSources, clock: Clock): Lookout {
  const clients = createAdminClients(sources.transport);
  const watches = createWatches(sources);
  const services = remembering(() => sources.services(), [], clock);
  let names: readonly string[] = [];
  const instances = remembering(() => sources.instances(names), [], clock);
  const { channels: askChannels } = sources;
  const channels = askChannels && remembering(askChannels, [], clock);
  const options = (): AskOptions => {
    return { services: names, resolver: sources.resolver, clock, clients };
  };
  return {
    async look() {
      const known = await services();
      // Who may write to Consul may register any name; what is none of a service cannot be asked.
      names = known.value.filter(isServiceName);
      watches.follow(names);
      const ask = options();
      const [standing, backlog, processes, stats] = await Promise.all([
        instances(),
        channels?.(),
        sources.processes?.().catch(() => undefined),
        collectStats(ask),
      ]);
      const [traces, letters, sagas] = await Promise.all([
        collectTraces(most.traces, ask),
        collectLetters(
          { pageSize: most.letters, pageToken: '', includeReplayed: false, filter: undefined },
          ask,
        ),
        collectSagas({ all: false, limit: most.sagas }, ask),
      ]);
      const drawn = telling(traces.traces);
      return {
        newest: drawn === undefined ? [] : await collectTrace({ ...ask, traceId: drawn }),
        atMs: clock.now(),
        ...{ services: known, instances: standing, channels: backlog, processes },
        ...{ stats: stats.answers, silent: stats.silent, traces: traces.traces },
        ...{ letters: letters.letters, moreLetters: letters.more, sagas: sagas.sagas },
      };
    },
    trace: (traceId) => collectTrace({ ...options(), traceId }),
    async rest() {
      watches.follow([]);
      await clients.close();
    },
  };
}

/** The trace that shows most: of the last few, because the newest is not at its end yet. */
function telling(traces: readonly TraceRow[]): string | undefined {
  const last = traces.slice(0, 5);
  const most = Math.max(0, ...last.map(({ spans }) => spans));
  return last.find(({ spans }) => spans === most)?.traceId;
}

/** Held open, so that each question finds the last known endpoints at once, also while Consul is away. */
function createWatches({ resolver }: ConsoleSources): { follow(names: readonly string[]): void } {
  const open = new Map<string, Watch>();
  return {
    follow(names) {
      for (const [name, watch] of open) {
        if (names.includes(name)) continue;
        watch.close();
        open.delete(name);
      }
      for (const name of names) {
        if (!open.has(name))
          open.set(
            name,
            resolver.watch(name, () => undefined),
          );
      }
    },
  };
}
