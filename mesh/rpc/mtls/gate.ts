import type { ServerInterceptor } from '@grpc/grpc-js';
import type { Observer } from '../server/observe.ts';
import { type CallListener, takeOver } from '../server/take-over.ts';
import { toStatus } from '../status.ts';
import type { RefusedCaller } from './authorize.ts';
import { noCaller, peerOf } from './peer.ts';

export interface GateOptions {
  readonly observers: ReadonlyMap<string, Observer>;
  readonly now: () => number;
  /** Told of each refusal. */
  readonly onRefused: (refused: RefusedCaller) => void;
}

/** What Consul's agent asks, which has no certificate; it says no more than whether the server serves. */
export const openPath = '/grpc.health.v1.Health/Check';

/**
 * Refuses the calls of everybody who has proven nothing, before anything of theirs is read: unary calls, streams,
 * lanes, reflection and methods that there are not. It is the first of the interceptors, so there is no kind of
 * call that it does not see.
 */
export function refuseStrangers({ observers, now, onRefused }: GateOptions): ServerInterceptor {
  return takeOver((path, call) => {
    if (path === openPath) return undefined;
    const peer = peerOf(call);
    if (peer !== undefined && 'caller' in peer) return undefined;
    const refusal = peer?.refusal ?? noCaller();
    const reason = refusal.reason ?? refusal.status;
    onRefused({ reason, caller: undefined, uri: undefined, method: undefined, error: refusal });
    observers.get(path)?.refused(refusal.status, now());
    call.sendStatus(toStatus(refusal));
    return silent;
  });
}

const silent: CallListener = {
  onReceiveMetadata: () => undefined,
  onReceiveMessage: () => undefined,
  onReceiveHalfClose: () => undefined,
  onCancel: () => undefined,
};
