import type { Cancellation } from '../../kernel/cancellation.ts';
import { aborted } from '../../kernel/clock.ts';
import type { MeshError } from '../../kernel/error.ts';
import { onAbort } from '../signals.ts';

/** Whatever may end a call from outside. */
export type EndSource = Cancellation | AbortSignal | undefined;

/** How a call learns that nobody waits for it: at most one of the two is there. */
export interface Ending {
  readonly signal?: AbortSignal | undefined;
  readonly cancellation?: Cancellation | undefined;
  /** Present when something must be forgotten once the call is over. */
  readonly release?: (() => void) | undefined;
}

const never: Ending = {};

/**
 * What ends a call: the work that it is part of, and the signal that was given for it. With one of the two,
 * as nearly always, nothing is created.
 */
export function endingOf(
  inherited: EndSource,
  given: AbortSignal | undefined,
  name: string,
): Ending {
  if (inherited === undefined) return given === undefined ? never : { signal: given };
  if (given === undefined || given === inherited) {
    return isSignal(inherited) ? { signal: inherited } : { cancellation: inherited };
  }
  return endingWithFirst([inherited, given], name);
}

/** Ends with the first of `sources`, until `release`. */
export function endingWithFirst(
  sources: readonly EndSource[],
  name: string,
): { readonly cancellation: Cancellation; readonly release: () => void } {
  const ending = new OpenEnding();
  const releases = sources.map((source) =>
    onEnd(source, name, (reason) => {
      ending.abort(reason);
    }),
  );
  return {
    cancellation: ending,
    release: () => {
      for (const release of releases) release();
    },
  };
}

/** Runs `task` once when `source` ends, at once if it has; the result forgets it. */
export function onEnd(
  source: EndSource,
  name: string,
  task: (reason: MeshError) => void,
): () => void {
  if (source !== undefined && !isSignal(source)) return source.onAbort(task);
  return onAbort(source, () => {
    if (source !== undefined) task(aborted(source, name));
  });
}

function isSignal(source: Cancellation | AbortSignal): source is AbortSignal {
  return 'aborted' in source;
}

/** A cancellation that is given in hand to whoever ends it. */
export class OpenEnding implements Cancellation {
  reason: MeshError | undefined = undefined;
  readonly #listeners = new Set<(reason: MeshError) => void>();

  onAbort(listener: (reason: MeshError) => void): () => void {
    if (this.reason !== undefined) listener(this.reason);
    else this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The first reason stays. */
  abort(reason: MeshError): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    for (const listener of this.#listeners) listener(reason);
    this.#listeners.clear();
  }
}
