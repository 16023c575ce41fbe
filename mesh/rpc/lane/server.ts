import type { Server, ServerInterceptingCallInterface, ServerInterceptor } from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import type { Log } from '../../kernel/log.ts';
import { bufferOf } from '../encode.ts';
import type { Dispatch } from '../server/dispatch.ts';
import { takeOver } from '../server/take-over.ts';
import { lanePath, maxInFlight } from './protocol.ts';
import { type LaneSite, ServerLane } from './server-lane.ts';

export interface LaneServiceParts {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the server begins to drain: lanes then send GoAway, finish what runs and end. */
  readonly draining: AbortSignal;
  /** The largest message either way; what the server's own limit says. */
  readonly maxMessageBytes: number;
  /** The most metadata of a call; checked by the server stack, told to clients. */
  readonly maxMetadataBytes: number;
  /** Most calls of one lane at a time. Default 1024: the limit on streams protects nobody here. */
  readonly maxInFlight?: number;
  /** How long a lane may take to say hello, in ms. Default 10 000. */
  readonly helloTimeoutMs?: number;
  /** What is known of a caller who has no address, as over a Unix socket. Default "unknown". */
  readonly unixPeer?: string;
}

/** What the lanes of a server have done. */
export interface LaneServiceStats {
  /** Lanes that are open. */
  readonly lanes: number;
  readonly writes: number;
  /** Replies over writes is how well they were gathered. */
  readonly replies: number;
}

/** weft.lane.v1.LaneService on a grpc-js server. */
export interface LaneService {
  /** Give it to the server: it takes the lanes, and passes all other calls on. */
  readonly interceptor: ServerInterceptor;
  /** Makes the path known to the server. */
  register(grpc: Server): void;
  stats(): LaneServiceStats;
}

/**
 * Serves lanes: each of their calls goes through `dispatch`, as a plain call does. `dispatch.methods` is read
 * when a lane is opened.
 */
export function laneService(dispatch: Dispatch, parts: LaneServiceParts): LaneService {
  const { clock, draining, unixPeer = 'unknown' } = parts;
  const open = new Set<ServerLane>();
  const written = { writes: 0, replies: 0 };
  const site: LaneSite = {
    ...{ clock, written },
    log: parts.log,
    methods: () => dispatch.methods,
    maxMessageBytes: parts.maxMessageBytes,
    maxMetadataBytes: parts.maxMetadataBytes,
    maxInFlight: parts.maxInFlight ?? maxInFlight,
    helloTimeoutMs: parts.helloTimeoutMs ?? 10_000,
    onOpen(lane) {
      // A lane does not age: its client chose this instance, and would open the next one here again.
      open.add(lane);
      if (draining.aborted) lane.goAway();
    },
    onEnd(lane) {
      open.delete(lane);
    },
  };
  draining.addEventListener('abort', () => {
    for (const lane of [...open]) lane.goAway();
  });
  return {
    interceptor: takeOver((path, call) =>
      path === lanePath ? new ServerLane(call, peerOf(call, unixPeer), site) : undefined,
    ),
    register(grpc) {
      // The handler is never called: the interceptor has taken the call by then.
      // Both ways it copies a message into its frame by a method that only a Buffer has.
      grpc.register(lanePath, () => undefined, bufferOf, bufferOf, 'bidi');
    },
    stats: () => ({ lanes: open.size, ...written }),
  };
}

function peerOf(call: ServerInterceptingCallInterface, unixPeer: string): string {
  const { remoteAddress, remotePort } = call.getConnectionInfo();
  return remoteAddress === undefined ? unixPeer : `${remoteAddress}:${String(remotePort)}`;
}
