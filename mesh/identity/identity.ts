import type { MeshError } from '../kernel/error.ts';
import type { Closeable } from '../kernel/lifecycle.ts';
import type { Credentials } from './leaf.ts';

/**
 * Who this process is, and whom it believes: a certificate with its key, and the roots by which those of
 * others are judged. Implementations: consul.ts (Consul's CA), files.ts (PEM files that somebody else renews).
 *
 * - **There from the start.** Whoever makes one waits until there is a certificate; it is never without one
 *   afterwards. What is not usable (a key of another certificate, no SPIFFE id or two) is never shown: at the
 *   start it is the error, later the last good one stays and a warning says why.
 * - **Renewed by itself.** `credentials` is a new object after each change and the same one until then.
 *   Connections that were made with an older one stay as they are; new ones are made with the newest.
 * - **Kept while its source is away**, to the end of the certificate. Past that `expired` says so, and nobody
 *   should offer it any more: peers would refuse it with less to say. A warning comes at 90 % of its life, an error
 *   at its end, and the metric weft.identity.leaf.expiry shows both before they happen.
 */
export interface Identity extends Closeable {
  /** The newest. The private key is in it: it is never logged, and never leaves the process. */
  readonly credentials: Credentials;
  /** Undefined while the certificate is valid; else UNAVAILABLE / IDENTITY_EXPIRED, with what to look at. */
  expired(): MeshError | undefined;
  /** Calls `listener` after each change of `credentials`; the returned function ends that. */
  onChange(listener: () => void): () => void;
  /** How often `credentials` changed. */
  readonly rotations: number;
  /** Follows its source no more; `credentials` stay as they are. */
  close(): Promise<void>;
}
