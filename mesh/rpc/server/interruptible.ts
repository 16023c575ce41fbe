import type { Scope } from '../../kernel/scope.ts';

/**
 * Reads `source` until it ends or the call does. An async generator that waits for something cannot be
 * interrupted from outside: its `return` is only queued. So the wait is raced here, the consumer gets the
 * reason at once, and the generator gets its `return` as soon as it can take it.
 *
 * `enter` wraps each step, for an async generator runs in the context of whoever calls `next`.
 */
export async function* interruptible<T>(
  source: AsyncIterable<T>,
  scope: Scope,
  enter: <R>(step: () => R) => R = (step) => step(),
): AsyncGenerator<T, void, undefined> {
  const iterator = enter(() => source[Symbol.asyncIterator]());
  let waiting = false;
  let ended = false;
  try {
    for (;;) {
      waiting = true;
      const step = await scope.race(enter(() => iterator.next()));
      waiting = false;
      if (step.done === true) {
        ended = true;
        return;
      }
      yield step.value;
    }
  } finally {
    if (!ended) {
      const returned = enter(() => iterator.return?.());
      // While a step is pending its return is queued behind it, perhaps forever: not waited for.
      if (waiting) returned?.catch(() => undefined);
      else await returned;
    }
  }
}
