import { MessagesServiceDefinition } from '#gen/chat/messages/v1/messages.ts';
import { PresenceServiceDefinition } from '#gen/chat/presence/v1/presence.ts';
import type { AppTools, ServiceParts } from '#mesh';
import { createEdge, createSocketDoor, type SocketConnection } from '#mesh/edge';
import type { GatewaySettings } from './config.ts';
import { createGuest, type Guest } from './guest.ts';
import { createHall } from './hall.ts';
import { createNews } from './news.ts';
import { createPolling } from './polling.ts';
import { createReporter } from './reporter.ts';
import { chatVerbs } from './verbs.ts';

export type GatewayOptions = Pick<
  GatewaySettings,
  'host' | 'edgePort' | 'tokenSecret' | 'origins' | 'reportEveryMs' | 'instanceId'
>;

/** Whose tokens are believed. */
const issuer = { issuer: 'weft-chat', audience: 'chat' };

/** What the service consists of; main.ts runs it for real, tests run it in one process. */
export function gatewayParts<DB>(tools: AppTools<DB>, options: GatewayOptions): ServiceParts<DB> {
  const { events, clock, random, log, spans, metrics } = tools;
  const messages = tools.client(MessagesServiceDefinition);
  const presence = tools.client(PresenceServiceDefinition);
  const hall = createHall();
  const guests = new Map<SocketConnection, Guest>();
  const sockets = createSocketDoor({
    ...{ clock, log },
    verbs: chatVerbs({ messages, presence, guestOf: (connection) => guests.get(connection) }),
    onOpen(connection) {
      const guest = createGuest(connection, { messages, clock, log });
      guests.set(connection, guest);
      hall.enter(connection.caller.subject, guest);
    },
    onClose(connection) {
      const guest = guests.get(connection);
      guests.delete(connection);
      if (guest !== undefined) hall.leave(connection.caller.subject, guest);
    },
  });
  const edge = createEdge({
    ...{ host: options.host, port: options.edgePort, clock, random, log, spans, metrics },
    tokens: { ...issuer, keys: { secret: options.tokenSecret } },
    origins: options.origins,
    protocols: [createPolling(messages)],
    upgrades: [{ path: '/chat', accept: sockets.accept, drain: sockets.close }],
  });
  const gatewayId = options.instanceId ?? `gateway-${random.hex(4)}`;
  const everyMs = options.reportEveryMs;
  const reporter = createReporter({ presence, hall, gatewayId, everyMs, log });
  tools.every(everyMs, 'telling presence who is here', reporter.report);
  const reporting = { start: async () => ({}), close: reporter.farewell };
  return { services: [], doors: [createNews({ events, hall, clock, log }), reporting, edge] };
}
