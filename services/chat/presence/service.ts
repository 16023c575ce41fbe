import type {
  Presence as PresenceMessage,
  PresenceServiceDefinition,
} from '#gen/chat/presence/v1/presence.ts';
import { type Clock, type Implementation, toTimestamp } from '#mesh';
import type { Presence } from './presence.ts';
import type { Roll } from './store.ts';

export interface PresenceServiceOptions {
  readonly roll: Roll;
  readonly clock: Clock;
}

/** chat.presence.v1.PresenceService. */
export function presenceService({
  roll,
  clock,
}: PresenceServiceOptions): Implementation<PresenceServiceDefinition> {
  return {
    async report({ leaseMs, ...report }) {
      const nowMs = clock.now();
      const known = await roll.report({ ...report, untilMs: nowMs + leaseMs }, nowMs);
      return { known };
    },

    async getPresence({ userIds }) {
      const users = await roll.presence(userIds, clock.now());
      return { users: users.map(toMessage) };
    },
  };
}

function toMessage({ userId, online, lastSeenMs }: Presence): PresenceMessage {
  return {
    userId,
    online,
    lastSeen: lastSeenMs === undefined ? undefined : toTimestamp(lastSeenMs),
  };
}
