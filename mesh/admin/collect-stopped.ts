import type {
  ListStoppedKeysRequest,
  ReleaseStoppedKeysRequest,
  StoppedKey,
} from '../../gen/weft/admin/v1/dead_letters.ts';
import { type Asked, type AskOptions, askAll } from './collect.ts';

/** A stopped key, and the service whose database it lies in. */
export interface FoundKey {
  readonly service: string;
  readonly key: StoppedKey;
}

/** The stopped keys of these services; one that several instances know, because they share a database, once. */
export async function collectStopped(
  request: ListStoppedKeysRequest,
  options: AskOptions,
): Promise<{ readonly keys: readonly FoundKey[]; readonly silent: readonly string[] }> {
  const { answers, silent } = await askAll(options, async (admin, call, { service }) => {
    const { keys } = await admin.listStoppedKeys(request, call);
    return keys.map((key) => ({ service, key }));
  });
  const each = new Map(
    answers.flat().map((found) => {
      const { consumer, eventId } = found.key;
      return [`${found.service}/${consumer}/${eventId}`, found];
    }),
  );
  return { keys: [...each.values()], silent };
}

/** Lets stopped keys go on, wherever they are; gives the events for which they stood. */
export function releaseStopped(
  request: ReleaseStoppedKeysRequest,
  options: AskOptions,
): Promise<Asked<readonly string[]>> {
  return askAll(options, async (admin, call) => {
    return (await admin.releaseStoppedKeys(request, call)).releasedEventIds;
  });
}
