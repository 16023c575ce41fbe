/** Commands that run one after the other, in the order in which they came. */
export interface Turns {
  /** Runs `command` when its turn comes; its signal aborts when a later one will not wait for it. */
  take<T>(command: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Makes the running command, and those before the next `take`, give up as soon as they can. */
  interrupt(): void;
}

export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  let patience = new AbortController();
  return {
    take(command) {
      const { signal } = patience;
      const turn = last.then(() => command(signal));
      last = turn.catch(() => undefined);
      return turn;
    },
    interrupt() {
      patience.abort();
      patience = new AbortController();
    },
  };
}
