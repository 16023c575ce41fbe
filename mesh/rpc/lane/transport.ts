import { type Clock, systemClock } from '../../kernel/clock.ts';
import { addressOf, type Endpoint } from '../../kernel/endpoint.ts';
import type { PlainTransport } from '../plain/transport.ts';
import type { Transport } from '../transport.ts';
import { createLanedConnection, type LanedConnection } from './connection.ts';
import { laneKey } from './protocol.ts';
import { type LaneStats, noPlainCalls } from './stats.ts';

export interface LaneTransportOptions {
  /** How to reach an endpoint plainly: lanes travel on its channels, and what no lane takes is called so. */
  readonly plain: PlainTransport;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** False: everything goes plainly. Default true. */
  readonly enabled?: boolean;
  /** Most lanes to one endpoint; a second one is opened when the first has little room left. Default 2. */
  readonly maxLanes?: number;
  /** Most calls to one endpoint that go plainly at a time because its lanes are full. Default 50: half of the streams that a server takes. */
  readonly maxOverflow?: number;
  /** How long a server may take to welcome, in ms; connecting counted. Default 3000. */
  readonly welcomeTimeoutMs?: number;
}

/** How the calls to one endpoint have travelled. */
export interface EndpointLaneStats extends LaneStats {
  readonly instanceId: string;
  /** "host:port". */
  readonly address: string;
}

export interface LaneTransport extends Transport {
  open(endpoint: Endpoint): LanedConnection;
  /** Of every connection that is open. */
  stats(): EndpointLaneStats[];
}

/**
 * Unary calls as messages of one lasting stream (weft.lane.v1), to the endpoints that serve it; to others,
 * and for what does not fit, plain gRPC. Callers see no difference but the price.
 */
export function createLaneTransport(options: LaneTransportOptions): LaneTransport {
  const { plain, clock = systemClock, enabled = true } = options;
  const { maxLanes = 2, maxOverflow = 50, welcomeTimeoutMs = 3000 } = options;
  const { maxMessageBytes } = plain;
  const laned = { plain, clock, maxMessageBytes, maxLanes, maxOverflow, welcomeTimeoutMs };
  const open = new Map<LanedConnection, Endpoint>();

  function connect(endpoint: Endpoint, onClose: () => void): LanedConnection {
    if (enabled && endpoint.metadata[laneKey] === '1') {
      return createLanedConnection(endpoint, { ...laned, onClose });
    }
    return plainOnly(endpoint, plain, onClose);
  }

  return {
    open(endpoint) {
      const connection = connect(endpoint, () => open.delete(connection));
      open.set(connection, endpoint);
      return connection;
    },
    stats: () =>
      [...open].map(([connection, endpoint]) => ({
        instanceId: endpoint.instanceId,
        address: addressOf(endpoint),
        ...connection.stats(),
      })),
  };
}

/** A connection to an endpoint that serves no lanes, with its calls counted. */
function plainOnly(
  endpoint: Endpoint,
  plain: PlainTransport,
  onClose: () => void,
): LanedConnection {
  const connection = plain.open(endpoint);
  const plainCalls = noPlainCalls();
  return {
    unary(method, request, context) {
      plainCalls['no-lane']++;
      return connection.unary(method, request, context);
    },
    stream(method, requests, context) {
      plainCalls.stream++;
      return connection.stream(method, requests, context);
    },
    close() {
      onClose();
      return connection.close();
    },
    stats: () => ({
      ...{ lanes: 0, laneCalls: 0, writes: 0, written: 0 },
      plainCalls: { ...plainCalls },
    }),
  };
}
