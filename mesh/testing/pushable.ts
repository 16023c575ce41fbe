/** A stream that a test feeds by hand. */
export interface Pushable<T> extends AsyncIterable<T> {
  push(...items: readonly T[]): void;
  /** No more will come. */
  end(): void;
}

/** For one reader. What was pushed before the end is read before the end. */
export function createPushable<T>(...first: readonly T[]): Pushable<T> {
  const items = [...first];
  let ended = false;
  let wake = (): void => undefined;
  async function* read(): AsyncGenerator<T> {
    for (;;) {
      yield* items.splice(0);
      if (items.length > 0) continue;
      if (ended) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  return {
    push(...more) {
      items.push(...more);
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    [Symbol.asyncIterator]: read,
  };
}
