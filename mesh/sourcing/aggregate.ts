import { MeshError } from '../kernel/error.ts';
import { checkToken } from '../kernel/names.ts';
import type { DataCodec } from '../schema/data-codec.ts';
import type { MessageType } from '../schema/definition.ts';
import type { RecordedEvent } from './event.ts';

/** What one type of event makes of a state; made by `applies`. */
export interface Applier<S> {
  readonly typeName: string;
  apply(state: S, data: Uint8Array): S;
}

/** What an event makes of a state: a pure function, since it runs again whenever the state is asked for. */
export function applies<T, S>(type: MessageType<T>, apply: (state: S, event: T) => S): Applier<S> {
  return { typeName: type.$type, apply: (state, data) => apply(state, type.decode(data)) };
}

export interface SnapshotOptions<S> {
  /** Events between two of them. Worth it when folding that many is slower than one read. */
  readonly every: number;
  /**
   * Counted up when the state has another shape, or its events another meaning: snapshots of other versions are
   * passed over, and the state is folded from its events.
   */
  readonly schema: number;
  readonly data: DataCodec<S>;
}

/** What an aggregate is, for `defineAggregate`; `S` is its state. */
export interface AggregateOptions<S> {
  /** Unique in the database, as "machine". One token (kernel/names.ts). */
  readonly name: string;
  /** The state of a stream without events. */
  readonly initial: S;
  /** One for each type of event that its streams hold. */
  readonly events: readonly Applier<S>[];
  /** Default: none; a state is folded from all of its events. */
  readonly snapshot?: SnapshotOptions<S>;
}

/** Something whose state is what has happened to it. */
export interface Aggregate<S> extends AggregateOptions<S> {
  /** The state after one more event. Throws FAILED_PRECONDITION/UNKNOWN_EVENT for a type it has no applier of. */
  fold(state: S, event: Pick<RecordedEvent, 'typeName' | 'data'>): S;
}

/** Throws INVALID_ARGUMENT/INVALID_AGGREGATE for two appliers of one type, or a snapshot that cannot be. */
export function defineAggregate<S>(options: AggregateOptions<S>): Aggregate<S> {
  const { name, events, snapshot } = options;
  checkToken(name, 'an aggregate');
  const appliers = new Map(events.map((applier) => [applier.typeName, applier]));
  if (appliers.size < events.length) throw invalid(name, 'two of its appliers are for one type');
  if (snapshot !== undefined && snapshot.every < 1) {
    throw invalid(name, 'a snapshot is taken every 1 or more events');
  }
  return {
    ...options,
    fold(state, { typeName, data }) {
      const applier = appliers.get(typeName);
      if (applier !== undefined) return applier.apply(state, data);
      // To pass it over would give a state that never was.
      throw new MeshError(
        `${name} has no applier for ${typeName}; a newer version of this service may have written it`,
        { status: 'FAILED_PRECONDITION', reason: 'UNKNOWN_EVENT' },
      );
    },
  };
}

/** The stream of one aggregate. */
export function streamOf<S>({ name }: Pick<Aggregate<S>, 'name'>, id: string): string {
  return `${name}/${id}`;
}

function invalid(name: string, why: string): MeshError {
  return new MeshError(`the aggregate ${name} cannot be: ${why}`, {
    status: 'INVALID_ARGUMENT',
    reason: 'INVALID_AGGREGATE',
  });
}
