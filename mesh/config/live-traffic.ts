import type { ConfigEntry, ConfigKind } from '../consul/types.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import { checkServiceName } from '../kernel/names.ts';
import type { Random } from '../kernel/random.ts';
import type { Entries, ResolverEntry, RouterEntry, SplitterEntry } from './entries/entry.ts';
import { EntryFault } from './entries/fault.ts';
import { compilePlan } from './entries/plan.ts';
import { readResolver, readRouter, readSplitter } from './entries/read.ts';
import { createShelf, type Shelf } from './entries/shelf.ts';
import { createHub } from './hub.ts';
import { type TrafficPlan, type TrafficSource, wholeTarget } from './traffic.ts';

/** The plans of all targets, whatever store the entries come from. */
export interface LiveTraffic {
  readonly source: TrafficSource;
  /** The store said which entries of a kind there are now. */
  heard(kind: ConfigKind, entries: readonly ConfigEntry[]): void;
  /** Entries of a kind cannot be read: what was heard last stands; if nothing was, there are none. */
  lost(kind: ConfigKind): void;
  close(): void;
}

export interface LiveTrafficOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Called before a target is watched. */
  readonly onWatch?: () => void;
}

/**
 * How long entries may contradict each other before that is reported, in ms. A subset and the split that
 * uses it are two writes, and their news may arrive in either order.
 */
const patienceMs = 2_000;

/** What the plan of a target was made of; the same text, the same plan. */
interface Standing {
  readonly basis: string;
  cancelReport?: () => void;
}

export function createLiveTraffic(options: LiveTrafficOptions): LiveTraffic {
  const { clock, random, log, onWatch } = options;
  const shelves = {
    'service-resolver': createShelf<ResolverEntry>('service-resolver', readResolver, log),
    'service-splitter': createShelf<SplitterEntry>('service-splitter', readSplitter, log),
    'service-router': createShelf<RouterEntry>('service-router', readRouter, log),
  };
  const standing = new Map<string, Standing>();
  const forget = (target: string): void => {
    standing.get(target)?.cancelReport?.();
    standing.delete(target);
  };
  const hub = createHub<TrafficPlan>(log, forget);

  const judge = (target: string): void => {
    const all: readonly Shelf<unknown>[] = Object.values(shelves);
    if (!all.every((shelf) => shelf.filled)) return;
    const { plan, basis } = planned(target, shelves, random);
    const before = standing.get(target);
    if (before?.basis === basis) return;
    before?.cancelReport?.();
    const now: Standing = { basis };
    standing.set(target, now);
    if (!(plan instanceof EntryFault)) {
      if (before !== undefined) log.info('calls have a new plan', { target, places: names(plan) });
      hub.show(target, plan);
      return;
    }
    const why = plan.message;
    now.cancelReport = clock.after(patienceMs, () => {
      log.error('config entries contradict each other and change nothing', { target, fault: why });
    });
    // Whoever has a plan keeps it; whoever has none must not wait for an operator.
    if (before === undefined) hub.show(target, wholeTarget(target));
  };

  const judgeAll = (): void => {
    for (const target of [...hub.watched]) judge(target);
  };

  return {
    source: {
      watch(target, listener) {
        checkServiceName(target);
        onWatch?.();
        const watch = hub.watch(target, listener);
        judge(target);
        return watch;
      },
    },
    heard(kind, entries) {
      shelves[kind].fill(entries);
      judgeAll();
    },
    lost(kind) {
      if (shelves[kind].filled) return;
      shelves[kind].fill([]);
      judgeAll();
    },
    close() {
      for (const target of [...standing.keys()]) forget(target);
    },
  };
}

interface Shelves {
  readonly 'service-resolver': Shelf<ResolverEntry>;
  readonly 'service-splitter': Shelf<SplitterEntry>;
  readonly 'service-router': Shelf<RouterEntry>;
}

function names(plan: TrafficPlan): string {
  return plan.destinations.map(({ name }) => name).join(', ');
}

/** The plan that the entries make, or why they make none; and what it was made of. */
function planned(
  target: string,
  shelves: Shelves,
  random: Random,
): { plan: TrafficPlan | EntryFault; basis: string } {
  const { entries, basis } = recorded(shelves);
  try {
    return { plan: compilePlan(target, entries, random), basis: basis() };
  } catch (thrown) {
    if (!(thrown instanceof EntryFault)) throw thrown;
    return { plan: thrown, basis: basis() };
  }
}

/** The entries, and a text that names every one that was looked at with its version. */
function recorded(shelves: Shelves): { entries: Entries; basis: () => string } {
  const seen = new Set<string>();
  const look =
    <T>(shelf: Shelf<T>, mark: string) =>
    (service: string): T | undefined => {
      const entry = shelf.find(service);
      seen.add(`${mark} ${service} ${entry?.version ?? '-'}`);
      return entry?.value;
    };
  const entries = {
    resolver: look(shelves['service-resolver'], 'resolver'),
    splitter: look(shelves['service-splitter'], 'splitter'),
    router: look(shelves['service-router'], 'router'),
  };
  return { entries, basis: () => [...seen].sort().join('\n') };
}
