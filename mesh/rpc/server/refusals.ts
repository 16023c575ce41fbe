import { MeshError } from '../../kernel/error.ts';
import type { ServerContext } from './call.ts';

/** What a refusal may look at. */
type Facts = Pick<
  ServerContext,
  'arrivedMs' | 'caller' | 'deadline' | 'draining' | 'metadataBytes' | 'method'
>;

/** A check that a call must pass before it costs anything; throws the refusal. */
export type Refusal = (facts: Facts) => void;

/** Refuses new calls once the server drains: they never reached a handler and are safe to send elsewhere. */
export const refuseWhileDraining: Refusal = ({ draining }) => {
  if (!draining.aborted) return;
  const message = 'this instance is shutting down; call another one';
  throw new MeshError(message, { status: 'UNAVAILABLE', reason: 'DRAINING' });
};

/** Refuses metadata above the limit; grpc-js has no option for it and takes 64 KiB. */
export function refuseMetadataAbove(maxBytes: number): Refusal {
  return ({ metadataBytes }) => {
    if (metadataBytes <= maxBytes) return;
    throw new MeshError(
      `${String(metadataBytes)} bytes of metadata, at most ${String(maxBytes)} are taken; move data into the request`,
      {
        status: 'RESOURCE_EXHAUSTED',
        reason: 'METADATA_TOO_LARGE',
        // The same call fails the same way everywhere.
        details: { retryAfterMs: Number.POSITIVE_INFINITY },
      },
    );
  };
}

/** Refuses what has expired on its way: nobody waits for the answer. */
export const refuseExpired: Refusal = ({ deadline, arrivedMs }) => {
  if (deadline === undefined || deadline.at > arrivedMs) return;
  const message = 'the deadline had passed when the call arrived';
  throw new MeshError(message, { status: 'DEADLINE_EXCEEDED', reason: 'EXPIRED_ON_ARRIVAL' });
};
