/** Who is connected to this instance: guests by user, and what of it presence has not been told yet. */
import type { Guest } from './guest.ts';

export interface Hall {
  enter(userId: string, guest: Guest): void;
  leave(userId: string, guest: Guest): void;
  /** The connections of a user. */
  of(userId: string): readonly Guest[];
  /** All who are here. */
  users(): readonly string[];
  /** All their connections. */
  guests(): readonly Guest[];
  /** Who came and who left since this was asked before. */
  changes(): Changes;
}

export interface Changes {
  readonly came: readonly string[];
  readonly left: readonly string[];
}

export function createHall(): Hall {
  const guests = new Map<string, Guest[]>();
  let changed = new Set<string>();
  return {
    enter(userId, guest) {
      const others = guests.get(userId);
      if (others === undefined) changed.add(userId);
      guests.set(userId, [...(others ?? []), guest]);
    },
    leave(userId, guest) {
      const others = guests.get(userId)?.filter((each) => each !== guest) ?? [];
      if (others.length > 0) {
        guests.set(userId, others);
        return;
      }
      guests.delete(userId);
      changed.add(userId);
    },
    of: (userId) => guests.get(userId) ?? [],
    users: () => [...guests.keys()],
    guests: () => [...guests.values()].flat(),
    changes() {
      const all = [...changed];
      changed = new Set();
      return {
        came: all.filter((userId) => guests.has(userId)),
        left: all.filter((userId) => !guests.has(userId)),
      };
    },
  };
}
