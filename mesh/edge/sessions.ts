import { constants, type ServerHttp2Session } from 'node:http2';
import type { Clock } from '../kernel/clock.ts';
import type { EdgeLimits } from './limits.ts';

/** Looks after connections of HTTP/2: what ends them, and what they may cost beside requests. */
export interface Sessions {
  take(session: ServerHttp2Session): void;
  /** Asks all to go elsewhere, and those that come later; requests that are under way are finished. */
  leave(): void;
}

/** Pings and settings that a client may send in a window; gRPC's keepalive sends one in 10 s. */
const calmFrames = 1000;
const calmWindowMs = 10_000;
/** How long a client may take to hang up after the last answer, in ms. */
const farewellMs = 1000;

export function createSessions({
  limits,
  clock,
}: {
  readonly limits: EdgeLimits;
  readonly clock: Clock;
}): Sessions {
  const open = new Map<ServerHttp2Session, () => void>();
  let leaving = false;

  function take(session: ServerHttp2Session): void {
    let streams = 0;
    let cancelIdle = (): void => undefined;
    const bye = (): void => {
      sayGoodbye(session, clock, () => streams);
    };
    // Whatever else the client sends: a ping now and then is no use of a connection.
    const beIdle = (): void => {
      cancelIdle = clock.after(limits.idleTimeoutMs, bye);
    };
    session.on('stream', (stream) => {
      if (streams++ === 0) cancelIdle();
      stream.once('close', () => {
        if (--streams === 0 && !session.destroyed) beIdle();
      });
    });
    session.once('close', () => {
      cancelIdle();
      open.delete(session);
    });
    keepCalm(session, clock);
    beIdle();
    open.set(session, bye);
    if (leaving) bye();
  }

  return {
    take,
    leave() {
      leaving = true;
      for (const bye of [...open.values()]) bye();
    },
  };
}

/**
 * Ends a session: GOAWAY says which request was the last that is answered. What comes behind it was never looked
 * at, and may be asked again elsewhere (RFC 9113, 6.8 and 8.7), as browsers and gRPC do by themselves. A first
 * GOAWAY that refuses nothing would spare them that, but Node takes no stream after any GOAWAY.
 */
function sayGoodbye(session: ServerHttp2Session, clock: Clock, streams: () => number): void {
  if (session.destroyed || session.closed) return;
  // A socket is to be had only as long as its session is there.
  const { socket } = session;
  const hangUp = socket.destroySoon.bind(socket);
  session.close();
  // Node waits for the client to hang up, which it may never do.
  const hangUpLater = (): void => {
    if (streams() === 0) hangUp();
    else clock.after(farewellMs, hangUpLater);
  };
  clock.after(farewellMs, hangUpLater);
}

/** Each of these frames must be answered, and costs the client nothing (CVE-2019-9512, CVE-2019-9515). */
function keepCalm(session: ServerHttp2Session, clock: Clock): void {
  let count = 0;
  let sinceMs = clock.monotonic();
  const onFrame = (): void => {
    const nowMs = clock.monotonic();
    if (nowMs - sinceMs > calmWindowMs) [count, sinceMs] = [0, nowMs];
    if (++count > calmFrames) session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  };
  session.on('ping', onFrame);
  session.on('remoteSettings', onFrame);
}
