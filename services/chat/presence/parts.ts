import { PresenceServiceDefinition } from '#gen/chat/presence/v1/presence.ts';
import { type AppTools, implement, type ServiceParts } from '#mesh';
import { presenceService } from './service.ts';
import { createRoll, type PresenceDb } from './store.ts';

/** How often those are struck off whose gateway is no longer heard of, in ms; nobody asks it to be exact. */
const tidyEveryMs = 5_000;

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function presenceParts({
  store,
  clock,
  every,
}: AppTools<PresenceDb>): ServiceParts<PresenceDb> {
  const roll = createRoll(store);
  every(tidyEveryMs, 'striking off who is gone', () => roll.tidy(clock.now()));
  return {
    services: [implement(PresenceServiceDefinition, presenceService({ roll, clock }))],
  };
}
