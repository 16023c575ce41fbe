const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `listener` once when `signal` aborts; the returned function takes it back. One listener of the signal
 * serves all who wait here: an EventTarget looks through all its listeners when one is added, and hundreds of
 * transactions may wait on the signal of one consumer.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  let listeners = waiting.get(signal);
  if (listeners === undefined) {
    const all = new Set<() => void>();
    listeners = all;
    waiting.set(signal, all);
    signal.addEventListener(
      'abort',
      () => {
        for (const each of [...all]) each();
      },
      { once: true },
    );
  }
  const mine = listeners;
  mine.add(listener);
  return () => mine.delete(listener);
}
