/**
 * Who waits for whom: of the messages of one key one is on its way at a time, so that none is stored when the
 * one before it is not. Messages are known by their tokens.
 */
export interface KeyQueues {
  /** Takes a message up; true when it may be sent at once, false when it waits for the one before it. */
  enter(key: string, token: number): boolean;
  /** The fate of a message is known; gives the one that waited for it. */
  leave(key: string, token: number): number | undefined;
}

export function createKeyQueues(): KeyQueues {
  /** The last message of each key that has any. */
  const tails = new Map<string, number>();
  const followers = new Map<number, number>();
  return {
    enter(key, token) {
      const before = tails.get(key);
      tails.set(key, token);
      if (before === undefined) return true;
      followers.set(before, token);
      return false;
    },
    leave(key, token) {
      if (tails.get(key) === token) tails.delete(key);
      const next = followers.get(token);
      followers.delete(token);
      return next;
    },
  };
}
