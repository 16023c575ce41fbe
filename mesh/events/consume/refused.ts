import { MeshError } from '../../kernel/error.ts';
import { isRefusal } from '../../kernel/status.ts';
import { refuse } from '../ask/reply.ts';
import type { ConsumeLayer } from './consume.ts';
import type { EffectParts } from './effect.ts';
import { replies } from './replies.ts';

/**
 * Tells whoever asked that the answer is no: what a replier refuses is no failure of its, and would be
 * refused again.
 */
export function refused<DB>(
  parts: Pick<EffectParts<DB>, 'handlers' | 'inbox' | 'write'>,
): ConsumeLayer {
  const { inbox, write } = parts;
  return (next) => async (incoming) => {
    try {
      return await next(incoming);
    } catch (thrown) {
      const { signal } = incoming;
      const error = MeshError.from(thrown);
      if (!replies(parts, incoming) || !isRefusal(error.status)) throw thrown;
      const outcome = await inbox.once(
        incoming,
        (tx) => refuse(write, tx, incoming, error),
        signal,
      );
      if (outcome === 'duplicate') return { kind: 'ack', outcome: 'skipped' };
      return { kind: 'ack', outcome: 'refused', error };
    }
  };
}
