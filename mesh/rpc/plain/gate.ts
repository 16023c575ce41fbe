import { type Channel, Metadata, connectivityState as states } from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import { remainingMs } from '../../kernel/deadline.ts';
import type { MeshError } from '../../kernel/error.ts';
import type { CallFacts } from '../status.ts';
import type { AttemptContext } from '../transport.ts';
import { waitFor } from '../wait.ts';
import { connectText, localError, unreached } from './outcome.ts';

/**
 * Lets an attempt begin once there is a connection. grpc-js would queue the call itself, but until the
 * deadline: one host that answers no SYN would use up the whole time of a call that another could serve.
 * And a call that waits in front of the gate has surely not been sent, which grpc-js cannot say of its own.
 */
export interface Gate {
  /** True when connected: whoever asks first saves the promise of `pass`. */
  readonly open: boolean;
  /** Resolves once connected. Rejects with UnreachedError, DEADLINE_EXCEEDED or the reason of a caller who left. */
  pass(facts: CallFacts, context: AttemptContext): Promise<void>;
}

export interface GateOptions {
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
}

export function createGate(channel: Channel, { clock, connectTimeoutMs }: GateOptions): Gate {
  let settling: Promise<void> | undefined;

  /** Resolves when connecting has succeeded or failed; one watch for all who wait. */
  function settled(): Promise<void> {
    settling ??= new Promise((resolve) => {
      const look = (): void => {
        const state = channel.getConnectivityState(true);
        if (state === states.IDLE || state === states.CONNECTING) {
          channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look);
        } else {
          settling = undefined;
          resolve();
        }
      };
      look();
    });
    return settling;
  }

  function settledInTime(facts: CallFacts, context: AttemptContext): Promise<void> {
    const { deadline } = context;
    const leftMs = deadline === undefined ? Number.POSITIVE_INFINITY : remainingMs(deadline, clock);
    const late = (): MeshError =>
      leftMs <= connectTimeoutMs
        ? localError(facts, 'no connection before the deadline', { status: 'DEADLINE_EXCEEDED' })
        : unreached(facts, `no connection within ${String(connectTimeoutMs)} ms`);
    const ms = Math.min(leftMs, connectTimeoutMs);
    return waitFor(settled(), { clock, ms, context, late });
  }

  async function pass(facts: CallFacts, context: AttemptContext): Promise<void> {
    if (channel.getConnectivityState(false) !== states.TRANSIENT_FAILURE) {
      await settledInTime(facts, context);
    }
    const state = channel.getConnectivityState(false);
    if (state === states.READY) return;
    // Connecting goes on in the background until it succeeds; this attempt has other endpoints to try.
    const failed = state === states.TRANSIENT_FAILURE;
    const why = failed ? await reasonOf(channel, clock) : 'the connection was lost as it was made';
    throw unreached(facts, why);
  }

  return {
    get open() {
      return channel.getConnectivityState(false) === states.READY;
    },
    pass,
  };
}

/**
 * Why there is no connection. grpc-js tells it only to a call, which fails on this side at once; should there
 * be a connection after all, the path is one that no server knows.
 */
function reasonOf(channel: Channel, clock: Clock): Promise<string> {
  return new Promise((resolve) => {
    const call = channel.createCall('/weft.Nobody/Connect', clock.now() + 100, null, null, null);
    call.start(new Metadata(), {
      onReceiveMetadata: () => undefined,
      onReceiveMessage: () => undefined,
      onReceiveStatus: ({ details }) => {
        resolve(connectText(details));
      },
    });
  });
}
