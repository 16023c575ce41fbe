import type { Clock } from '../../kernel/clock.ts';
import { MeshError } from '../../kernel/error.ts';
import type { Bus } from '../bus/bus.ts';
import type { ChannelMemory } from './channel-memory.ts';
import type { Lease } from './lease.ts';

/** Sees to it that channels exist, and that they still hold what they held, before more is sent to them. */
export interface Verification {
  /** Whether all channels are to be looked at again; nothing may be on its way meanwhile. */
  readonly due: boolean;
  /** Of the bus, when all channels were looked at. */
  readonly epoch: number;
  /** Looks at every channel that was ever sent to; gives how many messages are to be sent again. */
  all(lease: Lease, signal: AbortSignal): Promise<number>;
  /** Looks at those of these channels that were not looked at yet. */
  channels(lease: Lease, names: ReadonlySet<string>, signal: AbortSignal): Promise<Verdict>;
  /** Something is wrong with a channel. */
  suspect(): void;
}

export interface Verdict {
  /** Channels that cannot be made, and why; UNAVAILABLE is thrown. */
  readonly broken: ReadonlyMap<string, MeshError>;
  /** How many messages are to be sent again. */
  readonly missing: number;
}

export interface VerificationOptions {
  readonly bus: Bus;
  readonly memory: ChannelMemory;
  readonly clock: Clock;
  /** Messages that a channel had stored and no longer holds are unsent again. */
  readonly onMissing: (messages: number) => void;
}

// How often channels are looked at without a reason: one that was deleted says nothing until it is needed.
const everyMs = 60_000;

export function createVerification(options: VerificationOptions): Verification {
  const { bus, memory, clock, onMissing } = options;
  const verified = new Set<string>();
  let epoch = Number.NaN;
  let dueAt = 0;
  const one = async (lease: Lease, name: string, signal: AbortSignal): Promise<number> => {
    await bus.ensureChannel({ name }, signal);
    const missing = await memory.verify(lease, name, signal);
    verified.add(name);
    if (missing > 0) onMissing(missing);
    return missing;
  };
  return {
    get due() {
      return bus.epoch() !== epoch || clock.monotonic() >= dueAt;
    },
    get epoch() {
      return epoch;
    },
    suspect() {
      dueAt = 0;
    },
    async all(lease, signal) {
      const begun = bus.epoch();
      verified.clear();
      let missing = 0;
      for (const name of await memory.known()) {
        try {
          missing += await one(lease, name, signal);
        } catch (thrown) {
          throwIfAway(MeshError.from(thrown), signal);
        }
      }
      // The first question may have made the connection: what it answered is of the new epoch.
      epoch = Number.isNaN(epoch) ? bus.epoch() : begun;
      dueAt = clock.monotonic() + everyMs;
      return missing;
    },
    async channels(lease, names, signal) {
      const broken = new Map<string, MeshError>();
      let missing = 0;
      for (const name of names) {
        if (verified.has(name)) continue;
        try {
          missing += await one(lease, name, signal);
        } catch (thrown) {
          const error = MeshError.from(thrown);
          throwIfAway(error, signal);
          broken.set(name, error);
        }
      }
      // Nothing was known, so nothing was asked: these questions have made the first connection.
      if (epoch === 0) epoch = bus.epoch();
      return { broken, missing };
    },
  };
}

/** What may heal is waited for; a channel that is wrong in itself fails its own messages only. */
function throwIfAway(error: MeshError, signal: AbortSignal): void {
  const heals = error.status === 'UNAVAILABLE' || error.reason === 'LEASE_LOST';
  if (heals || signal.aborted) throw error;
}
