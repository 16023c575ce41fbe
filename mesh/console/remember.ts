import type { Clock } from '../kernel/clock.ts';
import { MeshError } from '../kernel/error.ts';

/** What was last heard of somebody, and whether that is still so. */
export interface Known<T> {
  readonly value: T;
  /** When it was heard, in ms since the epoch; undefined: never. */
  readonly asOfMs: number | undefined;
  /** Why it is not newer; undefined when it is fresh. */
  readonly trouble: string | undefined;
}

/** A question whose last answer stands for as long as there is no newer one. */
export function remembering<T>(
  ask: () => Promise<T>,
  nothing: T,
  clock: Clock,
): () => Promise<Known<T>> {
  let last: Known<T> = { value: nothing, asOfMs: undefined, trouble: undefined };
  return async () => {
    try {
      last = { value: await ask(), asOfMs: clock.now(), trouble: undefined };
    } catch (thrown) {
      last = { ...last, trouble: MeshError.from(thrown).rawMessage };
    }
    return last;
  };
}
