import {
  type DeadLetter,
  DeadLetterState,
  type GetDeadLetterResponse,
  type ListDeadLettersRequest,
  type ReplayDeadLettersRequest,
} from '../../gen/weft/admin/v1/dead_letters.ts';
import { MeshError } from '../kernel/error.ts';
import { type Asked, type AskOptions, askAll } from './collect.ts';

/** A letter, and the service whose database it lies in. */
export interface Found<T> {
  readonly service: string;
  readonly letter: T;
}

export interface FoundLetters {
  /** Newest first; one that several instances know, because they share a database, stands here once. */
  readonly letters: readonly Found<DeadLetter>[];
  /** Whether there are older ones. */
  readonly more: boolean;
  /** The instances that did not answer. */
  readonly silent: readonly string[];
}

/** The newest dead letters of these services, as many as a page holds. */
export async function collectLetters(
  request: ListDeadLettersRequest & { readonly pageSize: number },
  options: AskOptions,
): Promise<FoundLetters> {
  const asked = await askAll(options, async (admin, call, { service }) => {
    const { letters, nextPageToken } = await admin.listDeadLetters(request, call);
    return { letters: letters.map((letter) => ({ service, letter })), nextPageToken };
  });
  const each = new Map<string, Found<DeadLetter>>();
  for (const found of asked.answers.flatMap(({ letters }) => letters)) {
    each.set(found.letter.id, found);
  }
  const all = [...each.values()].sort((a, b) => (a.letter.id < b.letter.id ? 1 : -1));
  const letters = all.slice(0, request.pageSize);
  const more =
    letters.length < all.length || asked.answers.some(({ nextPageToken }) => nextPageToken !== '');
  return { letters, more, silent: asked.silent };
}

/** A dead letter, wherever it lies: one answer, or none. */
export function findLetter(
  id: string,
  options: AskOptions,
): Promise<Asked<Found<GetDeadLetterResponse> | 'unknown'>> {
  return askAll(options, async (admin, call, { service }) => {
    try {
      return { service, letter: await admin.getDeadLetter({ id }, call) };
    } catch (thrown) {
      if (MeshError.from(thrown).reason === 'UNKNOWN_DEAD_LETTER') return 'unknown';
      throw thrown;
    }
  });
}

/** What was done to letters, everywhere. */
export interface Treated {
  /** Sorted. */
  readonly ids: readonly string[];
  /** Of the asked ids: those that are known and were left alone. */
  readonly skipped: readonly string[];
  /** Of the asked ids: those that nobody knows. */
  readonly unknown: readonly string[];
  readonly silent: readonly string[];
}

/** Either ids or a filter. */
export type Wanted = ReplayDeadLettersRequest;

/** Gives letters back to the consumers that gave them up. */
export function replayLetters(wanted: Wanted, options: AskOptions): Promise<Treated> {
  return treat(wanted, options, async (admin, call) => {
    const { replayedIds, skippedIds, more } = await admin.replayDeadLetters(wanted, call);
    return { ids: replayedIds, skipped: skippedIds, more };
  });
}

/** Forgets letters. */
export function dropLetters(wanted: Wanted, options: AskOptions): Promise<Treated> {
  return treat(wanted, options, async (admin, call) => {
    const { droppedIds, more } = await admin.dropDeadLetters(wanted, call);
    return { ids: droppedIds, skipped: [], more };
  });
}

interface Bite {
  readonly ids: readonly string[];
  readonly skipped: readonly string[];
  readonly more: boolean;
}

/** Asks every instance until it finds no more: each touches a limited number at once. */
async function treat(
  wanted: Wanted,
  options: AskOptions,
  bite: (...asked: Parameters<Parameters<typeof askAll<Bite>>[1]>) => Promise<Bite>,
): Promise<Treated> {
  const asked = await askAll(options, async (...instance) => {
    const bites: Bite[] = [];
    for (let more = true; more; more = bites.at(-1)?.more ?? false) {
      bites.push(await bite(...instance));
    }
    return bites;
  });
  const bites = asked.answers.flat();
  const ids = new Set(bites.flatMap((each) => each.ids));
  // Another instance of the same database finds it replayed already: then it was replayed now.
  const left = new Set(bites.flatMap((each) => each.skipped));
  const skipped = [...left].filter((id) => !ids.has(id));
  return {
    ids: [...ids].sort(),
    skipped: skipped.sort(),
    unknown: wanted.ids.filter((id) => !ids.has(id) && !left.has(id)),
    silent: asked.silent,
  };
}

/** How a state is called. */
export function stateName(state: DeadLetterState): 'dead' | 'replayed' | 'handled' {
  if (state === DeadLetterState.REPLAYED) return 'replayed';
  return state === DeadLetterState.HANDLED ? 'handled' : 'dead';
}
