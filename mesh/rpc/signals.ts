/** Nothing to release. */
const nothing = (): void => undefined;

/**
 * Runs `task` when `signal` aborts, at once if it has. The returned function forgets it; call it as soon as
 * the work has ended: a signal may outlive thousands of calls, and would keep all of them in memory.
 */
export function onAbort(signal: AbortSignal | undefined, task: () => void): () => void {
  if (signal === undefined) return nothing;
  if (signal.aborted) {
    task();
    return nothing;
  }
  signal.addEventListener('abort', task, { once: true });
  return () => {
    signal.removeEventListener('abort', task);
  };
}

/** Several signals as one, until `release`. */
export interface LinkedSignal {
  readonly signal: AbortSignal | undefined;
  release(): void;
}

/**
 * A signal that aborts with the first of `signals`, with its reason. Nothing is created for fewer than two
 * different ones: a controller costs 5 us, a tenth of a cheap call. AbortSignal.any would do the same, but
 * its result stays registered with its sources until it is collected.
 */
export function linkSignals(...signals: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const distinct = new Set(signals.filter((signal) => signal !== undefined));
  const [first] = distinct;
  if (distinct.size < 2) return { signal: first, release: nothing };
  const controller = new AbortController();
  const releases = [...distinct].map((signal) =>
    onAbort(signal, () => {
      controller.abort(signal.reason);
    }),
  );
  return {
    signal: controller.signal,
    release: () => {
      for (const release of releases) release();
    },
  };
}
