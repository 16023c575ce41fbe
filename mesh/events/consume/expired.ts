import type { ConsumeLayer } from './consume.ts';
import type { Inbox } from './inbox.ts';
import type { LayerParts } from './layers.ts';

/** Passes over what nobody wants any more (`expiresAt`), and notes it in the inbox. */
export function unexpired(
  parts: Pick<LayerParts, 'clock' | 'log'> & { readonly inbox: Pick<Inbox<never>, 'expired'> },
): ConsumeLayer {
  const { inbox, clock, log } = parts;
  return (next) => async (incoming) => {
    const { id, envelope, signal } = incoming;
    const lateMs = clock.now() - (envelope?.expiresMs ?? Infinity);
    if (lateMs < 0) return next(incoming);
    const outcome = await inbox.expired(incoming, signal);
    if (outcome === 'duplicate') return { kind: 'ack', outcome: 'skipped' };
    log.warn('an event came too late to be handled', { id, type: envelope?.type, lateMs });
    return { kind: 'ack', outcome };
  };
}
