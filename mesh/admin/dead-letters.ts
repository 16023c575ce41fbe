import type { AdminServiceDefinition } from '../../gen/weft/admin/v1/admin.ts';
import {
  type DeadLetterFilter,
  DeadLetterState,
  type DropDeadLettersRequest,
  type DropDeadLettersResponse,
  type GetDeadLetterRequest,
  type GetDeadLetterResponse,
  type ListDeadLettersRequest,
  type ListDeadLettersResponse,
  type DeadLetter as Message,
  type ReplayDeadLettersRequest,
  type ReplayDeadLettersResponse,
} from '../../gen/weft/admin/v1/dead_letters.ts';
import type { DeadLetters, LetterFilter, Which } from '../events/dead-letters/dead-letters.ts';
import { bodyJson, type DeadLetter } from '../events/dead-letters/letter.ts';
import { MeshError } from '../kernel/error.ts';
import type { Implementation } from '../rpc/server/implementation.ts';
import type { Image } from '../schema/image.ts';
import { fromTimestamp, toTimestamp } from '../schema/timestamp.ts';

export interface DeadLetterSources {
  /** Default: this process hears no events, and gives none up. */
  readonly deadLetters?: DeadLetters | undefined;
  /** By which bodies are shown. Default: they are shown as bytes. */
  readonly image?: Pick<Image, 'registry'> | undefined;
}

type Methods = Pick<
  Implementation<AdminServiceDefinition>,
  'listDeadLetters' | 'getDeadLetter' | 'replayDeadLetters' | 'dropDeadLetters'
>;

const defaultPageSize = 100;

/** The part of the admin service that is about dead letters. */
export function deadLetterMethods({ deadLetters, image }: DeadLetterSources): Methods {
  return {
    async listDeadLetters(request: ListDeadLettersRequest): Promise<ListDeadLettersResponse> {
      const limit = request.pageSize === 0 ? defaultPageSize : request.pageSize;
      const page = {
        // One more tells whether there is a next page.
        limit: limit + 1,
        replayed: request.includeReplayed,
        ...(request.pageToken !== '' && { before: request.pageToken }),
      };
      const found = (await deadLetters?.list(filterOf(request.filter), page)) ?? [];
      const letters = found.slice(0, limit);
      const more = found.length > limit;
      return {
        letters: letters.map(toMessage),
        nextPageToken: more ? (letters.at(-1)?.id ?? '') : '',
      };
    },
    async getDeadLetter({ id }: GetDeadLetterRequest): Promise<GetDeadLetterResponse> {
      const [letter] = (await deadLetters?.get([id])) ?? [];
      if (letter === undefined) throw unknownLetter(id);
      const { headers, payload } = letter;
      const payloadJson = image === undefined ? undefined : bodyJson(letter, image);
      const body = { payload: Buffer.from(payload), payloadJson: payloadJson ?? '' };
      return { letter: toMessage(letter), headers: { ...headers }, ...body };
    },
    async replayDeadLetters(request: ReplayDeadLettersRequest): Promise<ReplayDeadLettersResponse> {
      const which = whichOf(request);
      const { ids, more } = (await deadLetters?.replay(which)) ?? nothing;
      const known = (await deadLetters?.get(request.ids)) ?? [];
      const skipped = known.map(({ id }) => id).filter((id) => !ids.includes(id));
      return { replayedIds: [...ids], skippedIds: skipped, more };
    },
    async dropDeadLetters(request: DropDeadLettersRequest): Promise<DropDeadLettersResponse> {
      const { ids, more } = (await deadLetters?.drop(whichOf(request))) ?? nothing;
      return { droppedIds: [...ids], more };
    },
  };
}

const nothing = { ids: [], more: false };

function filterOf(filter: DeadLetterFilter | undefined): LetterFilter {
  const { consumer = '', type = '', key = '', since } = filter ?? {};
  return {
    ...(consumer !== '' && { consumer }),
    ...(type !== '' && { type }),
    ...(key !== '' && { key }),
    ...(since && { sinceMs: Math.floor(fromTimestamp(since)) }),
  };
}

/** Ids or a filter: a request with neither would mean all letters, and is more likely a mistake. */
function whichOf({ ids, filter }: ReplayDeadLettersRequest | DropDeadLettersRequest): Which {
  if (ids.length > 0 && filter === undefined) return { ids };
  if (ids.length === 0 && filter !== undefined) return { filter: filterOf(filter) };
  throw MeshError.invalid('which dead letters', [
    {
      field: 'ids',
      description:
        ids.length > 0
          ? 'say ids or a filter, not both'
          : 'say ids, or a filter; an empty filter means all of them',
    },
  ]);
}

const states = {
  dead: DeadLetterState.DEAD,
  replayed: DeadLetterState.REPLAYED,
  handled: DeadLetterState.HANDLED,
} as const;

function toMessage(letter: DeadLetter): Message {
  const { id, consumer, eventId, type, key, source, channel, subject } = letter;
  const { failures, replays, publishedMs, replayedMs } = letter;
  return {
    ...{ id, consumer, eventId, type, key, source, channel, subject, failures, replays },
    state: states[letter.state],
    publishedTime: publishedMs === 0 ? undefined : toTimestamp(publishedMs),
    traceId: letter.traceId ?? '',
    sequence: BigInt(letter.sequence),
    firstFailedTime: toTimestamp(letter.firstFailedMs),
    diedTime: toTimestamp(letter.diedMs),
    lastFailures: letter.lastFailures.map(({ atMs, ...failure }) => {
      return { time: toTimestamp(atMs), ...failure };
    }),
    keyWaits: letter.keyWaits,
    replayedTime: replayedMs === undefined ? undefined : toTimestamp(replayedMs),
  };
}

function unknownLetter(id: string): MeshError {
  return new MeshError(
    `no consumer of this process has a dead letter ${JSON.stringify(id)}; it may be another service's, or was dropped, or is older than they are kept`,
    { status: 'NOT_FOUND', reason: 'UNKNOWN_DEAD_LETTER' },
  );
}
