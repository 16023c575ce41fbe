import type { PresenceServiceDefinition } from '#gen/chat/presence/v1/presence.ts';
import { type Client, type Log, MeshError } from '#mesh';
import type { Hall } from './hall.ts';

export interface ReporterOptions {
  readonly presence: Client<PresenceServiceDefinition>;
  readonly hall: Pick<Hall, 'changes' | 'users'>;
  readonly gatewayId: string;
  readonly everyMs: number;
  readonly log: Log;
}

export interface Reporter {
  /** Tells presence what changed; the whole, when the last report is not known to have arrived. */
  report(): Promise<void>;
  /** Tells presence that nobody is here any more. */
  farewell(): Promise<void>;
}

/** So many reports may be lost until everybody here counts as gone. */
const missed = 5;

export function createReporter(options: ReporterOptions): Reporter {
  const { presence, hall, gatewayId, everyMs, log } = options;
  const lease = { gatewayId, leaseMs: missed * everyMs };
  let whole = true;
  return {
    async report() {
      const { came, left } = hall.changes();
      const said = whole ? { came: hall.users(), left: [] } : { came, left };
      try {
        const { known } = await presence.report({
          ...lease,
          ...{ came: [...said.came], left: [...said.left], whole },
        });
        whole = !known;
      } catch (thrown) {
        // Presence is away: chatting goes on without it.
        log.debug('presence could not be told', { err: MeshError.from(thrown) });
        whole = true;
      }
    },
    async farewell() {
      const nobody = { came: [], left: [], whole: true };
      await presence.report({ ...lease, ...nobody }).catch(() => undefined);
    },
  };
}
