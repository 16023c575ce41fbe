/** What became of the orders of one scenario: what the customers heard, held against the books. */
import { percentile } from '../../suite/stats.ts';
import type { Placed } from './customers.ts';
import type { Ledger } from './ledger.ts';
import { desks } from './wire.ts';

/** Longest wait of a customer who is still there, in ms. */
const patienceMs = 1000;

/**
 * right: the answer came in time and is what came of the order. later: there was no answer in time, and the order was
 * carried out, or refused, all the same. withdrawn: accepted although stock or card says no. turned away: no
 * answer in time, and nothing came of it. broken: promised and not carried out, or done in part.
 */
export type Fate = 'right' | 'later' | 'withdrawn' | 'turned away' | 'broken';

export interface Summary {
  readonly placed: number;
  readonly fates: Readonly<Record<Fate, number>>;
  /** The share that was answered within `patienceMs`, and with something else than an error. */
  readonly inTime: number;
  readonly answerP50Ms: number;
  readonly answerP99Ms: number;
  /** From placing to the last part, of those that were carried out. */
  readonly endP50Ms: number;
  readonly endP99Ms: number;
  /** Of the orders that nobody has to refuse, the share that was carried out. */
  readonly carriedOut: number;
  /** Told yes, though stock or card says no. */
  readonly wronglyAccepted: number;
  /** Told yes, nothing to refuse, and never carried out. */
  readonly lost: number;
  /** Not carried out, and yet stock, money, a parcel or a notification stands in a book. */
  readonly halfDone: number;
  /** Parts that were taken back. */
  readonly takenBack: number;
}

/** One order, as customer and books have it. */
interface Story {
  readonly placed: Placed;
  readonly inTime: boolean;
  readonly carriedOut: boolean;
  /** Refused for good, whether or not the customer has heard of it. */
  readonly declined: boolean;
  readonly halfDone: boolean;
  readonly takenBack: number;
  readonly endMs: number;
}

export function summarize(placed: readonly Placed[], ledger: Ledger): Summary {
  const stories = placed.map((each) => storyOf(each, ledger));
  const count = (is: (story: Story) => boolean): number => stories.filter(is).length;
  const good = stories.filter((story) => story.placed.refusedBy === '');
  const ends = stories.filter(({ carriedOut }) => carriedOut).map(({ endMs }) => endMs);
  const answers = placed.map(({ tookMs }) => tookMs);
  const fate = (wanted: Fate): number => count((story) => fateOf(story) === wanted);
  return {
    placed: placed.length,
    fates: {
      right: fate('right'),
      later: fate('later'),
      withdrawn: fate('withdrawn'),
      'turned away': fate('turned away'),
      broken: fate('broken'),
    },
    inTime: share(
      count(({ inTime }) => inTime),
      placed.length,
    ),
    answerP50Ms: Math.round(percentile(answers, 0.5)),
    answerP99Ms: Math.round(percentile(answers, 0.99)),
    endP50Ms: Math.round(percentile(ends, 0.5)) || 0,
    endP99Ms: Math.round(percentile(ends, 0.99)) || 0,
    carriedOut: share(good.filter(({ carriedOut }) => carriedOut).length, good.length),
    wronglyAccepted: count(isWithdrawn),
    lost: good.filter((story) => saidYes(story) && !story.carriedOut).length,
    halfDone: count(({ halfDone }) => halfDone),
    takenBack: stories.reduce((sum, story) => sum + story.takenBack, 0),
  };
}

function storyOf(placed: Placed, { orders, parts }: Ledger): Story {
  const rows = desks.map((desk) => parts[desk].get(placed.orderId));
  const carriedOut = rows.every((row) => row?.state === 'done');
  return {
    ...{ placed, carriedOut },
    declined: orders.get(placed.orderId)?.status === 'declined',
    inTime: placed.answer !== 'error' && placed.tookMs <= patienceMs,
    halfDone: !carriedOut && rows.some((row) => row?.state === 'done'),
    takenBack: rows.filter((row) => row?.state === 'undone').length,
    endMs: Math.max(...rows.map((row) => row?.at ?? 0)) - placed.atMs,
  };
}

function fateOf(story: Story): Fate {
  if (story.halfDone || (saidYes(story) && !isWithdrawn(story) && !story.carriedOut))
    return 'broken';
  if (isWithdrawn(story)) return 'withdrawn';
  if (story.inTime) return 'right';
  return story.carriedOut || story.declined ? 'later' : 'turned away';
}

function saidYes({ placed }: Story): boolean {
  return placed.answer === 'accepted' || placed.answer === 'confirmed';
}

function isWithdrawn(story: Story): boolean {
  return saidYes(story) && story.placed.refusedBy !== '';
}

function share(part: number, whole: number): number {
  return whole === 0 ? 1 : Math.round((10_000 * part) / whole) / 10_000;
}
