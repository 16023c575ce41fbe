import type { ConsumeLayer, Verdict } from './consume.ts';

/** What became of the deliveries of one consumer, as often as `count`. */
export interface Consumed {
  readonly consumer: string;
  /** As `Verdict`; "again": it failed and comes again; "left": it is for another version of the service. */
  readonly outcome: 'done' | 'skipped' | 'expired' | 'refused' | 'dead' | 'again' | 'left';
  readonly count: number;
}

/** Counts what becomes of deliveries, since the process began. */
export interface Tally {
  add(consumer: string, outcome: Consumed['outcome']): void;
  /** In the order in which they were first seen. */
  all(): readonly Consumed[];
}

export function createTally(): Tally {
  const counts = new Map<
    string,
    { consumer: string; outcome: Consumed['outcome']; count: number }
  >();
  return {
    add(consumer, outcome) {
      const name = `${consumer} ${outcome}`;
      const known = counts.get(name);
      if (known === undefined) counts.set(name, { consumer, outcome, count: 1 });
      else known.count++;
    },
    all: () => [...counts.values()],
  };
}

/** Counts every verdict. */
export function tallied({
  consumer,
  tally,
}: {
  readonly consumer: string;
  readonly tally: Tally;
}): ConsumeLayer {
  return (next) => async (incoming) => {
    const verdict = await next(incoming);
    tally.add(consumer, outcomeOf(verdict));
    return verdict;
  };
}

function outcomeOf(verdict: Verdict): Consumed['outcome'] {
  switch (verdict.kind) {
    case 'ack':
      return verdict.outcome;
    case 'parked':
      return verdict.stopped ? 'dead' : 'again';
    case 'nak':
      return verdict.error === undefined ? 'left' : 'again';
  }
}
