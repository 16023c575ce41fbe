import { MeshError, systemClock } from '#mesh';
import { neverReached } from '../../../mesh/resilience/unreached.ts';
import { createLaneTransport, type LaneTransport } from '../../../mesh/rpc/lane/transport.ts';
import { createPlainTransport } from '../../../mesh/rpc/plain/transport.ts';
import type { Transport } from '../../../mesh/rpc/transport.ts';

/** What weft's calls travel on in an application; the client's policy says how much of it is used. */
export function createTransport(): LaneTransport {
  return createLaneTransport({ plain: createPlainTransport({ clock: systemClock }) });
}

/** Share of the unary calls of all connections that took a lane: a bench of the lane must not measure plain calls. */
export function laneShare(transport: LaneTransport): number {
  let [laned, plain] = [0, 0];
  for (const { laneCalls, plainCalls } of transport.stats()) {
    laned += laneCalls;
    plain += Object.values(plainCalls).reduce((sum, count) => sum + count, -plainCalls.stream);
  }
  return laned / (laned + plain);
}

/** The same, telling of each attempt, and in the end whether it may have reached anybody. */
export function watchedTransport(
  onAttempt: (instanceId: string) => (reached: boolean) => void,
): Transport {
  const inner = createTransport();
  return {
    open(to) {
      const connection = inner.open(to);
      return {
        stream: connection.stream.bind(connection),
        close: connection.close.bind(connection),
        async unary(method, request, context) {
          const ended = onAttempt(to.instanceId);
          try {
            const response = await connection.unary(method, request, context);
            ended(true);
            return response;
          } catch (thrown) {
            ended(!neverReached(MeshError.from(thrown)));
            throw thrown;
          }
        },
      };
    },
  };
}
