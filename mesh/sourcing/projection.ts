import { MeshError } from '../kernel/error.ts';
import { checkToken } from '../kernel/names.ts';
import type { MessageType } from '../schema/definition.ts';
import type { Transaction } from '../store/sql.ts';
import type { RecordedEvent } from './event.ts';

/** What one type of event does to a read model; made by `projects`. */
export interface Projector<DB> {
  readonly typeName: string;
  project(tx: Transaction<DB>, data: Uint8Array, event: RecordedEvent): Promise<void>;
}

/** What an event does to a read model, in the transaction that notes how far the projection has come. */
export function projects<T, DB>(
  type: MessageType<T>,
  project: (tx: Transaction<DB>, message: T, event: RecordedEvent) => Promise<void>,
): Projector<DB> {
  return {
    typeName: type.$type,
    project: (tx, data, event) => project(tx, type.decode(data), event),
  };
}

/** What a projection reads and writes, for `sourcing.project`. */
export interface ProjectionOptions<DB> {
  /** Unique in the database, as "stock-by-shelf". One token (kernel/names.ts). */
  readonly name: string;
  /**
   * Counted up when the read model shall be made anew: the first process of the new version resets it and
   * replays, and processes of older versions leave it alone. Default 1.
   */
  readonly version?: number;
  /** Made by `projects`, one for each type of event that it reads. */
  readonly projectors: readonly Projector<DB>[];
  /** Empties what the projection wrote. */
  reset(tx: Transaction<DB>): Promise<void>;
  /** Most events in one transaction. Default 500. */
  readonly page?: number;
}

/** A projection that runs. */
export interface Projection {
  /** As its options say. */
  readonly name: string;
  /**
   * "live": all that was there at the last look is in. "behind": it is catching up. "standby": another process
   * does it, or a newer version. "failing": an event could not be projected and is tried again; those after it
   * wait.
   */
  readonly state: 'live' | 'behind' | 'standby' | 'failing';
  /** The position up to which it has come. */
  position(): Promise<number>;
  /** Empties the read model and replays from the beginning; events go on being appended meanwhile. */
  rebuild(): Promise<void>;
}

/** The projectors by type. Throws INVALID_ARGUMENT for a name that cannot be, or two for one type. */
export function projectorsOf<DB>({
  name,
  projectors,
}: ProjectionOptions<DB>): ReadonlyMap<string, Projector<DB>> {
  checkToken(name, 'a projection');
  const byType = new Map(projectors.map((projector) => [projector.typeName, projector]));
  if (byType.size > 0 && byType.size === projectors.length) return byType;
  throw new MeshError(`the projection ${name} needs projectors, one for each type of event`, {
    status: 'INVALID_ARGUMENT',
    reason: 'INVALID_PROJECTION',
  });
}
